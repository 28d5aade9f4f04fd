"""Laid-out levels: what they hold, and the ends of the edges that cross their border."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cnnbuild.graph.views.picture.parts import Group, Piece
from cnnbuild.graph.views.picture.stack import Point, simplified

Way: TypeAlias = tuple[Point, ...]
Hop: TypeAlias = tuple[int, int | None, int | None, Way]
"""A net, the block that it leaves and the one that it enters, with the way between; None is the border."""


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box with its upper left corner and its size."""

    piece: Piece
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PlacedFrame:
    """The frame of a level; `ports` are where nets cross its upper border."""

    group: Group
    x: float
    y: float
    width: float
    height: float
    ports: tuple[float, ...]
    depth: int = 0


@dataclass(frozen=True)
class Block:
    """Something that was laid out, with its own corner at (0, 0).

    Nets are numbered by the piece whose output they are. `entries` and `exits` are where they cross the
    upper and the lower border. `incoming` leads from there to the pieces inside, `outgoing` from a piece
    inside to the lower border, `through` from border to border; `edges` are complete.
    """

    width: float
    height: float
    boxes: tuple[PlacedBox, ...] = ()
    frames: tuple[PlacedFrame, ...] = ()
    entries: Mapping[int, float] = field(default_factory=dict)
    exits: Mapping[int, float] = field(default_factory=dict)
    incoming: Mapping[tuple[int, int], Way] = field(default_factory=dict)
    outgoing: Mapping[int, Way] = field(default_factory=dict)
    through: Mapping[int, Way] = field(default_factory=dict)
    edges: Mapping[tuple[int, int], Way] = field(default_factory=dict)


def shifted(way: Way, x: float, y: float) -> Way:
    """A line moved to the right and down."""
    return tuple((a + x, b + y) for a, b in way)


def composed(
    blocks: Sequence[Block],
    corners: Sequence[Point],
    hops: Iterable[Hop],
    size: Point,
) -> Block:
    """One block of several, whose corners and connections are known.

    The hops of a net are given in the order in which it takes them.
    """
    boxes = [
        PlacedBox(box.piece, box.x + x, box.y + y, box.width, box.height)
        for block, (x, y) in zip(blocks, corners, strict=True)
        for box in block.boxes
    ]
    frames = [
        PlacedFrame(f.group, f.x + x, f.y + y, f.width, f.height, tuple(p + x for p in f.ports), f.depth)
        for block, (x, y) in zip(blocks, corners, strict=True)
        for f in block.frames
    ]
    edges = {
        ends: shifted(way, *corner)
        for block, corner in zip(blocks, corners, strict=True)
        for ends, way in block.edges.items()
    }
    joined = _Joined(blocks, corners)
    for net, source, target, way in hops:
        joined.hop(net, source, target, way)
    return Block(
        *size,
        tuple(boxes),
        tuple(frames),
        joined.entries,
        joined.exits,
        joined.incoming,
        joined.outgoing,
        joined.through,
        edges | joined.edges,
    )


class _Joined:
    """The ways of nets across several blocks."""

    def __init__(self, blocks: Sequence[Block], corners: Sequence[Point]) -> None:
        self.blocks, self.corners = blocks, corners
        self.entries: dict[int, float] = {}
        self.exits: dict[int, float] = {}
        self.incoming: dict[tuple[int, int], Way] = {}
        self.outgoing: dict[int, Way] = {}
        self.through: dict[int, Way] = {}
        self.edges: dict[tuple[int, int], Way] = {}
        self.inside = {box.piece.number for block in blocks for box in block.boxes}
        self.entering: list[dict[tuple[int, int], Way]] = [{} for _ in blocks]
        for number, block in enumerate(blocks):
            for ends, way in block.incoming.items():
                self.entering[number][ends] = shifted(way, *corners[number])
        self.targets: list[dict[int, list[int]]] = [{} for _ in blocks]
        for number, block in enumerate(blocks):
            for net, piece in block.incoming:
                self.targets[number].setdefault(net, []).append(piece)
        self.reached: dict[tuple[int, int], Way] = {}  # (net, block) -> the way up to its lower border

    def hop(self, net: int, source: int | None, target: int | None, way: Way) -> None:
        start: Way = ()
        if source is None:
            self.entries[net] = way[0][0]
        else:
            start = self._way_out(net, source)
        so_far = simplified((*start, *way))
        if target is None:
            self.exits[net] = way[-1][0]
            if net in self.inside:
                self.outgoing[net] = so_far
            else:
                self.through[net] = so_far
            return
        for piece in self.targets[target].get(net, ()):
            whole = simplified((*so_far, *self.entering[target][net, piece]))
            if net in self.inside:
                self.edges[net, piece] = whole
            else:
                self.incoming[net, piece] = whole
        passing = self.blocks[target].through.get(net)
        if passing is not None:
            self.reached[net, target] = simplified((*so_far, *shifted(passing, *self.corners[target])))

    def _way_out(self, net: int, source: int) -> Way:
        if (net, source) in self.reached:
            return self.reached[net, source]
        return shifted(self.blocks[source].outgoing[net], *self.corners[source])
