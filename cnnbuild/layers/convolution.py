"""Convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from pydantic import model_validator

from cnnbuild.layers.base import Example, Layer, Shape, ShapeError, Sight, format_shape, require_map
from cnnbuild.layers.parameters import Padding, PositiveInt, PositivePair, resolve_padding
from cnnbuild.layers.reach import window

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
        for name, count in (("in", channels), ("out", self.out_channels)):
            if count % self.groups:
                raise ShapeError(
                    f"{self.type_name}: {count} {name}put channels cannot be divided into "
                    f"{self.groups} groups",
                    parameter="groups",
                )
        pads = resolve_padding(self.padding, self.kernel_size, self.dilation)
        for size, pad in zip((height, width), pads, strict=True):
            most = {"reflect": size - 1, "circular": size}.get(self.padding_mode, max(pad))
            if max(pad) > most:
                raise ShapeError(
                    f"{self.type_name}: padding_mode: {self.padding_mode} can add at most {most} pixels "
                    f"at each side of {format_shape(inputs[0])}, not {max(pad)}",
                    parameter="padding_mode",
                )
        sizes = [
            (size + sum(pad) - d * (k - 1) - 1) // s + 1 if size + sum(pad) > d * (k - 1) else 0
            for size, pad, k, s, d in zip(
                (height, width), pads, self.kernel_size, self.stride, self.dilation, strict=True
            )
        ]
        if min(sizes) < 1:
            raise ShapeError(
                f"{self.type_name}: a kernel of {self.kernel_size[0]}x{self.kernel_size[1]} does not fit "
                f"into {format_shape(inputs[0])}",
                parameter="kernel_size",
                help="add `padding: half`, use a smaller kernel, or fewer strides and pools before it",
            )
        return (self.out_channels, sizes[0], sizes[1])

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

    def macs(self, *inputs: Shape) -> int:
        """Kernel height * width * in / groups for each output value."""
        channels, height, width = self.output_shape(*inputs)
        kernel = self.kernel_size[0] * self.kernel_size[1] * inputs[0][0] // self.groups
        return channels * height * width * kernel

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
