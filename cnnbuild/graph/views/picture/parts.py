"""A graph as a picture shows it: boxes, the levels around them, and who reads whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.graph.graph import Graph

Kind: TypeAlias = Literal["input", "output", "layer", "small", "join", "closed"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One box. `nodes` are those of one copy, and its figures are theirs; `copies` of it follow each other.

    `name` is what somebody wrote, "" where names are only counted; `path` is the whole of it. `title` is
    what it does. `last` is the last node of the last copy, which sees most; None where there are no nodes.
    A `dashed` piece is computed only while training.
    """

    number: int
    kind: Kind
    name: str
    path: str
    title: str
    nodes: tuple[int, ...]
    copies: int = 1
    last: int | None = None
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A level that is drawn with its inside; `nodes` are those of one copy."""

    name: str
    path: str
    label: str
    nodes: tuple[int, ...]
    parts: tuple[Part, ...]
    copies: int = 1
    dashed: bool = False

    def pieces(self) -> Iterator[Piece]:
        """All boxes in it."""
        for part in self.parts:
            if isinstance(part, Piece):
                yield part
            else:
                yield from part.pieces()


Part: TypeAlias = Piece | Group


@dataclass(frozen=True)
class Diagram:
    """The boxes of a graph as levels nest them, and the edges between them, by number.

    `pieces[n]` has the number n; an edge leads from a lower number to a higher one.
    """

    graph: Graph
    parts: tuple[Part, ...]
    pieces: tuple[Piece, ...]
    edges: tuple[tuple[int, int], ...]
