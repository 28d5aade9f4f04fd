"""Boxes in rows: each stands below those that it reads, and long edges get a place in each row they pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

NO_CELL = -1


@dataclass(frozen=True, slots=True)
class Cell:
    """Something of a size that stands in a row. Nets enter at the top and leave at the bottom.

    `entries` and `exits` say where, in px from its left edge; otherwise in the middle. An `edge` cell is a
    point on the upper or lower border of the level, where a net comes in or goes out. What is `aside` leaves
    the straight way to others. A `box` is no level; three or more nets enter it side by side.
    """

    width: float = 0.0
    height: float = 0.0
    entries: Mapping[int, float] = field(default_factory=dict)
    exits: Mapping[int, float] = field(default_factory=dict)
    join: bool = False
    box: bool = False
    aside: bool = False
    edge: Literal["top", "bottom"] | None = None

    def entry(self, net: int) -> float:
        """Where a net enters, from the left edge."""
        return self.entries.get(net, self.width / 2)

    def exit(self, net: int) -> float:
        """Where a net leaves, from the left edge."""
        return self.exits.get(net, self.width / 2)


@dataclass(frozen=True, slots=True)
class Net:
    """What one cell gives to others; `key` tells whose output it is."""

    key: int
    source: int
    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a row: of a cell, or of a net that passes."""

    row: int
    cell: int
    net: int = -1


@dataclass(frozen=True, slots=True)
class Link:
    """A piece of a net, from a slot of one row to a slot of the next."""

    net: int
    upper: int
    lower: int


@dataclass(frozen=True)
class Rows:
    """Slots by number; `rows[r]` are those of a row from left to right, `links[r]` lead to the next row."""

    slots: tuple[Slot, ...]
    rows: tuple[tuple[int, ...], ...]
    links: tuple[tuple[Link, ...], ...]


def rows_of(cells: Sequence[Cell], nets: Sequence[Net]) -> Rows:
    """The cells in rows, in the order given; nets lead from earlier cells to later ones."""
    row_of = _ranks(cells, nets)
    slots = [Slot(row, number) for number, row in enumerate(row_of)]
    rows: list[list[int]] = [[] for _ in range(max(row_of, default=-1) + 1)]
    for number, row in enumerate(row_of):
        rows[row].append(number)
    links: list[list[Link]] = [[] for _ in rows]
    for net in nets:
        first = row_of[net.source]
        last = max((row_of[target] for target in net.targets), default=first)
        targets: dict[int, list[int]] = {}
        for target in net.targets:
            targets.setdefault(row_of[target], []).append(target)
        at = net.source
        for row in range(first + 1, last + 1):
            links[row - 1] += [Link(net.key, at, target) for target in targets.get(row, ())]
            if row < last:
                slots.append(Slot(row, NO_CELL, net.key))
                rows[row].append(len(slots) - 1)
                links[row - 1].append(Link(net.key, at, len(slots) - 1))
                at = len(slots) - 1
    return Rows(tuple(slots), tuple(map(tuple, rows)), tuple(map(tuple, links)))


def _ranks(cells: Sequence[Cell], nets: Sequence[Net]) -> list[int]:
    """The row of each cell: one below the lowest that it reads; what comes in stands at the top."""
    outgoing: dict[int, list[int]] = {}
    for net in nets:
        outgoing.setdefault(net.source, []).extend(net.targets)
    ports = any(cell.edge == "top" for cell in cells)
    row_of = [0 if cell.edge == "top" else int(ports) for cell in cells]
    for number in range(len(cells)):  # earlier cells are final when later ones read them
        for target in outgoing.get(number, ()):
            row_of[target] = max(row_of[target], row_of[number] + 1)
    lowest = max((row for row, cell in zip(row_of, cells, strict=True) if cell.edge != "bottom"), default=0)
    return [lowest + 1 if cell.edge == "bottom" else row for row, cell in zip(row_of, cells, strict=True)]
