"""Variations of standard layers, to be compared with them."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from cnnbuild.layers.activation import ElementWise
from cnnbuild.layers.base import Example, Layer, Shape, Sight, require_map
from cnnbuild.layers.convolution import Conv
from cnnbuild.layers.memory import KEEPS_INPUT_FOR_SLOPE, KEEPS_NOTHING, Held, Kept
from cnnbuild.layers.parameters import PositivePair
from cnnbuild.layers.reach import adaptive_window
from cnnbuild.layers.sliding_pool import WindowPool

if TYPE_CHECKING:
    from torch import nn


class AffineConv(Conv):
    """A convolution, then a learned scale and shift per channel, 1 and 0 at the start (there it is `conv`).

    Weights of a `conv` fit; they lack only `scale` and `shift`.
    """

    type_name = "affine_conv"
    examples = (
        Example(((3, 8, 8),), {"out_channels": 4, "kernel_size": 3, "padding": "half", "stride": 2}),
        Example(((4, 9, 7),), {"out_channels": 6, "kernel_size": [3, 2], "groups": 2, "bias": False}),
        Example(((2, 7, 8),), {"out_channels": 3, "kernel_size": 3, "padding": "same", "dilation": 2}),
    )

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """Those of `conv`, and `scale` and `shift` (out,)."""
        names = ("weight", "bias", "scale", "shift") if self.bias else ("weight", "scale", "shift")
        shapes = super().weight_shapes(*inputs)
        return {name: shapes.get(name, (self.out_channels,)) for name in names}

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """What the convolution keeps, and its result."""
        convolution = super().kept_for_backward(*inputs)
        result = Held(values=prod(self.output_shape(*inputs)))
        why = f"{convolution.why}, and the convolution's result, for the scale's gradient"
        return replace(convolution, inner=convolution.inner + result, why=why)

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """What the convolution holds; then its result beside the scaled one."""
        return *super().working_memory(*inputs), Held(values=2 * prod(self.output_shape(*inputs)))

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.Conv2d` with two more weights."""
        from cnnbuild.layers.torch_modules.custom import AffineConv2d

        return AffineConv2d(*self.module_arguments(inputs[0][0]))


class NoisyConv(Conv):
    """A convolution that adds Gaussian noise to its output in training; in evaluation it is `conv`.

    The noise has mean 0, the standard deviation `std`, and one draw per output value. The default is a sixth
    of the deviation that the output has at the start: torch's weights give 1 / sqrt(3) = 0.58 for independent
    inputs of variance 1. Every `std`, 0 included, takes the same draws from torch's generator.
    """

    type_name = "noisy_conv"
    examples = (
        Example(((3, 8, 8),), {"out_channels": 4, "kernel_size": 3, "padding": "half", "stride": 2}),
        Example(((4, 9, 7),), {"out_channels": 6, "kernel_size": [3, 2], "groups": 2, "std": 0.5}),
    )

    std: Annotated[float, Field(ge=0)] = 0.1

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """What the convolution keeps; the noise is added, which needs nothing."""
        return super().kept_for_backward(*inputs)

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """What the convolution holds."""
        return super().working_memory(*inputs)

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.Conv2d` with noise."""
        from cnnbuild.layers.torch_modules.custom import NoisyConv2d

        return NoisyConv2d(*self.module_arguments(inputs[0][0]), std=self.std)


class Swish(ElementWise):
    """x * sigmoid(beta x) with one learned beta, whose gradient is clipped to [-clip, clip].

    Without a beta to learn it is `silu`, which is what most networks mean by Swish.
    Ramachandran et al. 2017, arXiv:1710.05941; the clip is this project's. What is clipped is the derivative
    of the loss, summed over all values of the batch, and not each value's share; so it depends on the loss's
    scale. `clip: null` leaves it as it is. The input's gradient is never clipped.
    """

    type_name = "swish"
    examples = (
        Example(((3, 4, 4),), {"clip": None}),
        Example(((2, 3, 3),), {"init_value": 1.5, "clip": 0.5}),
        Example(((6,),)),
    )

    init_value: float = 1.0
    clip: Annotated[float, Field(gt=0)] | None = 0.1

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:  # noqa: ARG002
        """`beta`, a scalar."""
        return {"beta": ()}

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input and the sigmoid."""
        inner = Held(values=prod(inputs[0]))
        return Kept(inputs=(0,), inner=inner, why="its input and the sigmoid, each of which is multiplied")

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output and the sigmoid."""
        return (Held(values=2 * prod(inputs[0])),)

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module with one weight."""
        from cnnbuild.layers.torch_modules.custom import Swish as SwishModule

        return SwishModule(self.init_value, self.clip)


class ClampedRelu(ElementWise):
    """max(0, x) as `torch.clamp(x, min=0)`: the values of `relu`.

    The gradient at exactly 0 is torch's choice: for `relu` always 0; for a clamp 0 in torch 2.15, and 1 in
    older versions (pytorch issue 184574).
    """

    type_name = "clamped_relu"
    examples = (Example(((3, 4, 4),)), Example(((6,),)))

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Its input, where `relu` keeps its output."""
        return KEEPS_INPUT_FOR_SLOPE

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module without weights."""
        from cnnbuild.layers.torch_modules.custom import ClampedReLU

        return ClampedReLU()


class MeanLpPool(WindowPool):
    """(mean |x|^p)^(1/p) of each window: p = 1 is the average of |x|, large p approaches the maximum.

    `torch.nn.LPPool2d` takes the sum of x^p instead, with signs. As in `avg_pool`, padding counts as zeros
    in the mean unless `count_include_pad: false`, and what hangs over the end in ceil mode never counts.
    """

    type_name = "mean_lp_pool"
    examples = (
        Example(((3, 8, 8),), {"kernel_size": 2}),
        Example(((2, 9, 7),), {"kernel_size": 3, "stride": 2, "padding": 1, "p": 3.0}),
        Example(((2, 8, 10),), {"kernel_size": 3, "stride": 2, "ceil_mode": True, "p": 1.0}),
        Example(
            ((1, 7, 8),),
            {
                "kernel_size": [3, 2],
                "padding": [1, 0],
                "count_include_pad": False,
                "ceil_mode": True,
                "p": 2.5,
            },
        ),
    )

    count_include_pad: bool = True
    p: Annotated[float, Field(ge=1)] = 2.0

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input; for each output the values of its window, divided by the largest, that and the mean."""
        channels, height, width = self.output_shape(*inputs)
        taps, pixels = prod(self.kernel_size), height * width
        if taps == 1:  # the largest value of one is a view of the padded map, which stays with it
            pixels = self._padded(inputs[0])[1]
        each = channels * height * width
        inner = Held(values=(taps + 2) * each + channels * pixels, flags=each, constants=pixels)
        return Kept(inputs=(0,), inner=inner, why="its input and each step to the root, for their slopes")

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The input's size and its padded copies; then a copy of the windows' values; then what remains."""
        channels, height, width = inputs[0]
        output = self.output_shape(*inputs)
        each, taps = prod(output), prod(self.kernel_size)
        once, twice = self._padded(inputs[0])
        sums = min(taps - 1, 2)  # while some tensors are added up, the last sum and the next
        held = Held(values=channels * twice + min(taps, 2) * each, flags=each)  # the largest and the divisor
        counted = held + Held(values=each)  # the sum of the powers, later their mean
        return (
            Held(values=channels * (height * width + once + twice)),
            held + Held(values=(taps + max(sums, 1)) * each),
            counted + Held(constants=height * width + once + twice),
            counted + Held(constants=height * width + twice + sums * output[1] * output[2]),
            counted + Held(values=2 * each),
        )

    def _padded(self, shape: Shape) -> tuple[int, int]:
        """Pixels of the map with its padding, and of that with what the last windows need in ceil mode."""
        sizes = [size + 2 * pad for size, pad in zip(shape[1:], self.padding, strict=True)]
        hangs = [
            max((outputs - 1) * step + kernel - size, 0) if self.ceil_mode else 0
            for outputs, step, kernel, size in zip(
                self.output_shape(shape)[1:], self.steps, self.kernel_size, sizes, strict=True
            )
        ]
        return prod(sizes), prod(size + hang for size, hang in zip(sizes, hangs, strict=True))

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module without weights."""
        from cnnbuild.layers.torch_modules.custom import MeanLPPool2d

        return MeanLPPool2d(
            self.kernel_size,
            self.steps,
            self.padding,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
            p=self.p,
        )


class WindowAvgPool(Layer):
    """`adaptive_avg_pool` written out: means of windows, over their rows and then over their columns."""

    type_name = "window_avg_pool"
    primary = "output_size"
    examples = (
        Example(((3, 8, 8),), {"output_size": 4}),
        Example(((2, 7, 10),), {"output_size": [3, 4]}),
        Example(((2, 3, 5),), {"output_size": [4, 1]}),
    )

    output_size: PositivePair

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C, *output_size)."""
        return (require_map(inputs[0], self.type_name)[0], *self.output_size)

    def sight(self, *inputs: Shape) -> Sight:
        """Windows of about H / H' pixels, from floor(o H / H') to ceil((o + 1) H / H') - 1."""
        _, height, width = inputs[0]
        return adaptive_window(height, self.output_size[0]), adaptive_window(width, self.output_size[1])

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The means over rows and the map that they are stacked to; then the same over columns."""
        channels, _, width = inputs[0]
        rows, output = channels * self.output_size[0] * width, channels * prod(self.output_size)
        return Held(values=2 * rows), Held(values=rows + 2 * output)

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module that takes maps of any size."""
        from cnnbuild.layers.torch_modules.custom import WindowAvgPool2d

        return WindowAvgPool2d(self.output_size)
