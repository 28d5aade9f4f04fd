"""Small maps of the gradient's energy, one for each stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt

from cnnbuild.graph.views.rf_map.boxes import EFFECTIVE
from cnnbuild.graph.views.rf_map.effective import EffectiveField
from cnnbuild.graph.views.rf_map.scene import (
    Picture,
    Rgb,
    Shape,
    Text,
    casing,
    frame,
    png_of,
    shortened,
    text_width,
)
from cnnbuild.graph.views.rf_map.words import pixels

SIDE = 92.0
GAP = 18.0
NAME_SIZE = 12.0
NOTE_SIZE = 11.0
INK = "#1b1f24"
GREY = "#57606a"

# from nothing to the largest gradient: light to dark, so that it reads in grey too
RAMP: tuple[Rgb, ...] = (
    (255, 255, 255),
    (253, 224, 190),
    (244, 158, 102),
    (208, 74, 72),
    (122, 24, 88),
    (38, 10, 60),
)


@dataclass(frozen=True, slots=True)
class Region:
    """Rows and columns of the input, from the first to behind the last."""

    top: int
    bottom: int
    left: int
    right: int


def region_of(field: EffectiveField) -> Region:
    """The part of the input that the stage can see without gates, or all of it."""
    height, width = len(field.energy), len(field.energy[0])
    if field.stage.spans is None:
        return Region(0, height, 0, width)
    (top, bottom), (left, right) = field.stage.spans
    return Region(max(top, 0), min(bottom + 1, height), max(left, 0), min(right + 1, width))


def heat_shapes(
    fields: Sequence[EffectiveField], colours: Sequence[str], *, left: float, top: float
) -> Iterator[Shape]:
    """The maps of all stages beside each other, each with its name and what it shows."""
    for n, (field, colour) in enumerate(zip(fields, colours, strict=True)):
        yield from _heat(field, colour, left + n * (SIDE + GAP), top)


def strip_width(count: int) -> float:
    """How wide so many maps are."""
    return count * SIDE + (count - 1) * GAP


STRIP_HEIGHT = SIDE + 36


def _heat(field: EffectiveField, colour: str, left: float, top: float) -> Iterator[Shape]:
    region = region_of(field)
    rows, columns = region.bottom - region.top, region.right - region.left
    if rows <= 0 or columns <= 0:
        return
    pixel = SIDE / max(rows, columns)
    width, height = columns * pixel, rows * pixel
    x, y = left + (SIDE - width) / 2, top + (SIDE - height) / 2
    yield Picture(x, y, width, height, png_of(heat_colours(field.energy, region)))
    if field.sides_95 is not None:
        yield from _effective_box(field, region, pixel, (x, y), colour)
    yield frame(x, y, width, height, colour, thickness=1.5)
    middle = left + SIDE / 2
    letters = int((SIDE + GAP / 2) / text_width("x", NAME_SIZE, bold=True))
    name = shortened(field.stage.name, letters)
    yield Text(middle, top + SIDE + 17, name, NAME_SIZE, INK, bold=True, anchor="middle")
    shown = pixels((rows, columns))
    yield Text(middle, top + SIDE + 32, shown, NOTE_SIZE, GREY, anchor="middle")


def _effective_box(
    field: EffectiveField, region: Region, pixel: float, corner: tuple[float, float], colour: str
) -> Iterator[Shape]:
    height, width = field.sides_95 or (0, 0)
    row, column = field.stage.centre((len(field.energy), len(field.energy[0])))
    top = corner[1] + (max(float(row) - height / 2, region.top) - region.top) * pixel
    bottom = corner[1] + (min(float(row) + height / 2, region.bottom) - region.top) * pixel
    left = corner[0] + (max(float(column) - width / 2, region.left) - region.left) * pixel
    right = corner[0] + (min(float(column) + width / 2, region.right) - region.left) * pixel
    border = frame(left, top, right - left, bottom - top, colour, thickness=1.5)
    dotted = replace(border, dash=EFFECTIVE)
    yield from (casing(dotted), dotted)


def heat_colours(energy: Sequence[Sequence[float]], region: Region) -> list[list[Rgb]]:
    """The magnitude of the gradient as colours, the largest the darkest; in cells of at least one pixel.

    A cell that covers several pixels shows their mean energy.
    """
    cells = int(SIDE) * 2  # enough for screens with two dots to a pixel
    rows = _cells(region.top, region.bottom, cells)
    columns = _cells(region.left, region.right, cells)
    means = [
        [
            sum(sum(energy[row][left:right]) for row in range(top, bottom))
            / ((bottom - top) * (right - left))
            for left, right in columns
        ]
        for top, bottom in rows
    ]
    largest = max(max(row) for row in means)
    return [[_colour(sqrt(mean / largest) if largest else 0.0) for mean in row] for row in means]


def _cells(start: int, end: int, most: int) -> list[tuple[int, int]]:
    count = min(end - start, most)
    edges = [start + n * (end - start) // count for n in range(count + 1)]
    return list(pairwise(edges))


def _colour(share: float) -> Rgb:
    place = share * (len(RAMP) - 1)
    below = min(int(place), len(RAMP) - 2)
    part = place - below
    red, green, blue = (
        round(low + part * (high - low)) for low, high in zip(RAMP[below], RAMP[below + 1], strict=True)
    )
    return red, green, blue
