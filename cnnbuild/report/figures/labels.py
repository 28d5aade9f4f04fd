"""Names beside what they name, none over another: at the end of lines, and around points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.graph.views.summary.text import shortened_in_the_middle

LONGEST_NAME = 24  # letters that a figure has room for
THIN = 0.25  # of the font's size: how much room a place on a line takes
WIDTH_OF_A_LETTER = 0.62  # of the font's size: wide, since the reader's font is not known

Align: TypeAlias = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a name stands, in px from the middle of its point."""

    dx: float
    dy: float
    align: Align
    is_far: bool = False


_AROUND: tuple[tuple[float, float, Align], ...] = (
    (1, 0, "left"),
    (0, 1, "center"),
    (0, -1, "center"),
    (-1, 0, "right"),
    (0.8, 0.9, "left"),
    (0.8, -0.9, "left"),
    (-0.8, 0.9, "right"),
    (-0.8, -0.9, "right"),
    (0, 2.1, "center"),
    (0, -2.1, "center"),
    (0.8, 2, "left"),
    (0.8, -2, "left"),
    (-0.8, 2, "right"),
    (-0.8, -2, "right"),
    (0, 3.3, "center"),
    (0, -3.3, "center"),
    (1.5, -3.3, "left"),
    (-1.5, 3.3, "right"),
    (0, 4.5, "center"),
    (0, -4.5, "center"),
    (1.5, -4.5, "left"),
    (-1.5, 4.5, "right"),
)
"""Places around a point in the order in which they are tried, in widths of the font's size."""

OUTSIDE = 4  # how much worse it is to stand outside than over something
FAR = 1.6  # font sizes, from which on a line leads from a name to its point


def short_name(name: str) -> str:
    """A name as figures show it, without control characters."""
    shown = "".join(sign if sign.isprintable() else " " for sign in name)
    return shortened_in_the_middle(shown, LONGEST_NAME)


def spread(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Positions as near to the wanted ones as can be, at least `gap` apart, in the same order.

    Within `low` and `high` where there is room for all.

    >>> spread([1.0, 1.0, 5.0], gap=2.0, low=0.0, high=10.0)
    [0.0, 2.0, 5.0]
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    groups: list[tuple[list[int], float]] = []  # indices, and the place of the first
    for index in order:
        groups.append(([index], min(max(wanted[index], low), high)))
        while len(groups) > 1 and groups[-2][1] + gap * len(groups[-2][0]) > groups[-1][1]:
            later, _ = groups.pop()
            earlier, _ = groups.pop()
            members = [*earlier, *later]
            start = sum(wanted[one] - gap * at for at, one in enumerate(members)) / len(members)
            start = max(low, min(start, high - gap * (len(members) - 1)))
            groups.append((members, start))
    places = [0.0] * len(wanted)
    for members, start in groups:
        for at, one in enumerate(members):
            places[one] = start + gap * at
    return places


def around(
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    *,
    size_px: float,
    box: tuple[float, float, float, float],
    taken: Sequence[tuple[float, float]] = (),
) -> list[Placed]:
    """A place for each name around its point, all in px, y upwards.

    `box` is where names may stand (left, bottom, right, top), `taken` are further spots to keep free. Where
    every place would cover something, the one that covers least is taken.
    """
    spots = [_square(x, y, size_px) for x, y in points]
    spots += [_square(x, y, THIN * size_px) for x, y in taken]
    found: list[Placed] = []
    for (x, y), name in zip(points, names, strict=True):
        best: tuple[float, Placed, tuple[float, float, float, float]] | None = None
        for dx, dy, align in _AROUND:
            placed = Placed(dx * size_px, dy * 1.05 * size_px, align, abs(dy) > FAR)
            frame = _frame(x, y, name, placed, size_px)
            cost = sum(_overlap(frame, spot) for spot in spots) + OUTSIDE * _outside(frame, box)
            if best is None or cost < best[0] - 1e-9:
                best = (cost, placed, frame)
            if cost == 0:
                break
        if best is not None:
            found.append(best[1])
            spots.append(best[2])
    return found


def _square(x: float, y: float, side: float) -> tuple[float, float, float, float]:
    return x - side / 2, y - side / 2, x + side / 2, y + side / 2


def _frame(
    x: float, y: float, name: str, placed: Placed, size_px: float
) -> tuple[float, float, float, float]:
    width, height = WIDTH_OF_A_LETTER * size_px * len(name), 1.1 * size_px
    left = x + placed.dx - {"left": 0.0, "center": 0.5, "right": 1.0}[placed.align] * width
    return left, y + placed.dy - height / 2, left + width, y + placed.dy + height / 2


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return width * height if width > 0 and height > 0 else 0.0


def _outside(frame: tuple[float, float, float, float], box: tuple[float, float, float, float]) -> float:
    """The area of a frame that is not in the box."""
    return (frame[2] - frame[0]) * (frame[3] - frame[1]) - _overlap(frame, box)
