"""Where each slot stands from left to right: chains and long edges straight, nothing closer than it may be.

Slots that are joined by a link which shall be straight make a column, as in Brandes and Köpf 2001. Columns
are packed to the left, and then moved towards the middle of what they are linked with, as far as there is
room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import floor

from cnnbuild.graph.views.picture.rows import NO_CELL, Cell, Link, Rows

BOX_GAP = 18.0  # between boxes beside each other
LANE_GAP = 13.0  # between a box and an edge that passes it
PASSING_GAP = 10.0  # between edges that pass side by side
ROUNDS = 14
MANY_BRANCHES = 3  # so many branches are centred, fewer hang on a straight main path


@dataclass
class _Column:
    """Slots that stand above each other; `x` is where the origin of the column is."""

    slots: list[int]
    x: float = 0.0
    left: list[tuple[int, float]] = field(default_factory=list)  # a column, and how far right of it at least
    right: list[tuple[int, float]] = field(default_factory=list)
    pulls: list[tuple[int, float]] = field(
        default_factory=list
    )  # a column, and the distance that is straight


def straight_positions(rows: Rows, cells: Sequence[Cell]) -> list[float]:
    """The left edge of every slot, from 0."""
    widths = [0.0 if slot.cell == NO_CELL else cells[slot.cell].width for slot in rows.slots]
    aligned = _aligned(rows, cells)
    offset = [0.0] * len(rows.slots)
    column_of = [-1] * len(rows.slots)
    columns: list[_Column] = []
    for row in rows.rows:
        for slot in row:
            if column_of[slot] < 0:
                column_of[slot] = len(columns)
                columns.append(_Column([slot]))
            if link := aligned.get(slot):
                column_of[link.lower] = column_of[slot]
                columns[column_of[slot]].slots.append(link.lower)
                offset[link.lower] = offset[slot] + _exit(rows, cells, link) - _entry(rows, cells, link)
    for row in rows.rows:
        for a, b in pairwise(row):
            least = offset[a] + widths[a] + _gap(rows, a, b) - offset[b]
            columns[column_of[b]].left.append((column_of[a], least))
            columns[column_of[a]].right.append((column_of[b], least))
    for between in rows.links:
        for link in between:
            upper, lower = column_of[link.upper], column_of[link.lower]
            if upper != lower:
                straight = offset[link.upper] + _exit(rows, cells, link)
                straight -= offset[link.lower] + _entry(rows, cells, link)
                columns[lower].pulls.append((upper, straight))
                columns[upper].pulls.append((lower, -straight))
    _place(columns)
    lefts = [columns[column_of[slot]].x + offset[slot] for slot in range(len(rows.slots))]
    least = min(lefts, default=0.0)
    return [left - least for left in lefts]


def _place(columns: list[_Column]) -> None:
    """Find the place of each column: packed to the left, then pulled towards its neighbours."""
    order = _left_to_right(columns)
    for number in order:
        column = columns[number]
        column.x = max((columns[other].x + least for other, least in column.left), default=0.0)
    for turn in range(ROUNDS):
        for number in reversed(order) if turn % 2 == 0 else order:
            column = columns[number]
            if not column.pulls:
                continue
            wanted = sum(columns[other].x + straight for other, straight in column.pulls) / len(column.pulls)
            most = min((columns[other].x - least for other, least in column.right), default=wanted)
            column.x = max([min(wanted, most), *(columns[other].x + least for other, least in column.left)])
    for column in columns:
        column.x = float(floor(column.x + 0.5))  # offsets are whole: chains stay straight


def _left_to_right(columns: Sequence[_Column]) -> list[int]:
    """The columns, each after all that stand left of it."""
    waiting = [len(column.left) for column in columns]
    ready = [number for number, count in enumerate(waiting) if not count]
    for number in ready:
        for other, _ in columns[number].right:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return ready


def _aligned(rows: Rows, cells: Sequence[Cell]) -> dict[int, Link]:
    """The links that shall be straight, by their upper slot; between two rows no two of them cross."""
    aligned: dict[int, Link] = {}
    for number, between in enumerate(rows.links):
        upper = {slot: at for at, slot in enumerate(rows.rows[number])}
        lower = {slot: at for at, slot in enumerate(rows.rows[number + 1])} if between else {}
        into: dict[int, int] = {}
        out_of: dict[int, int] = {}
        for link in between:
            into[link.lower] = into.get(link.lower, 0) + 1
            out_of[link.upper] = out_of.get(link.upper, 0) + 1

        def rank(
            link: Link, upper: dict[int, int] = upper, lower: dict[int, int] = lower
        ) -> tuple[int, int, int]:
            ends = [rows.slots[end].cell for end in (link.upper, link.lower)]
            if all(end == NO_CELL for end in ends):
                return (0, upper[link.upper], lower[link.lower])
            aside = any(end != NO_CELL and cells[end].aside for end in ends)
            return (1 + (NO_CELL in ends) + 2 * aside, upper[link.upper], lower[link.lower])

        chosen: list[tuple[int, int]] = []
        taken: set[int] = set()
        for link in sorted(between, key=rank):
            at = (upper[link.upper], lower[link.lower])
            branching = into[link.lower] >= MANY_BRANCHES or out_of[link.upper] >= MANY_BRANCHES
            if (branching and rank(link)[0]) or link.upper in aligned or link.lower in taken:
                continue
            if all((a < at[0]) == (b < at[1]) for a, b in chosen):
                chosen.append(at)
                taken.add(link.lower)
                aligned[link.upper] = link
    return aligned


def _gap(rows: Rows, a: int, b: int) -> float:
    passing = (rows.slots[a].cell == NO_CELL) + (rows.slots[b].cell == NO_CELL)
    return (BOX_GAP, LANE_GAP, PASSING_GAP)[passing]


def _exit(rows: Rows, cells: Sequence[Cell], link: Link) -> float:
    cell = rows.slots[link.upper].cell
    return 0.0 if cell == NO_CELL else cells[cell].exit(link.net)


def _entry(rows: Rows, cells: Sequence[Cell], link: Link) -> float:
    cell = rows.slots[link.lower].cell
    return 0.0 if cell == NO_CELL else cells[cell].entry(link.net)
