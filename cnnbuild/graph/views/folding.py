"""A graph with its repeats folded: copies that are alike and follow each other become one, with a count."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cnnbuild.graph.graph import INPUT, Graph
from cnnbuild.graph.views.level_tree import SHARE, Item, level_tree


@dataclass(frozen=True, slots=True)
class Leaf:
    """A node, and how many copies of it follow each other; `copies` are the indices of all of them."""

    name: str
    copies: tuple[int, ...]

    @property
    def node(self) -> int:
        """The first copy."""
        return self.copies[0]

    def nodes(self) -> Iterator[int]:
        """Every node that it stands for."""
        yield from self.copies


@dataclass(frozen=True, slots=True)
class Level:
    """A level of names with what is in it, and the copies of it that follow each other.

    `path` is that of the first copy, `label` the block or container that opened it, "" where nothing says
    so. `items` are those of the first copy; `copies` holds the nodes of each copy, in equal order.
    """

    name: str
    path: tuple[str, ...]
    label: str
    items: tuple[Folded, ...]
    copies: tuple[tuple[int, ...], ...]

    def nodes(self) -> Iterator[int]:
        """Every node that it stands for."""
        for copy in self.copies:
            yield from copy


Folded: TypeAlias = Leaf | Level


def fold(graph: Graph, *, repeats: bool = True) -> tuple[Folded, ...]:
    """The levels of a graph, in the order of computation; without `repeats` every copy stands by itself.

    Copies are alike where their layers, shapes and wiring are: the first unit of a stage, which has a stride
    or a projection, stays by itself. Only copies of `repeat` and `share` are folded: what has a name of its
    own is something of its own.
    """
    return _folded(graph, level_tree(graph), (), repeats=repeats)


def _folded(
    graph: Graph, items: Sequence[Item], path: tuple[str, ...], *, repeats: bool
) -> tuple[Folded, ...]:
    found: list[Folded] = []
    at = 0
    while at < len(items):
        alike = [items[at]]
        if repeats and _is_copy(items[at]):
            looks = _looks(graph, items[at])
            while at + len(alike) < len(items):
                following = items[at + len(alike)]
                if not _is_copy(following) or _looks(graph, following) != looks:
                    break
                alike.append(following)
        at += len(alike)
        first = alike[0]
        if first.node is not None:
            found.append(Leaf(first.name, tuple(item.node for item in alike if item.node is not None)))
            continue
        inside = (*path, first.name)
        copies = tuple(tuple(item.leaves()) for item in alike)
        label = graph.labels.get(inside, "")
        found.append(
            Level(first.name, inside, label, _folded(graph, first.items, inside, repeats=repeats), copies)
        )
    return tuple(found)


def _is_copy(item: Item) -> bool:
    return item.name.isdigit() or item.name.startswith(f"{SHARE} ")


def _looks(graph: Graph, item: Item) -> Hashable:
    """What a copy has in common with copies that are alike: its layers, shapes, and wiring seen from it."""
    leaves = tuple(item.leaves())
    first = leaves[0]
    return tuple(
        (
            graph.nodes[leaf].path[-1] if item.node is None else "",
            type(graph.nodes[leaf].layer),
            graph.nodes[leaf].layer,
            graph.nodes[leaf].input_shapes,
            graph.nodes[leaf].shape,
            graph.nodes[leaf].shared is not None,
            tuple(
                "input" if source == INPUT and first else source - first
                for source in graph.nodes[leaf].inputs
            ),
        )
        for leaf in leaves
    )
