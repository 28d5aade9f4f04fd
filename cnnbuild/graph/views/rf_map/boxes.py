"""The boxes of the stages, and the lines that lead from them to their labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from cnnbuild.graph.views.rf_map.scene import Line, Point, Rectangle, Shape, casing
from cnnbuild.graph.views.rf_map.view import Box, View

STROKE = 2.0
BEYOND = (5.0, 4.0)  # dashes of what lies beyond the input
WITHOUT_GATES = (9.0, 3.0, 2.0, 3.0)
EFFECTIVE = (1.6, 2.6)
FILL_OPACITY = 0.08
EFFECTIVE_OPACITY = 0.15
CHEVRON = 4.0
ON_THE_EDGE = 1e-6  # a box that ends with the input lies on it
LEADER_STEP = 7.0  # between two leaders
NEAREST_STARTS = 0.5  # of two leaders, where their boxes leave no more
ANCHOR_INSET = 6.0  # of a leader from the lower corner of its box


def field_shapes(box: Box, view: View, colour: str, *, gated: bool, filled: bool) -> Iterator[Shape]:
    """A theoretical field: lightly filled on the input, dashed beyond it, with arrows where it is cut."""
    within = _clipped(box, view.input)
    if filled and within is not None and within != view.input:
        yield _area(within, colour, FILL_OPACITY)
    lines = [
        Line((start, end), colour, STROKE, _dash(gated=gated, inside=inside))
        for start, end, inside in _border(box, view.input)
    ]
    yield from (casing(line) for line in lines)
    yield from lines
    for side in sorted(box.cut):
        yield Line(_chevron(box, side), colour, STROKE)


def effective_shapes(box: Box, view: View, colour: str) -> Iterator[Shape]:
    """An effective field: filled and dotted, cut where the input ends."""
    within = _clipped(box, view.input)
    if within is None:
        return
    yield _area(within, colour, EFFECTIVE_OPACITY)
    corners = (
        (within.left, within.top),
        (within.right, within.top),
        (within.right, within.bottom),
        (within.left, within.bottom),
        (within.left, within.top),
    )
    border = Line(corners, colour, STROKE, EFFECTIVE)
    yield from (casing(border), border)


def leader_starts(boxes: Mapping[int, Box], right: float) -> dict[int, tuple[Point, ...]]:
    """For each box the points of its leader up to the line `right`, from the top to the bottom.

    A leader starts near the lower right corner, or further up where the one of another box starts there. It
    goes up by 45 degrees where another one is too near, and on to the right. Leaders do not cross: along any
    vertical line each lies above the next one, because both the sums of their starts' coordinates and their
    heights ascend.
    """
    corners = {
        key: (box.right, box.bottom - min(ANCHOR_INSET, (box.bottom - box.top) / 3))
        for key, box in boxes.items()
    }
    ordered = sorted(corners, key=lambda key: (sum(corners[key]), key))
    least: list[float] = []  # of each sum, so that no leader starts above its box or before the one above it
    for key in ordered:
        highest = corners[key][0] + boxes[key].top
        least.append(max(highest, least[-1] + NEAREST_STARTS) if least else highest)
    leaders: dict[int, tuple[Point, ...]] = {}
    next_sum = next_height = float("inf")
    for key, lowest_sum in zip(reversed(ordered), reversed(least), strict=True):
        x, y = corners[key]
        next_sum = max(min(x + y, next_sum - LEADER_STEP), lowest_sum)
        start = (x, next_sum - x)
        next_height = min(start[1], next_height - LEADER_STEP)
        leaders[key] = _leader(start, next_height, right)
    return {key: leaders[key] for key in ordered}


def _leader(start: Point, height: float, right: float) -> tuple[Point, ...]:
    rise = start[1] - height
    turn = (start[0] + rise, height)
    return (start, (right, height)) if rise == 0 else (start, turn, (right, height))


def spread(wanted: Sequence[float], heights: Sequence[float], top: float, bottom: float) -> list[float]:
    """The upper edges of labels in a column: near where they are wanted, in order, without overlap.

    What does not fit between `top` and `bottom` hangs over at the bottom.
    """
    edges: list[float] = []
    for want, height in zip(wanted, heights, strict=True):
        least = edges[-1] + heights[len(edges) - 1] if edges else top
        edges.append(max(least, want - height / 2))
    limit = max(bottom, top + sum(heights))
    for n in range(len(edges) - 1, -1, -1):
        edges[n] = min(edges[n], limit - heights[n])
        limit = edges[n]
    return edges


def _dash(*, gated: bool, inside: bool) -> tuple[float, ...]:
    if not inside:
        return BEYOND
    return WITHOUT_GATES if gated else ()


def _area(box: Box, colour: str, opacity: float) -> Rectangle:
    return Rectangle(box.left, box.top, box.right - box.left, box.bottom - box.top, colour, opacity)


def _clipped(box: Box, limits: Box) -> Box | None:
    left, top = max(box.left, limits.left), max(box.top, limits.top)
    right, bottom = min(box.right, limits.right), min(box.bottom, limits.bottom)
    return Box(left, top, right, bottom) if left < right and top < bottom else None


def _border(box: Box, limits: Box) -> Iterator[tuple[Point, Point, bool]]:
    """The border of a box in pieces, each with whether it lies on the input."""
    for y in (box.top, box.bottom):
        on = limits.top - ON_THE_EDGE <= y <= limits.bottom + ON_THE_EDGE
        for start, end, inside in _pieces(box.left, box.right, limits.left, limits.right, on=on):
            yield (start, y), (end, y), inside
    for x in (box.left, box.right):
        on = limits.left - ON_THE_EDGE <= x <= limits.right + ON_THE_EDGE
        for start, end, inside in _pieces(box.top, box.bottom, limits.top, limits.bottom, on=on):
            yield (x, start), (x, end), inside


def _pieces(
    start: float, end: float, first: float, last: float, *, on: bool
) -> Iterator[tuple[float, float, bool]]:
    """A side from `start` to `end`, cut where the input begins and ends; whole where it is not `on` it."""
    cuts = [cut for cut in (first, last) if on and start + ON_THE_EDGE < cut < end - ON_THE_EDGE]
    for begin, stop in pairwise([start, *cuts, end]):
        yield begin, stop, on and first < (begin + stop) / 2 < last


def _chevron(box: Box, side: str) -> tuple[Point, ...]:
    """An arrow's head on the middle of a side, pointing outwards."""
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    if side in {"left", "right"}:
        edge, out = (box.left, -CHEVRON) if side == "left" else (box.right, CHEVRON)
        return ((edge, y - CHEVRON), (edge + out, y), (edge, y + CHEVRON))
    edge, out = (box.top, -CHEVRON) if side == "top" else (box.bottom, CHEVRON)
    return ((x - CHEVRON, edge), (x, edge + out), (x + CHEVRON, edge))
