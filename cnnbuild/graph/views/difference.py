"""What differs between two graphs that were elaborated for the same images and classes."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cnnbuild.errors import UsageError
from cnnbuild.graph.graph import INPUT, Graph, GraphNode, Head
from cnnbuild.graph.receptive_field import Field
from cnnbuild.graph.views.alignment import Pair, align
from cnnbuild.graph.views.summary import Json
from cnnbuild.graph.views.unstable_names import is_counted

Kind = Literal["same", "changed", "added", "removed"]
FIGURES = ("output", "parameters", "macs", "receptive field")
"""The fields of a node that follow from others; all other fields are what somebody wrote."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a node with its value in both graphs; a parameter that one type lacks is None there."""

    field: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class NodeDiff:
    """One node of two graphs: `before` is None where it was added, `after` where it was removed."""

    before: GraphNode | None
    after: GraphNode | None
    changes: tuple[Change, ...] = ()

    @property
    def kind(self) -> Kind:
        """What happened to it."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "changed" if self.changes else "same"

    @property
    def node(self) -> GraphNode:
        """The node as it is now, or as it was where it was removed.

        Raises:
            ValueError: there is neither.
        """
        node = self.after or self.before
        if node is None:
            raise ValueError("a NodeDiff holds a node of at least one graph")
        return node

    @property
    def only_sees_more(self) -> bool:
        """Whether nothing but its receptive field changed, as it does behind every change of a window."""
        return self.kind == "changed" and {change.field for change in self.changes} == {"receptive field"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A total of both graphs."""

    name: str
    before: int
    after: int

    @property
    def difference(self) -> int:
        """How much more the second has."""
        return self.after - self.before


@dataclass(frozen=True)
class GraphDiff:
    """Two graphs, `before` and `after`, and what became of each node, in the reading order of `after`.

    `outputs` are the changes of what the networks give: the node, or each named head.
    """

    before: Graph
    after: Graph
    nodes: tuple[NodeDiff, ...]
    outputs: tuple[Change, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether both compute the same, node by node; counted names (`conv_2`) may differ."""
        return not self.outputs and all(node.kind == "same" for node in self.nodes)

    @cached_property
    def renamed(self) -> tuple[NodeDiff, ...]:
        """The nodes with weights that both have, under different keys of the state dict."""
        return tuple(
            node
            for node in self.nodes
            if node.before is not None
            and node.after is not None
            and node.before.path != node.after.path
            and (node.after.parameters or node.after.buffers)
        )

    @cached_property
    def totals(self) -> tuple[Figure, ...]:
        """Sums over both networks."""
        one, other = self.before, self.after
        return (
            Figure("nodes", len(one.nodes), len(other.nodes)),
            Figure("parameters", one.parameters, other.parameters),
            Figure("macs", one.macs, other.macs),
            Figure("activation_bytes", one.activation_bytes, other.activation_bytes),
        )

    def count(self, kind: Kind) -> int:
        """How many nodes there are of a kind."""
        return sum(node.kind == kind for node in self.nodes)


def compare(before: Graph, after: Graph) -> GraphDiff:
    """What differs between two graphs.

    Nodes are aligned by the names that were written, and otherwise in order, by type, within each level of
    names; see `alignment`. An input counts as changed where it does not come, through nodes that were added
    or removed, from what it came from before.

    Raises:
        UsageError: the graphs are for images of different shapes, or for different numbers of classes.
    """
    shapes = [(graph.contract.shape, graph.contract.classes) for graph in (before, after)]
    if shapes[0] != shapes[1]:
        raise UsageError(
            f"graphs are compared for one kind of image, not {before.contract} and {after.contract}"
        )
    pairs = align(before, after)
    sources = _Sources(before, after, pairs)
    nodes = []
    for one, other in pairs:
        old = None if one is None else before.nodes[one]
        new = None if other is None else after.nodes[other]
        changes = tuple(_changes(old, new, sources)) if old is not None and new is not None else ()
        nodes.append(NodeDiff(old, new, changes))
    return GraphDiff(before, after, tuple(nodes), tuple(sources.outputs()))


def _changes(old: GraphNode, new: GraphNode, sources: _Sources) -> Iterator[Change]:
    if old.name != new.name and not _only_counts_differ(old, new):
        yield Change("name", old.name, new.name)
    if old.layer.type_name != new.layer.type_name:
        yield Change("type", old.layer.type_name, new.layer.type_name)
    one, other = arguments_of(old), arguments_of(new)
    for name in dict.fromkeys((*one, *other)):
        if one.get(name) != other.get(name):
            yield Change(name, one.get(name), other.get(name))
    if old.initial != new.initial:
        yield Change("init", _initial(old), _initial(new))
    if rewired := sources.change(old, new):
        yield rewired
    figures = zip(FIGURES, _figures(old), _figures(new), strict=True)
    yield from (Change(name, a, b) for name, a, b in figures if a != b)


def arguments_of(node: GraphNode) -> dict[str, Json]:
    """The parameters of a node's layer as plain data."""
    arguments: dict[str, Json] = json.loads(node.layer.model_dump_json())
    return arguments


def _initial(node: GraphNode) -> Json:
    found: dict[str, Json] = {}
    for name, initializer in node.initial:
        arguments: dict[str, Json] = json.loads(initializer.model_dump_json(exclude_defaults=True))
        found[name] = {initializer.word: arguments} if arguments else initializer.word
    return found


def _figures(node: GraphNode) -> tuple[Json, ...]:
    return list(node.shape), node.parameters, node.macs, field_in_words(node.field, flat=len(node.shape) == 1)


def field_in_words(field: Field, *, flat: bool) -> str:
    """A receptive field as the table shows it: `7 /2` for 7x7 pixels at a stride of 2.

    A global one, behind gates, is `all`, with the size without the gates in brackets.
    """
    if field is None:
        return "unknown"
    if all(axis.local.is_global for axis in field):
        return "all"
    local = [axis.local for axis in field]
    size = _both(*(str(reach.size) for reach in local))
    stride = "" if flat else f" /{_both(*(str(reach.stride) for reach in local))}"
    return f"all ({size}{stride})" if any(axis.whole.is_global for axis in field) else f"{size}{stride}"


def _both(height: str, width: str) -> str:
    return height if height == width else f"{height}x{width}"


def _only_counts_differ(old: GraphNode, new: GraphNode) -> bool:
    """Whether two paths are of the same written names; what differs is counted (`conv_2`, copy 1)."""
    return len(old.path) == len(new.path) and all(
        one == other or (is_counted(one, old.layer) and is_counted(other, new.layer))
        for one, other in zip(old.path, new.path, strict=True)
    )


class _Sources:
    """Where inputs come from, once what was added and removed is left out."""

    def __init__(self, before: Graph, after: Graph, pairs: Sequence[Pair]) -> None:
        self.before = before
        self.after = after
        self.partners = {one: other for one, other in pairs if one is not None and other is not None}
        self.kept_after = set(self.partners.values())

    def change(self, old: GraphNode, new: GraphNode) -> Change | None:
        """The change of a node's inputs, where there is one."""
        was = {self.partners.get(_kept(self.before, n, self.partners), INPUT) for n in old.inputs}
        now = {_kept(self.after, n, self.kept_after) for n in new.inputs}
        if was == now and len(old.inputs) == len(new.inputs):
            return None
        return Change("inputs", _names(self.before, old), _names(self.after, new))

    def outputs(self) -> Iterator[Change]:
        """The changes of the network's outputs; one that only one network has is None in the other."""
        one, other = self.before.heads, self.after.heads
        if not one and not other:
            now = None if self.after.output == INPUT else self.after.output
            if self.partners.get(self.before.output) != now:
                yield Change(
                    "output", self._name(self.before, self.before.output), self._name(self.after, now)
                )
            return
        was = {head.name: head for head in one}
        new = {head.name: head for head in other}
        for name in dict.fromkeys((*was, *new)):
            old_head, new_head = was.get(name), new.get(name)
            told = [
                None if head is None else self._head(graph, head)
                for graph, head in ((self.before, old_head), (self.after, new_head))
            ]
            moved = (
                old_head is not None
                and new_head is not None
                and self.partners.get(old_head.node) != new_head.node
            )
            settings = [(head.weight, head.train_only) if head else None for head in (old_head, new_head)]
            if moved or settings[0] != settings[1]:
                yield Change(f"output {name}", told[0], told[1])

    @staticmethod
    def _name(graph: Graph, index: int | None) -> str:
        return "input" if index is None or index == INPUT else graph.nodes[index].name

    def _head(self, graph: Graph, head: Head) -> str:
        training = ", in training only" if head.train_only else ""
        return f"{self._name(graph, head.node)} (weight {head.weight:g}{training})"


def _kept(graph: Graph, index: int, kept: Container[int]) -> int:
    """The nearest node that both graphs have, from a node back along the first inputs."""
    while index != INPUT and index not in kept:
        index = graph.nodes[index].inputs[0]
    return index


def _names(graph: Graph, node: GraphNode) -> list[Json]:
    return ["input" if n == INPUT else graph.nodes[n].name for n in node.inputs]
