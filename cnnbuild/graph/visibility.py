"""What receptive fields say about the pixels of an image: which are covered, and which nobody sees."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from cnnbuild.graph.receptive_field import Field
from cnnbuild.layers.base import Shape
from cnnbuild.layers.composition import CACHED
from cnnbuild.layers.reach import Reach

MOST_LOOKED_AT = 100_000  # outputs of an axis, one by one


@lru_cache(maxsize=CACHED)
def gridding(field: Field) -> Fraction | None:
    """Which part of its field an output sees, along the axis where that is least; 1 where there are no holes.

    Of a global field it is that of the field without gates, and where that is global too, of the image. None
    where it is not known.
    """
    if field is None:
        return None
    parts = [axis.local.coverage for axis in field]
    known = [part for part in parts if part is not None]
    return min(known) if len(known) == len(parts) else None


def dead_outputs(field: Field, shape: Shape, image: Shape) -> Fraction:
    """Which part of a map (C, H, W) sees no pixel of the image (C, H, W), and so is the same for all images.

    Such outputs see padding only, or, after a transposed convolution with a kernel smaller than its stride,
    nothing at all. 0 where the field is unknown or the output flat.
    """
    if field is None or len(shape) != 3:
        return Fraction(0)
    alive = Fraction(1)
    for axis, outputs, pixels in zip(field, shape[1:], image[1:], strict=True):
        alive *= 1 - Fraction(_blind(axis.whole, outputs, pixels), outputs)
    return 1 - alive


@lru_cache(maxsize=CACHED)
def unseen_pixels(field: Field) -> Fraction:
    """Which part of the image no output sees, far from the borders: a 1x1 convolution of stride 2 skips 3/4.

    0 where it is not known.
    """
    if field is None:
        return Fraction(0)
    seen = Fraction(1)
    for axis in field:
        seen *= Fraction(1) if (part := axis.whole.density) is None else part
    return 1 - seen


def covers_image(field: Field, shape: Shape, image: Shape) -> bool:
    """Whether some output sees all pixels of the image, from the first to the last along both axes."""
    if field is None:
        return False
    outputs = shape[1:] if len(shape) == 3 else (1, 1)
    return all(
        _one_covers(axis.whole, count, pixels)
        for axis, count, pixels in zip(field, outputs, image[1:], strict=True)
    )


@lru_cache(maxsize=CACHED)
def _blind(reach: Reach, outputs: int, pixels: int) -> int:
    """How many of the outputs along an axis see none of its pixels."""
    if reach.is_global or outputs > MOST_LOOKED_AT:
        return 0
    first, last = reach.seen_by(0), reach.seen_by(outputs - 1)
    if (
        len(reach.spans) == 1
        and first
        and last
        and first[1] >= 0
        and last[0] < pixels
        and reach.coverage == 1
    ):
        return 0
    return sum(not _sees_some(reach, output, pixels) for output in range(outputs))


def _sees_some(reach: Reach, output: int, pixels: int) -> bool:
    span = reach.seen_by(output)
    if span is None or span[1] < 0 or span[0] >= pixels:
        return False
    mask = reach.mask(output % len(reach.spans))
    mask = mask >> -span[0] if span[0] < 0 else mask << span[0]
    return bool(mask & ((1 << pixels) - 1))


@lru_cache(maxsize=CACHED)
def _one_covers(reach: Reach, outputs: int, pixels: int) -> bool:
    """Whether one of the outputs along an axis sees from its first pixel to its last."""
    if reach.coverage not in {1, None}:
        return False
    if reach.is_global:
        return True
    if reach.size < pixels or outputs > MOST_LOOKED_AT:
        return False
    return any(
        span is not None and span[0] <= 0 and span[1] >= pixels - 1
        for span in (reach.seen_by(output) for output in range(outputs))
    )
