"""A level that is too tall is broken into columns, where one net leads on from each to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from cnnbuild.graph.views.picture.arrangement import (
    Scope,
    Sizes,
    framed,
    inner_scope,
    part_of,
    piece_block,
    pieces_of,
    stacked_block,
    whole_scope,
)
from cnnbuild.graph.views.picture.blocks import Block, Hop, Way, composed
from cnnbuild.graph.views.picture.parts import Diagram, Part, Piece
from cnnbuild.graph.views.picture.stack import Point

GUTTER = 30.0  # px between columns, for the net that leads from one to the next
TURN = 14.0  # px above and below a column, for the same
FEWER = 0.6  # the search for a number of columns begins at so much of an estimate
MOST_TRIES = 12


@dataclass(frozen=True, slots=True)
class Room:
    """How large a picture, or a level of it, should be at most."""

    width: float
    height: float


def arranged(diagram: Diagram, sizes: Sizes, room: Room) -> Block:
    """The whole diagram, laid out; larger than the room only where it cannot be smaller."""
    return _laid_out(whole_scope(diagram), sizes, room, 0)


def _laid_out(scope: Scope, sizes: Sizes, room: Room, depth: int) -> Block:
    blocks = [_block(part, scope, sizes, room, depth) for part in scope.parts]
    whole, made, first = stacked_block(scope, blocks)
    if whole.height <= room.height:
        return whole
    row_of = made.row_of[first : first + len(blocks)]
    cuts = _cuts(scope, row_of)
    if not cuts:
        return whole
    best = whole
    tried: set[tuple[int, ...]] = set()
    even = sqrt(whole.height / room.height * room.width / whole.width)  # as much too wide as too tall
    first_count = max(2, int(even * FEWER))
    for count in range(first_count, first_count + MOST_TRIES):
        chosen = _balanced(cuts, made.tops, made.bottoms, count)
        if chosen in tried:
            continue
        tried.add(chosen)
        candidate = _in_columns(scope, blocks, row_of, chosen)
        if _excess(candidate, room) < _excess(best, room):
            best = candidate
        if _excess(best, room) <= 1 or candidate.width / room.width > candidate.height / room.height:
            break
    return best


def _block(part: Part, scope: Scope, sizes: Sizes, room: Room, depth: int) -> Block:
    if isinstance(part, Piece):
        return piece_block(part, sizes, scope)
    return framed(part, _laid_out(inner_scope(part, scope), sizes, room, depth + 1), sizes, depth)


def _excess(block: Block, room: Room) -> float:
    """By what factor it is larger than the room."""
    return max(block.width / room.width, block.height / room.height)


def _cuts(scope: Scope, row_of: Sequence[int]) -> list[int]:
    """The rows that a column may begin with: only one net leads there from above.

    Nets from outside that are read below, and those that leave for the outside from above, count as well.
    """
    owner = {
        piece.number: row for part, row in zip(scope.parts, row_of, strict=True) for piece in pieces_of(part)
    }
    rows = max(row_of) + 1
    change = [0] * (rows + 2)
    for net in {*scope.readers, *scope.leaving}:
        start = owner.get(net, min(row_of))
        end = max((owner[reader] for reader in scope.readers.get(net, ())), default=start)
        end = rows if net in scope.leaving else end
        change[start + 1] += 1
        change[end + 1] -= 1
    crossing, cuts = 0, []
    for row in range(rows):
        crossing += change[row]
        if crossing == 1 and row > min(row_of):
            cuts.append(row)
    return cuts


def _balanced(
    cuts: Sequence[int], tops: Sequence[float], bottoms: Sequence[float], count: int
) -> tuple[int, ...]:
    """The cuts for so many columns whose tallest is as short as possible."""

    def fill(limit: float) -> tuple[int, ...]:
        chosen: list[int] = []
        start = tops[0]
        for at, cut in enumerate(cuts):
            following = cuts[at + 1] if at + 1 < len(cuts) else len(tops)
            if bottoms[following - 1] - start > limit:
                chosen.append(cut)
                start = tops[cut]
        return tuple(chosen)

    low, high = 0.0, bottoms[-1] - tops[0]
    while high - low > 1:
        middle = (low + high) / 2
        if len(fill(middle)) < count and _tallest(fill(middle), tops, bottoms) <= middle:
            high = middle
        else:
            low = middle
    return fill(high)


def _tallest(chosen: Sequence[int], tops: Sequence[float], bottoms: Sequence[float]) -> float:
    starts = [0, *chosen]
    ends = [*chosen, len(tops)]
    return max(bottoms[end - 1] - tops[start] for start, end in zip(starts, ends, strict=True))


def _in_columns(scope: Scope, blocks: Sequence[Block], row_of: Sequence[int], chosen: Sequence[int]) -> Block:
    """The parts in columns that begin with the chosen rows, with the nets between them."""
    columns: list[Block] = []
    for start, end in zip((0, *chosen), (*chosen, max(row_of) + 1), strict=True):
        inside = [at for at, row in enumerate(row_of) if start <= row < end]
        own = part_of(scope, [scope.parts[at] for at in inside])
        columns.append(stacked_block(own, [blocks[at] for at in inside])[0])
    corners: list[Point] = []
    x: float = 0.0
    for number, column in enumerate(columns):
        corners.append((x, TURN if number else 0.0))
        x += column.width + GUTTER
    height = max(
        column.height + corner[1] + (TURN if number + 1 < len(columns) else 0.0)
        for number, (column, corner) in enumerate(zip(columns, corners, strict=True))
    )
    hops: list[Hop] = [(net, None, 0, ((place, 0.0),)) for net, place in columns[0].entries.items()]
    for number, (before, after) in enumerate(pairwise(columns)):
        x0, y0 = corners[number]
        x1, y1 = corners[number + 1]
        low, high, gutter = y0 + before.height + TURN / 2, y1 - TURN / 2, x1 - GUTTER / 2
        for net, place in before.exits.items():
            out, into = x0 + place, x1 + after.entries[net]
            turns = ((out, low), (gutter, low), (gutter, high), (into, high))
            hops.append((net, number, number + 1, ((out, y0 + before.height), *turns, (into, y1))))
    left, top = corners[-1]
    for net, place in columns[-1].exits.items():
        way: Way = ((left + place, top + columns[-1].height), (left + place, height))
        hops.append((net, len(columns) - 1, None, way))
    return composed(columns, corners, hops, (x - GUTTER, height))
