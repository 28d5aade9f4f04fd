"""One level laid out from top to bottom: where its cells stand and which way its nets go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor

from cnnbuild.graph.views.picture.channels import NEAR, TRACK, Fall, tracks
from cnnbuild.graph.views.picture.ordering import ordered
from cnnbuild.graph.views.picture.rows import NO_CELL, Cell, Link, Net, Rows, rows_of
from cnnbuild.graph.views.picture.straightening import MANY_BRANCHES, straight_positions

ROW_GAP = 15.0  # px between rows: an arrow and a little line before it
BORDER_GAP = 8.0  # px between the border of a level and what is next to it
ARROW = 7.0
WIDEST_STEP = 18.0  # px between nets that enter a box side by side
ASIDE = 6.0  # px from the middle of a box to a net that enters it beside another
CORNER = 8.0  # px at the corners of a box where none enters
SIDE = 6.0  # least way to the side of a join

Point = tuple[float, float]


@dataclass(frozen=True)
class Stacked:
    """Cells by number with their upper left corners; `ways` are the points of each net to each target.

    `row_of` is the row of each cell, `bottoms` where each row ends.
    """

    corners: tuple[Point, ...]
    ways: Mapping[tuple[int, int], tuple[Point, ...]]
    width: float
    height: float
    row_of: tuple[int, ...]
    tops: tuple[float, ...]
    bottoms: tuple[float, ...]


def stack(cells: Sequence[Cell], nets: Sequence[Net]) -> Stacked:
    """The layout of a level whose cells have their sizes."""
    rows = ordered(rows_of(cells, nets), cells)
    cells = _side_by_side(rows, cells)
    lefts = straight_positions(rows, cells)
    return _Stacking(rows, cells, lefts).stacked(nets)


def _side_by_side(rows: Rows, cells: Sequence[Cell]) -> list[Cell]:
    """The cells, with places for the nets that enter boxes: in their order where there are many."""
    entering: dict[int, list[tuple[int, int]]] = {}
    for number, links in enumerate(rows.links):
        place = {slot: at for at, slot in enumerate(rows.rows[number])}
        for link in links:
            entering.setdefault(link.lower, []).append((place[link.upper], link.net))
    spread = list(cells)
    for number, cell in enumerate(cells):
        nets = [net for _, net in sorted(entering.get(number, ()))]
        if cell.box and len(nets) >= MANY_BRANCHES:
            step = min(WIDEST_STEP, float((cell.width - 2 * CORNER) // (len(nets) - 1)))
            first = cell.width / 2 - step * (len(nets) - 1) / 2
            spread[number] = replace(
                cell, entries={net: float(floor(first + step * at)) for at, net in enumerate(nets)}
            )
    return spread


class _Stacking:
    """The rows with all places from left to right, on the way to places from top to bottom."""

    def __init__(self, rows: Rows, cells: Sequence[Cell], lefts: Sequence[float]) -> None:
        self.rows, self.cells, self.lefts = rows, cells, lefts
        self.sideways = {
            (link.net, link.lower)
            for row in range(len(rows.links))
            for link in rows.links[row]
            if self._enters_sideways(row, link)
        }
        self.beside = self._ends_beside()
        self.tracks = [tracks(self._falls(row)) for row in range(len(rows.links))]

    def stacked(self, nets: Sequence[Net]) -> Stacked:
        """Everything with its place."""
        tops, heights = self._heights()
        corners: list[Point] = []
        for number, cell in enumerate(self.cells):
            row = self.rows.slots[number].row
            corners.append((self.lefts[number], tops[row] + (heights[row] - cell.height) / 2))
        bottoms = tuple(top + height for top, height in zip(tops, heights, strict=True))
        rights = [
            left + (0 if slot.cell == NO_CELL else self.cells[slot.cell].width)
            for left, slot in zip(self.lefts, self.rows.slots, strict=True)
        ]
        return Stacked(
            tuple(corners),
            self._ways(nets, corners, bottoms),
            max(rights, default=0.0),
            bottoms[-1] if bottoms else 0.0,
            tuple(slot.row for slot in self.rows.slots[: len(self.cells)]),
            tuple(tops),
            bottoms,
        )

    def _heights(self) -> tuple[list[float], list[float]]:
        """Of each row its top and its height."""
        tops: list[float] = []
        heights: list[float] = []
        y = 0.0
        for number, row in enumerate(self.rows.rows):
            cells = [self.cells[self.rows.slots[slot].cell] for slot in row if self._is_cell(slot)]
            if number:
                count = max(self.tracks[number - 1].values(), default=-1) + 1
                edge = all(cell.edge == "bottom" for cell in cells)
                arrow = 0.0 if edge else ARROW
                gap = BORDER_GAP if edge or not heights[-1] else ROW_GAP
                y += max(gap, arrow + (count + 1) * TRACK if count else 0.0)
            tops.append(y)
            heights.append(max((cell.height for cell in cells), default=0.0))
            y += heights[-1]
        return tops, heights

    def _is_cell(self, slot: int) -> bool:
        return self.rows.slots[slot].cell != NO_CELL

    def _start(self, link: Link) -> float:
        exit_ = (
            self.cells[self.rows.slots[link.upper].cell].exit(link.net) if self._is_cell(link.upper) else 0
        )
        return self.lefts[link.upper] + exit_

    def _end(self, link: Link) -> float:
        entry = (
            self.cells[self.rows.slots[link.lower].cell].entry(link.net) if self._is_cell(link.lower) else 0
        )
        return self.lefts[link.lower] + entry + self.beside.get((link.net, link.lower), 0.0)

    def _ends_beside(self) -> dict[tuple[int, int], float]:
        """How far from the middle a net enters a box, where another enters it or starts right above."""
        beside: dict[tuple[int, int], float] = {}
        for links in self.rows.links:
            starts = {link.net: self._start(link) for link in links}
            entering: dict[int, list[Link]] = {}
            for link in links:
                if self._is_cell(link.lower) and (link.net, link.lower) not in self.sideways:
                    entering.setdefault(link.lower, []).append(link)
            for lower, found in entering.items():
                cell = self.cells[self.rows.slots[lower].cell]
                if len(found) >= MANY_BRANCHES or not cell.box:
                    continue
                middle = self.lefts[lower] + cell.width / 2
                in_the_way = any(
                    abs(start - middle) < NEAR for net, start in starts.items() if net != found[0].net
                )
                for at, link in enumerate(sorted(found, key=self._start)):
                    if self._start(link) != middle and (len(found) == 2 or in_the_way):
                        to_the_right = at == 1 if len(found) == 2 else self._start(link) > middle
                        beside[link.net, lower] = ASIDE if to_the_right else -ASIDE
        return beside

    def _falls(self, row: int) -> list[Fall]:
        starts: dict[int, float] = {}
        ends: dict[int, list[float]] = {}
        for link in self.rows.links[row]:
            starts[link.net] = self._start(link)
            if (link.net, link.lower) not in self.sideways:
                ends.setdefault(link.net, []).append(self._end(link))
        return [Fall(net, start, tuple(ends[net])) for net, start in starts.items() if net in ends]

    def _enters_sideways(self, row: int, link: Link) -> bool:
        """Whether a passing net can turn into the side of a join, with nothing between them in its row."""
        if not self._is_cell(link.lower) or not self.cells[self.rows.slots[link.lower].cell].join:
            return False
        if self._is_cell(link.upper):
            return False
        cell = self.cells[self.rows.slots[link.lower].cell]
        left, x = self.lefts[link.lower], self._start(link)
        if left - SIDE < x < left + cell.width + SIDE:
            return False
        order = self.rows.rows[row + 1]
        at = order.index(link.lower)
        beside = at + 1 if x > left else at - 1
        if not 0 <= beside < len(order):
            return self._is_first_from_side(row, link, x)
        other = order[beside]
        if self.rows.slots[other].net == link.net:  # it passes on, and only touches the join
            return self.lefts[other] == x and self._is_first_from_side(row, link, x)
        edge = self.lefts[other] + (self._width(other) if beside < at else 0.0)
        free = edge > x + SIDE if x > left else edge < x - SIDE
        return free and self._is_first_from_side(row, link, x)

    def _is_first_from_side(self, row: int, link: Link, x: float) -> bool:
        """Whether no other passing net comes to the join from the same side and nearer."""
        left = self.lefts[link.lower]
        for other in self.rows.links[row]:
            if other.lower != link.lower or other.net == link.net or self._is_cell(other.upper):
                continue
            place = self._start(other)
            if (place > left) == (x > left) and abs(place - left) < abs(x - left):
                return False
        return True

    def _width(self, slot: int) -> float:
        return self.cells[self.rows.slots[slot].cell].width if self._is_cell(slot) else 0.0

    def _ways(
        self, nets: Sequence[Net], corners: Sequence[Point], bottoms: Sequence[float]
    ) -> dict[tuple[int, int], tuple[Point, ...]]:
        into = {
            (link.net, link.lower): (row, link) for row, links in enumerate(self.rows.links) for link in links
        }
        ways = {}
        for net in nets:
            for target in net.targets:
                pieces: list[list[Point]] = []
                slot = target
                while slot != net.source:
                    row, link = into[net.key, slot]
                    pieces.append(self._piece(row, link, corners, bottoms))
                    slot = link.upper
                source = self.cells[net.source]
                x, y = corners[net.source]
                points = [(x + source.exit(net.key), y + source.height)]
                for piece in reversed(pieces):
                    points += piece
                ways[net.key, target] = simplified(points)
        return ways

    def _piece(self, row: int, link: Link, corners: Sequence[Point], bottoms: Sequence[float]) -> list[Point]:
        """The points of a link after its start, which is right below the upper slot."""
        start, end = self._start(link), self._end(link)
        at_cell = self._is_cell(link.lower)
        if (link.net, link.lower) in self.sideways:
            left, top = corners[link.lower]
            middle = top + self.cells[self.rows.slots[link.lower].cell].height / 2
            side = left if start < left else left + self._width(link.lower)
            return [(start, middle), (side, middle)]
        points = []
        if start != end:
            y = bottoms[row] + TRACK * (1 + self.tracks[row].get(link.net, 0))
            points += [(start, y), (end, y)]
        points.append((end, corners[link.lower][1] if at_cell else bottoms[row + 1]))
        return points


def simplified(points: Sequence[Point]) -> tuple[Point, ...]:
    """The same line without points that lie on the way between their neighbours."""
    kept: list[Point] = []
    for point in points:
        if kept and point == kept[-1]:
            continue
        if len(kept) > 1 and any(kept[-2][axis] == kept[-1][axis] == point[axis] for axis in (0, 1)):
            kept[-1] = point
        else:
            kept.append(point)
    return tuple(kept)
