"""Convolutions."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from pydantic import model_validator

from cnnbuild.layers.arithmetic import SlidingWindow, SpreadWindow, Terms, Worked
from cnnbuild.layers.base import (
    Example,
    Layer,
    Shape,
    ShapeError,
    Sight,
    format_shape,
    require_groups,
    require_map,
)
from cnnbuild.layers.memory import KEEPS_INPUT_FOR_WEIGHTS, Held, Kept
from cnnbuild.layers.parameters import (
    NonNegativePair,
    Padding,
    PositiveInt,
    PositivePair,
    pixels_padded_before,
    resolve_padding,
)
from cnnbuild.layers.reach import transposed_window, window

if TYPE_CHECKING:
    from torch import nn

PaddingMode: TypeAlias = Literal["zeros", "reflect", "replicate", "circular"]

ConvolutionArguments: TypeAlias = tuple[
    int, int, tuple[int, int], tuple[int, int], str | tuple[int, int], tuple[int, int], int, bool, PaddingMode
]
"""In and out channels, kernel size, stride, padding, dilation, groups, bias, padding mode: torch's order."""


class Conv(Layer):
    """A convolution: `torch.nn.Conv2d`, with its defaults."""

    type_name = "conv"
    primary = "out_channels"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(((3, 8, 8),), {"out_channels": 4, "kernel_size": 3, "padding": "half", "stride": 2}),
        Example(((4, 9, 7),), {"out_channels": 6, "kernel_size": [3, 2], "groups": 2, "bias": False}),
        Example(((2, 12, 12),), {"out_channels": 3, "kernel_size": 3, "dilation": [2, 3], "padding": [1, 2]}),
        Example(((2, 7, 8),), {"out_channels": 3, "kernel_size": 4, "padding": "same"}),
        Example(((2, 6, 5),), {"out_channels": 2, "kernel_size": 3, "padding": 1, "padding_mode": "reflect"}),
    )

    out_channels: PositiveInt
    kernel_size: PositivePair
    stride: PositivePair = (1, 1)
    padding: Padding = (0, 0)
    dilation: PositivePair = (1, 1)
    groups: PositiveInt = 1
    bias: bool = True
    padding_mode: PaddingMode = "zeros"

    @model_validator(mode="after")
    def _padding_fits(self) -> Conv:
        if self.padding == "same" and self.stride != (1, 1):
            raise ValueError("torch refuses padding: same with a stride; write `padding: half`")
        resolve_padding(self.padding, self.kernel_size, self.dilation)
        return self

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (out, H', W'), H' = (H + padding - dilation (kernel - 1) - 1) // stride + 1."""
        channels, height, width = require_map(inputs[0], self.type_name)
        require_groups(self.type_name, channels, self.out_channels, self.groups)
        pads = resolve_padding(self.padding, self.kernel_size, self.dilation)
        for size, pad in zip((height, width), pads, strict=True):
            most = {"reflect": size - 1, "circular": size}.get(self.padding_mode, max(pad))
            if max(pad) > most:
                raise ShapeError(
                    f"{self.type_name}: padding_mode: {self.padding_mode} can add at most {most} pixels "
                    f"at each side of {format_shape(inputs[0])}, not {max(pad)}",
                    parameter="padding_mode",
                    help="use less padding, or leave `padding_mode` at zeros",
                )
        sizes = [window.outputs for window in self._windows(inputs[0])]
        if min(sizes) < 1:
            raise ShapeError(
                f"{self.type_name}: a kernel of {self.kernel_size[0]}x{self.kernel_size[1]} does not fit "
                f"into {format_shape(inputs[0])}",
                parameter="kernel_size",
                help="add `padding: half`, use a smaller kernel, or fewer strides and pools before it",
            )
        return (self.out_channels, sizes[0], sizes[1])

    def _windows(self, shape: Shape) -> tuple[SlidingWindow, SlidingWindow]:
        pads = resolve_padding(self.padding, self.kernel_size, self.dilation)
        height, width = (
            SlidingWindow(size, k, s, *pad, d)
            for size, k, s, pad, d in zip(
                shape[1:], self.kernel_size, self.stride, pads, self.dilation, strict=True
            )
        )
        return height, width

    def size_terms(self, *inputs: Shape) -> tuple[Worked, Worked] | None:
        """How many windows there are along each axis."""
        height, width = self._windows(inputs[0])
        return height.worked(), width.worked()

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The kernel's window; with `padding_mode: circular` as if the map went on beyond its border."""
        pads = resolve_padding(self.padding, self.kernel_size, self.dilation)
        (top, _), (left, _) = pads
        return (
            window(self.kernel_size[0], self.stride[0], top, self.dilation[0]),
            window(self.kernel_size[1], self.stride[1], left, self.dilation[1]),
        )

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight` (out, in / groups, kernel height, kernel width), and `bias` (out,)."""
        shapes: dict[str, Shape] = {
            "weight": (self.out_channels, inputs[0][0] // self.groups, *self.kernel_size)
        }
        return shapes | {"bias": (self.out_channels,)} if self.bias else shapes

    def mac_terms(self, *inputs: Shape) -> tuple[Terms, ...]:
        """Kernel height * width * in / groups for each output value."""
        channels, height, width = self.output_shape(*inputs)
        terms = {
            "out channels": channels,
            "rows": height,
            "columns": width,
            "kernel rows": self.kernel_size[0],
            "kernel columns": self.kernel_size[1],
            "in channels" if self.groups == 1 else "in channels of a group": inputs[0][0] // self.groups,
        }
        return (terms,)

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input; where that is padded by itself before, the padded map, and with `reflect` and
        `replicate` both.
        """
        padded = self._padded(inputs[0])
        if not padded:
            return KEEPS_INPUT_FOR_WEIGHTS
        if self.padding_mode in {"reflect", "replicate"}:
            why = "its input, for the padding's gradient, and the padded map, for the weight's"
            return Kept(inputs=(0,), inner=Held(values=padded), why=why)
        return Kept(inner=Held(values=padded), why="its padded input, for the weight's gradient")

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output, and the padded map where the padding is a step of its own."""
        return (Held(values=self._padded(inputs[0]) + prod(self.output_shape(*inputs))),)

    def _padded(self, shape: Shape) -> int:
        pads = resolve_padding(self.padding, self.kernel_size, self.dilation)
        return shape[0] * pixels_padded_before(shape[1:], pads, by_kernel=self.padding_mode == "zeros")

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.Conv2d`."""
        from torch import nn

        return nn.Conv2d(*self.module_arguments(inputs[0][0]))

    def module_arguments(self, in_channels: int) -> ConvolutionArguments:
        """The arguments of `torch.nn.Conv2d`, which does not know `half`."""
        padding: str | tuple[int, int]
        if isinstance(self.padding, str) and self.padding != "half":
            padding = self.padding
        else:
            (top, _), (left, _) = resolve_padding(self.padding, self.kernel_size, self.dilation)
            padding = (top, left)
        return (
            in_channels, self.out_channels, self.kernel_size, self.stride, padding,
            self.dilation, self.groups, self.bias, self.padding_mode,
        )  # fmt: skip


class ConvTranspose(Layer):
    """A transposed convolution, each pixel spread over a window of the output: `torch.nn.ConvTranspose2d`.

    With `stride: 2` it doubles a map. A kernel size that is a multiple of the stride spreads evenly; others
    leave a checkerboard (Odena et al. 2016, doi:10.23915/distill.00003).
    """

    type_name = "conv_transpose"
    primary = "out_channels"
    examples = (
        Example(((3, 4, 5),), {"out_channels": 2, "kernel_size": 2, "stride": 2}),
        Example(
            ((2, 4, 3),),
            {"out_channels": 3, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1},
        ),
        Example(((4, 3, 4),), {"out_channels": 6, "kernel_size": [3, 2], "groups": 2, "bias": False}),
        Example(((2, 4, 4),), {"out_channels": 1, "kernel_size": 3, "stride": [2, 3], "dilation": [3, 2]}),
        Example(((1, 3, 3),), {"out_channels": 2, "kernel_size": 1, "stride": 2}),
    )

    out_channels: PositiveInt
    kernel_size: PositivePair
    stride: PositivePair = (1, 1)
    padding: NonNegativePair = (0, 0)
    output_padding: NonNegativePair = (0, 0)
    groups: PositiveInt = 1
    bias: bool = True
    dilation: PositivePair = (1, 1)

    @model_validator(mode="after")
    def _output_padding_fits(self) -> ConvTranspose:
        for extra, step, spread in zip(self.output_padding, self.stride, self.dilation, strict=True):
            if extra >= max(step, spread):
                raise ValueError(
                    f"an output_padding of {extra} must be smaller than the stride or the dilation, "
                    f"{step} and {spread}; it only chooses among the sizes that one stride cannot tell apart"
                )
        return self

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (out, H', W').

        H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.
        """
        channels, _, _ = require_map(inputs[0], self.type_name)
        require_groups(self.type_name, channels, self.out_channels, self.groups)
        sizes = [window.outputs for window in self._windows(inputs[0])]
        if min(sizes) < 1:
            raise ShapeError(
                f"conv_transpose: a padding of {self.padding[0]}x{self.padding[1]} cuts away all that a "
                f"kernel of {self.kernel_size[0]}x{self.kernel_size[1]} makes of {format_shape(inputs[0])}",
                parameter="padding",
                help="use less padding: it is taken off each side of the output",
            )
        return (self.out_channels, sizes[0], sizes[1])

    def _windows(self, shape: Shape) -> tuple[SpreadWindow, SpreadWindow]:
        height, width = (
            SpreadWindow(size, k, s, p, d, extra)
            for size, k, s, p, d, extra in zip(
                shape[1:], self.kernel_size, self.stride, self.padding, self.dilation,
                self.output_padding, strict=True,
            )
        )  # fmt: skip
        return height, width

    def size_terms(self, *inputs: Shape) -> tuple[Worked, Worked] | None:
        """How far the windows spread along each axis."""
        height, width = self._windows(inputs[0])
        return height.worked(), width.worked()

    def sight(self, *inputs: Shape) -> Sight:
        """The pixels that are spread over it, which are not the same for all outputs between two strides."""
        outputs = self.output_shape(*inputs)[1:]
        height, width = (
            transposed_window(k, s, p, d, outputs=size)
            for k, s, p, d, size in zip(
                self.kernel_size, self.stride, self.padding, self.dilation, outputs, strict=True
            )
        )
        return height, width

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight` (in, out / groups, kernel height, kernel width), and `bias` (out,)."""
        shapes: dict[str, Shape] = {
            "weight": (inputs[0][0], self.out_channels // self.groups, *self.kernel_size)
        }
        return shapes | {"bias": (self.out_channels,)} if self.bias else shapes

    def mac_terms(self, *inputs: Shape) -> tuple[Terms, ...]:
        """Kernel height * width * out / groups for each input value, also where padding cuts it away."""
        channels, height, width = inputs[0]
        out = "out channels" if self.groups == 1 else "out channels of a group"
        terms = {
            "in channels": channels,
            "rows of the input": height,
            "columns of the input": width,
            "kernel rows": self.kernel_size[0],
            "kernel columns": self.kernel_size[1],
            out: self.out_channels // self.groups,
        }
        return (terms,)

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Its input."""
        return KEEPS_INPUT_FOR_WEIGHTS

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.ConvTranspose2d`."""
        from torch import nn

        return nn.ConvTranspose2d(
            inputs[0][0], self.out_channels, self.kernel_size, self.stride, self.padding,
            self.output_padding, self.groups, self.bias, self.dilation,
        )  # fmt: skip
