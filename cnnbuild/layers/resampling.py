"""Layers that bring maps to another size without weights: enlarging, shrinking, rearranging, padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from cnnbuild.layers.arithmetic import Worked
from cnnbuild.layers.base import Example, Layer, Shape, ShapeError, Sight, require_map
from cnnbuild.layers.memory import KEEPS_NOTHING, Kept
from cnnbuild.layers.parameters import NonNegativeInt, NonNegativePair, PositiveInt, PositivePair, WholeFactor
from cnnbuild.layers.reach import Reach, interpolation_window, nearest_window

if TYPE_CHECKING:
    from torch import nn


class Upsample(Layer):
    """A map brought to another size, by a whole factor or to a given size: `torch.nn.Upsample`.

    `nearest` repeats pixels, `bilinear` and `bicubic` interpolate between them. `align_corners` makes the
    centres of the corner pixels meet, in place of the map's edges. What an output sees then depends on the
    size of the map.
    """

    type_name = "upsample"
    primary = "scale_factor"
    examples = (
        Example(((2, 3, 4),), {"scale_factor": 2}),
        Example(((2, 3, 3),), {"scale_factor": [1, 3], "mode": "bilinear"}),
        Example(((1, 4, 3),), {"size": [7, 5], "mode": "bilinear", "align_corners": True}),
        Example(((1, 6, 5),), {"scale_factor": 2, "mode": "bicubic"}),
        Example(((2, 8, 6),), {"size": [5, 9]}),
    )

    size: PositivePair | None = None
    scale_factor: WholeFactor | None = None
    mode: Literal["nearest", "bilinear", "bicubic"] = "nearest"
    align_corners: bool = False

    @model_validator(mode="after")
    def _options_agree(self) -> Upsample:
        if self.size is None and self.scale_factor is None:
            raise ValueError("expected scale_factor or size; write `scale_factor: 2` to double the map")
        if self.size is not None and self.scale_factor is not None:
            raise ValueError("expected either scale_factor or size, not both; remove one of them")
        if self.align_corners and self.mode == "nearest":
            raise ValueError(
                "align_corners has no meaning for mode: nearest; remove it, or write `mode: bilinear`"
            )
        return self

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C, H * factor, W * factor) or (C, *size)."""
        channels, height, width = require_map(inputs[0], "upsample")
        if self.scale_factor is not None:
            return (channels, height * self.scale_factor[0], width * self.scale_factor[1])
        return (channels, *(self.size or ()))

    def sight(self, *inputs: Shape) -> Sight:
        """One pixel with `nearest`; of the 2 or 4 around a point, those that weigh something."""
        height, width = (
            self._reach(before, after)
            for before, after in zip(inputs[0][1:], self.output_shape(*inputs)[1:], strict=True)
        )
        return height, width

    def _reach(self, before: int, after: int) -> Reach:
        if self.mode == "nearest":
            return nearest_window(before, after)
        taps = 4 if self.mode == "bicubic" else 2
        return interpolation_window(before, after, taps, align_corners=self.align_corners)

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def size_terms(self, *inputs: Shape) -> tuple[Worked, Worked] | None:
        """The input's size times the factor, where one is given."""
        if self.scale_factor is None:
            return None
        height, width = (_times(size, by) for size, by in zip(inputs[0][1:], self.scale_factor, strict=True))
        return height, width

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.Upsample`."""
        from torch import nn

        align_corners = None if self.mode == "nearest" else self.align_corners
        return nn.Upsample(self.size, self.scale_factor, self.mode, align_corners)


class PixelShuffle(Layer):
    """Channels laid out as pixels, `upscale_factor` squared of them as one square: `torch.nn.PixelShuffle`.

    After a convolution it enlarges a map with learned weights. Shi et al. 2016, arXiv:1609.05158.
    """

    type_name = "pixel_shuffle"
    primary = "upscale_factor"
    examples = (
        Example(((8, 3, 4),), {"upscale_factor": 2}),
        Example(((9, 2, 2),), {"upscale_factor": 3}),
    )

    upscale_factor: PositiveInt

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C / factor^2, H * factor, W * factor)."""
        channels, height, width = require_map(inputs[0], "pixel_shuffle")
        square = self.upscale_factor**2
        if channels % square:
            above = -(-channels // square) * square
            below = above - square
            choices = f"{below} or {above}" if below else f"{above}"
            raise ShapeError(
                f"pixel_shuffle: {channels} channels cannot be laid out in squares of "
                f"{self.upscale_factor}x{self.upscale_factor} pixels",
                parameter="upscale_factor",
                help=f"give the layer before it {choices} channels, or any other multiple of {square}",
            )
        return (channels // square, height * self.upscale_factor, width * self.upscale_factor)

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The pixel that a square was made from."""
        square = Reach(1, ((0, 0),) * self.upscale_factor)
        return square, square

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def size_terms(self, *inputs: Shape) -> tuple[Worked, Worked] | None:
        """The input's size times the factor."""
        _, height, width = inputs[0]
        return _times(height, self.upscale_factor), _times(width, self.upscale_factor)

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.PixelShuffle`."""
        from torch import nn

        return nn.PixelShuffle(self.upscale_factor)


class ZeroPad(Layer):
    """Zeros around a map: `torch.nn.ZeroPad2d`.

    `padding` is what both sides get, one number or [height, width]. Where the sides differ, they are named
    instead, and those left out get none. (torch has a list that begins at the left.)
    """

    type_name = "zero_pad"
    primary = "padding"
    examples = (
        Example(((2, 3, 4),), {"padding": 1}),
        Example(((2, 3, 4),), {"padding": [0, 2]}),
        Example(((2, 3, 4),), {"top": 1, "left": 2}),
        Example(((2, 3, 4),), {"top": 2, "bottom": 1, "left": 1, "right": 3}),
    )

    padding: NonNegativePair | None = None
    top: NonNegativeInt = 0
    bottom: NonNegativeInt = 0
    left: NonNegativeInt = 0
    right: NonNegativeInt = 0

    @model_validator(mode="after")
    def _either_padding_or_sides(self) -> ZeroPad:
        sides = self.model_fields_set - {"padding"}
        if self.padding is not None and sides:
            raise ValueError("expected either padding or single sides; remove one of them")
        if self.padding is None and not sides:
            raise ValueError("expected padding, or top, bottom, left or right; write `- zero_pad: 1`")
        return self

    @property
    def vertical(self) -> tuple[int, int]:
        """Rows of zeros above and below."""
        return (self.top, self.bottom) if self.padding is None else (self.padding[0], self.padding[0])

    @property
    def horizontal(self) -> tuple[int, int]:
        """Columns of zeros on the left and on the right."""
        return (self.left, self.right) if self.padding is None else (self.padding[1], self.padding[1])

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C, H + top + bottom, W + left + right)."""
        channels, height, width = require_map(inputs[0], "zero_pad")
        return (channels, height + sum(self.vertical), width + sum(self.horizontal))

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """Its own pixel, `top` and `left` further back; in the padding none."""
        top, left = self.vertical[0], self.horizontal[0]
        return Reach(1, ((-top, -top),)), Reach(1, ((-left, -left),))

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def size_terms(self, *inputs: Shape) -> tuple[Worked, Worked] | None:
        """The input's size and what is added on both sides."""
        height, width = (
            Worked(f"{size} + {pads[0]} + {pads[1]}", size + sum(pads))
            for size, pads in zip(inputs[0][1:], (self.vertical, self.horizontal), strict=True)
        )
        return height, width

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.ZeroPad2d`."""
        from torch import nn

        return nn.ZeroPad2d((*self.horizontal, *self.vertical))


def _times(size: int, factor: int) -> Worked:
    return Worked(f"{size} x {factor}", size * factor)
