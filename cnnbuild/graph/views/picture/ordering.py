"""The order of each row from left to right, with few crossings: slots stand near what they link to."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cnnbuild.graph.views.picture.rows import NO_CELL, Cell, Link, Rows

SWEEPS = 4


def ordered(rows: Rows, cells: Sequence[Cell]) -> Rows:
    """The same rows, ordered; of equally good orders the first, which follows the file."""
    order = [list(row) for row in rows.rows]
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for links in rows.links:
        for link in links:
            above.setdefault(link.lower, []).append(link.upper)
            below.setdefault(link.upper, []).append(link.lower)
    late = [1 if slot.cell == NO_CELL else 2 * cells[slot.cell].aside for slot in rows.slots]
    _sweep(late, order, above, range(1, len(order)))
    best, fewest = [list(row) for row in order], _crossings(order, rows.links)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        if sweep % 2:
            _sweep(late, order, above, range(1, len(order)))
        else:
            _sweep(late, order, below, range(len(order) - 2, -1, -1))
        crossings = _crossings(order, rows.links)
        if crossings < fewest:
            best, fewest = [list(row) for row in order], crossings
    return replace(rows, rows=tuple(map(tuple, best)))


def _sweep(
    late: Sequence[int], order: list[list[int]], neighbours: Mapping[int, Sequence[int]], which: range
) -> None:
    """Sort rows one after the other by the mean place of each slot's neighbours.

    Of those with one mean, the `late` ones go to the right.
    """
    place = {slot: at / max(1, len(row) - 1) for row in order for at, slot in enumerate(row)}
    step = 1 if which.step > 0 else -1
    for row in which:
        nearby = {slot: at for at, slot in enumerate(order[row - step])}
        size = max(1, len(nearby))

        def middle(slot: int, nearby: Mapping[int, int] = nearby, size: int = size) -> tuple[float, int, int]:
            near = [nearby[other] for other in neighbours.get(slot, ()) if other in nearby]
            mean = sum(near) / len(near) if near else place[slot] * (size - 1)
            return (mean, late[slot], slot)

        order[row].sort(key=middle)


def _crossings(order: Sequence[Sequence[int]], links: Sequence[Sequence[Link]]) -> int:
    """How often links cross, over all rows."""
    total = 0
    for row, between in enumerate(links):
        if len(between) < 2:
            continue
        upper = {slot: at for at, slot in enumerate(order[row])}
        lower = {slot: at for at, slot in enumerate(order[row + 1])}
        ends: list[int] = []
        for _, end in sorted((upper[link.upper], lower[link.lower]) for link in between):
            total += len(ends) - bisect_right(ends, end)
            insort(ends, end)
    return total
