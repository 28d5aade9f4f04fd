"""What pools over sliding windows have in common."""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator

from cnnbuild.layers.arithmetic import SlidingWindow, Worked
from cnnbuild.layers.base import Layer, Shape, ShapeError, Sight, format_shape, require_map
from cnnbuild.layers.parameters import NonNegativePair, PositivePair
from cnnbuild.layers.reach import window


class SlidingPool(Layer):
    """What pools over windows have in common."""

    primary: ClassVar[str | None] = "kernel_size"

    kernel_size: PositivePair
    stride: PositivePair | None = None
    ceil_mode: bool = False

    @property
    def steps(self) -> tuple[int, int]:
        """The stride, which is the kernel size where none is given."""
        return self.stride or self.kernel_size

    @property
    def spread(self) -> tuple[int, int]:
        """The dilation."""
        return (1, 1)

    @property
    def margin(self) -> tuple[int, int]:
        """The padding on each side."""
        return (0, 0)

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C, H', W'), with H' = (H + 2 padding - dilation (kernel - 1) - 1) // stride + 1."""
        channels, _, _ = require_map(inputs[0], self.type_name)
        sizes = [window.outputs for window in self._windows(inputs[0])]
        if min(sizes) < 1:
            raise ShapeError(
                f"{self.type_name}: a window of {self.kernel_size[0]}x{self.kernel_size[1]} does not fit "
                f"into {format_shape(inputs[0])}",
                parameter="kernel_size",
                help="pool less often before it, or start from a larger input",
            )
        return (channels, sizes[0], sizes[1])

    def _windows(self, shape: Shape) -> tuple[SlidingWindow, SlidingWindow]:
        height, width = (
            SlidingWindow(size, k, s, p, p, d, self.ceil_mode)
            for size, k, s, p, d in zip(
                shape[1:], self.kernel_size, self.steps, self.margin, self.spread, strict=True
            )
        )
        return height, width

    def size_terms(self, *inputs: Shape) -> tuple[Worked, Worked] | None:
        """How many windows there are along each axis."""
        height, width = self._windows(inputs[0])
        return height.worked(), width.worked()

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The pool's window."""
        height, width = (
            window(k, s, p, d)
            for k, s, p, d in zip(self.kernel_size, self.steps, self.margin, self.spread, strict=True)
        )
        return height, width


class WindowPool(SlidingPool):
    """The base of the pools over sliding windows that may reach into a padding."""

    padding: NonNegativePair = (0, 0)

    @property
    def margin(self) -> tuple[int, int]:
        """The padding on each side."""
        return self.padding

    @model_validator(mode="after")
    def _padding_is_at_most_half(self) -> WindowPool:
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise ValueError("torch allows a pool a padding of at most half its kernel size")
        return self
