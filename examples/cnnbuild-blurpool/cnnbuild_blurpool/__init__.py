"""The layer type `blur_pool` for cnnbuild."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from cnnbuild import Example, Layer, Shape, ShapeError, Sight, window

if TYPE_CHECKING:
    from torch import nn


class BlurPool(Layer):
    """Each channel blurred with a binomial filter, then every stride-th pixel of it.

    Zhang 2019, arXiv:1904.11486. At the border the map is mirrored.
    """

    type_name = "blur_pool"
    primary = "stride"
    examples = (
        Example(((3, 8, 8),)),
        Example(((2, 9, 7),), {"kernel_size": 5, "stride": 3}),
    )

    kernel_size: Annotated[Literal[3, 5, 7], Field(description="height and width of the filter")] = 3
    stride: Annotated[int, Field(ge=1, description="pixels from one output to the next")] = 2

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C, H', W'), with H' = (H - 1) // stride + 1."""
        if len(inputs[0]) != 3:
            raise ShapeError("blur_pool takes maps (C, H, W)", help="move it before `flatten`")
        channels, height, width = inputs[0]
        if min(height, width) <= self.kernel_size // 2:
            raise ShapeError(
                f"blur_pool: {height}x{width} pixels are too few to be mirrored for a filter of "
                f"{self.kernel_size}x{self.kernel_size}",
                parameter="kernel_size",
                help="use a smaller filter",
            )
        return channels, (height - 1) // self.stride + 1, (width - 1) // self.stride + 1

    def sight(self, *inputs: Shape) -> Sight:
        """The filter's window."""
        axis = window(self.kernel_size, self.stride, padding=self.kernel_size // 2)
        return axis, axis

    def buffer_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """`filter` (C, 1, kernel size, kernel size), which is not learned."""
        return {"filter": (inputs[0][0], 1, self.kernel_size, self.kernel_size)}

    def macs(self, *inputs: Shape) -> int:
        """Kernel height * width for each output value."""
        channels, height, width = self.output_shape(*inputs)
        return channels * height * width * self.kernel_size**2

    def build(self, *inputs: Shape) -> nn.Module:
        """A module with a filter and no weights."""
        from cnnbuild_blurpool.module import BlurPool2d

        return BlurPool2d(inputs[0][0], self.kernel_size, self.stride)
