"""The nodes of a graph as their names nest them: levels, and levels in levels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.graph.views.unstable_names import is_counted
from cnnbuild.layers.base import Layer

SHARE = "share"  # the level of one `share` is called by this word and a number, which no written name is


@dataclass
class Item:
    """One thing in a level: a node, or a level of its own with `items`."""

    name: str
    node: int | None = None
    type_name: str = ""
    layer: Layer | None = None
    counted: bool = False
    items: list[Item] = field(default_factory=list)

    @cached_property
    def signature(self) -> str:
        """What a layer is, equal for equal layers."""
        return repr(self.layer) if self.layer is not None else ""

    @cached_property
    def types(self) -> Counter[str]:
        """How often each layer type is in it."""
        if self.node is not None:
            return Counter([self.type_name])
        return sum((item.types for item in self.items), Counter())

    @cached_property
    def content(self) -> tuple[object, ...]:
        """What it does, whatever it is called where names are counted; equal for equal things."""
        name = "" if self.counted else self.name
        return (name, self.signature, tuple(item.content for item in self.items))

    def leaves(self) -> Iterator[int]:
        """The nodes in it, in order."""
        if self.node is not None:
            yield self.node
        for item in self.items:
            yield from item.leaves()


def level_tree(graph: Graph) -> list[Item]:
    """The nodes as their names nest them, each level at the place of its first node."""
    root: list[Item] = []
    levels: dict[tuple[str, ...], list[Item]] = {(): root}
    for index, node in enumerate(graph.nodes):
        path, shared = node.path, node.shared
        if shared is not None:  # it has the name of another node, and stands where it is applied again
            path = (*shared.level, f"{SHARE} {shared.application}", node.name)
        for depth in range(1, len(path)):
            prefix = path[:depth]
            if prefix not in levels:
                name = prefix[-1]
                group = Item(name, counted=name.isdigit() or name.startswith(f"{SHARE} "))
                levels[prefix[:-1]].append(group)
                levels[prefix] = group.items
        levels[path[:-1]].append(_leaf(index, path[-1], node))
    return root


def _leaf(index: int, name: str, node: GraphNode) -> Item:
    return Item(name, index, node.layer.type_name, node.layer, is_counted(name, node.layer))
