"""Pools over windows, to a given size, and over the whole map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import model_validator

from cnnbuild.layers.base import (
    SEES_EVERYTHING,
    Example,
    Layer,
    Shape,
    ShapeError,
    Sight,
    format_shape,
    require_map,
)
from cnnbuild.layers.parameters import NonNegativePair, PositivePair
from cnnbuild.layers.reach import adaptive_window, window

if TYPE_CHECKING:
    from torch import nn


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """Outputs of a pool along one axis, by torch's rule; 0 or less where the window does not fit.

    In ceil mode the last window may hang over the end, but must start inside the input or its left padding
    (aten/src/ATen/native/Pool.h, `pooling_output_shape_pad_lr`).
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    outputs = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (outputs - 1) * stride >= size + padding:
        outputs -= 1
    return outputs


class WindowPool(Layer):
    """The base of the pools over sliding windows."""

    primary = "kernel_size"

    kernel_size: PositivePair
    stride: PositivePair | None = None
    padding: NonNegativePair = (0, 0)
    ceil_mode: bool = False

    @property
    def steps(self) -> tuple[int, int]:
        """The stride, which is the kernel size where none is given."""
        return self.stride or self.kernel_size

    @property
    def spread(self) -> tuple[int, int]:
        """The dilation."""
        return (1, 1)

    @model_validator(mode="after")
    def _padding_is_at_most_half(self) -> WindowPool:
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise ValueError("torch allows a pool a padding of at most half its kernel size")
        return self

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C, H', W'), with H' = (H + 2 padding - dilation (kernel - 1) - 1) // stride + 1."""
        channels, height, width = require_map(inputs[0], self.type_name)
        sizes = [
            pooled_size(size, k, s, p, d, self.ceil_mode)
            for size, k, s, p, d in zip(
                (height, width), self.kernel_size, self.steps, self.padding, self.spread, strict=True
            )
        ]
        if min(sizes) < 1:
            raise ShapeError(
                f"{self.type_name}: a window of {self.kernel_size[0]}x{self.kernel_size[1]} does not fit "
                f"into {format_shape(inputs[0])}",
                parameter="kernel_size",
                help="pool less often before it, or start from a larger input",
            )
        return (channels, sizes[0], sizes[1])

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The pool's window."""
        height, width = (
            window(k, s, p, d)
            for k, s, p, d in zip(self.kernel_size, self.steps, self.padding, self.spread, strict=True)
        )
        return height, width


class MaxPool(WindowPool):
    """The largest value of each window: `torch.nn.MaxPool2d`."""

    type_name = "max_pool"
    examples = (
        Example(((3, 8, 8),), {"kernel_size": 2}),
        Example(((2, 9, 7),), {"kernel_size": 3, "stride": 2, "padding": 1}),
        Example(((2, 8, 10),), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        Example(((1, 11, 11),), {"kernel_size": [2, 3], "stride": 1, "dilation": 2}),
    )

    dilation: PositivePair = (1, 1)

    @property
    def spread(self) -> tuple[int, int]:
        """The dilation."""
        return self.dilation

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.MaxPool2d`."""
        from torch import nn

        return nn.MaxPool2d(
            self.kernel_size, self.steps, self.padding, self.dilation, ceil_mode=self.ceil_mode
        )


class AvgPool(WindowPool):
    """The mean of each window: `torch.nn.AvgPool2d`."""

    type_name = "avg_pool"
    examples = (
        Example(((3, 8, 8),), {"kernel_size": 2}),
        Example(((2, 9, 7),), {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
        Example(((2, 8, 10),), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    )

    count_include_pad: bool = True

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.AvgPool2d`."""
        from torch import nn

        return nn.AvgPool2d(
            self.kernel_size, self.steps, self.padding, self.ceil_mode, self.count_include_pad
        )


class AdaptiveAvgPool(Layer):
    """The mean of windows chosen so that the output has a given size: `torch.nn.AdaptiveAvgPool2d`."""

    type_name = "adaptive_avg_pool"
    primary = "output_size"
    examples = (Example(((3, 8, 8),), {"output_size": 4}), Example(((2, 7, 10),), {"output_size": [3, 4]}))

    output_size: PositivePair

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C, *output_size)."""
        return (require_map(inputs[0], "adaptive_avg_pool")[0], *self.output_size)

    def sight(self, *inputs: Shape) -> Sight:
        """Windows of about H / H' pixels, exactly as torch lays them."""
        return (
            adaptive_window(inputs[0][1], self.output_size[0]),
            adaptive_window(inputs[0][2], self.output_size[1]),
        )

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.AdaptiveAvgPool2d`."""
        from torch import nn

        return nn.AdaptiveAvgPool2d(self.output_size)


class GlobalAvgPool(Layer):
    """The mean of each channel over the whole map, kept as (C, 1, 1)."""

    type_name = "global_avg_pool"
    examples = (Example(((3, 8, 6),)),)

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C, 1, 1)."""
        return (require_map(inputs[0], "global_avg_pool")[0], 1, 1)

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The whole map."""
        return SEES_EVERYTHING

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.AdaptiveAvgPool2d(1)`."""
        from torch import nn

        return nn.AdaptiveAvgPool2d(1)
