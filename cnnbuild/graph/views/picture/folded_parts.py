"""The boxes and levels of a graph, with repeats folded, and all levels closed that are not asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from cnnbuild.graph.graph import INPUT, Graph, Head
from cnnbuild.graph.views.folding import Folded, Leaf, Level, fold
from cnnbuild.graph.views.level_tree import SHARE
from cnnbuild.graph.views.picture.chains import chains, is_small, sign, words
from cnnbuild.graph.views.picture.parts import Diagram, Group, Kind, Part, Piece
from cnnbuild.graph.views.picture.short_numbers import short_shape
from cnnbuild.graph.views.picture.text_width import TO
from cnnbuild.graph.views.unstable_names import is_counted

Opened: TypeAlias = Callable[[Level], bool]
"""Whether the inside of a level is to be shown."""


def folded_levels(graph: Graph) -> tuple[Folded, ...]:
    """The levels of a graph; one whose nodes do not lie together is left out, its items stay."""
    return tuple(_in_order(fold(graph)))


def evaluated_nodes(graph: Graph) -> set[int]:
    """The nodes that are computed in evaluation: all but those that only heads for training need."""
    found: set[int] = set()
    wanted = [head.node for head in graph.heads if not head.train_only] or [graph.output]
    while wanted:
        index = wanted.pop()
        if index != INPUT and index not in found:
            found.add(index)
            wanted.extend(graph.nodes[index].inputs)
    return found


def diagram_of(graph: Graph, levels: Sequence[Folded], opened: Opened) -> Diagram:
    """The boxes of a graph and the edges between them; `levels` are its `folded_levels`."""
    building = _Building(graph, opened, last_copies(levels))
    building.find_copies(levels)
    first = building.piece("input", "input", "input", short_shape(graph.contract.shape), ())
    parts = (first, *building.parts(levels))
    heads = graph.heads or (Head("", graph.output),)
    ends = [building.end(head) for head in heads]
    owner = {node: piece.number for piece in building.pieces for node in piece.nodes}
    edges: dict[tuple[int, int], None] = {}
    for index, node in enumerate(graph.nodes):
        if building.original(index) != index:
            continue
        for source in node.inputs:
            origin = first.number if source == INPUT else owner[building.original(source)]
            if origin != owner[index]:
                edges[origin, owner[index]] = None
    for head, end in zip(heads, ends, strict=True):
        origin = first.number if head.node == INPUT else owner[building.original(head.node)]
        edges[origin, end.number] = None
    return Diagram(graph, (*parts, *ends), tuple(building.pieces), tuple(edges))


def last_copies(items: Sequence[Folded]) -> dict[int, int]:
    """For the node that stands for its copies, the last of them; copies in copies count too."""
    found: dict[int, int] = {}
    for item in items:
        if isinstance(item, Leaf):
            found[item.node] = item.copies[-1]
            continue
        inside = last_copies(item.items)
        in_last = dict(zip(item.copies[0], item.copies[-1], strict=True))
        found.update((node, in_last[inside.get(node, node)]) for node in item.copies[0])
    return found


@dataclass
class _Building:
    """What is known while boxes are made.

    `last_copy` leads from nodes to their last copies, `first_copy` from those of later copies to their
    originals.
    """

    graph: Graph
    opened: Opened
    last_copy: Mapping[int, int]
    pieces: list[Piece] = field(default_factory=list)
    first_copy: dict[int, int] = field(default_factory=dict)
    readers: dict[int, set[int]] = field(default_factory=dict)
    evaluated: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        ends = {head.node for head in self.graph.heads} or {self.graph.output}
        for index, node in enumerate(self.graph.nodes):
            for source in node.inputs:
                self.readers.setdefault(source, set()).add(index)
        for end in ends:
            self.readers.setdefault(end, set()).add(len(self.graph.nodes))
        self.evaluated = evaluated_nodes(self.graph)

    def find_copies(self, items: Sequence[Folded]) -> None:
        """Note of which node every folded node is a copy."""
        for item in items:
            if isinstance(item, Leaf):
                self.first_copy.update(dict.fromkeys(item.copies[1:], item.node))
                continue
            for copy in item.copies[1:]:
                self.first_copy.update(zip(copy, item.copies[0], strict=True))
            self.find_copies(item.items)

    def original(self, node: int) -> int:
        """The node that stands for a node in the picture."""
        while node in self.first_copy:
            node = self.first_copy[node]
        return node

    def piece(
        self, kind: Kind, name: str, path: str, title: str, nodes: tuple[int, ...], *, copies: int = 1
    ) -> Piece:
        dashed = bool(nodes) and not self.evaluated.intersection(nodes)
        last = self.last_copy.get(nodes[-1], nodes[-1]) if nodes else None
        made = Piece(len(self.pieces), kind, name, path, title, nodes, copies, last, dashed)
        self.pieces.append(made)
        return made

    def end(self, head: Head) -> Piece:
        """The box of an output."""
        shape = short_shape(self.graph.nodes[head.node].shape if head.node != INPUT else ())
        title = f"{shape} logits" if not head.train_only else f"{shape} logits, only in training"
        made = self.piece("output", head.name, head.name or "output", title, ())
        if head.train_only:
            made = replace(made, dashed=True)
            self.pieces[made.number] = made
        return made

    def parts(self, items: Sequence[Folded]) -> Iterator[Part]:
        """The boxes and groups of a level's items."""
        for item in chains(self.graph, items, self.feeds_only):
            if isinstance(item, tuple):
                yield self.layers(item)
            elif isinstance(item, Leaf):
                yield self.layers((item.node,), copies=len(item.copies))
            else:
                yield self.level(item)

    def feeds_only(self, source: int, target: int) -> bool:
        return self.graph.nodes[target].inputs == (source,) and self.readers.get(source) == {target}

    def layers(self, nodes: tuple[int, ...], *, copies: int = 1) -> Piece:
        """The box of one layer, or of a convolution with what follows it."""
        graph = self.graph
        written = [
            node.path[-1]
            for node in sorted((graph.nodes[index] for index in nodes), key=lambda node: not node.macs)
            if not is_counted(node.path[-1], node.layer) and node.shared is None
        ]
        title = " · ".join(words(graph.nodes[index]) for index in nodes)
        kind: Kind = "layer"
        if joined := sign(graph.nodes[nodes[0]]):
            kind, written = "join", []
            title = " · ".join([joined, *(words(graph.nodes[index]) for index in nodes[1:])])
        elif all(is_small(graph.nodes[index]) for index in nodes):
            kind = "small"
        path = " · ".join(graph.nodes[index].name for index in nodes)
        return self.piece(kind, written[0] if written else "", path, title, nodes, copies=copies)

    def level(self, level: Level) -> Part:
        """The group of a level, or one box where it is closed or would hold only one."""
        nodes, copies = level.copies[0], len(level.copies)
        name, path = self.name_of(level), ".".join(level.path)
        if not self.opened(level) and len(nodes) > 1 and not self.is_one_box(level):
            title = level.label if level.label not in ("", name) else f"{len(nodes)} layers"
            return self.piece("closed", name, path, title, nodes, copies=copies)
        dashed = not self.evaluated.intersection(nodes)
        parts = tuple(self.parts(level.items))
        only = parts[0] if len(parts) == 1 else None
        if isinstance(only, Piece) and 1 in (copies, only.copies):
            kind: Kind = "layer" if only.kind == "small" else only.kind
            merged = replace(only, name=name, kind=kind, copies=copies * only.copies)
            self.pieces[only.number] = merged
            return merged
        if isinstance(only, Group) and copies == 1:
            inner = only.name.removeprefix(f"{name}.")
            return replace(only, name=f"{name}.{inner}", label=only.label or level.label)
        return Group(name, path, level.label, nodes, parts, copies, dashed)

    def is_one_box(self, level: Level) -> bool:
        """Whether there is nothing to close: its layers make one box anyway."""
        made = list(chains(self.graph, level.items, self.feeds_only))
        if len(made) != 1:
            return False
        return not isinstance(made[0], Level) or (len(made[0].copies) == 1 and self.is_one_box(made[0]))

    def name_of(self, level: Level) -> str:
        """What a level is called, with the last copy where copies are counted: `1-5`, with a longer dash."""
        copies = len(level.copies)
        if level.name.startswith(f"{SHARE} "):
            shared = self.graph.nodes[level.copies[0][0]].shared
            return f"{'.'.join(shared.module)} again" if shared else level.name
        if copies > 1 and level.name.isdigit():
            return f"{level.name}{TO}{int(level.name) + copies - 1}"
        return level.name


def _in_order(items: Sequence[Folded]) -> Iterator[Folded]:
    for item in items:
        if isinstance(item, Leaf):
            yield item
            continue
        nodes = list(item.nodes())
        inside = tuple(_in_order(item.items))
        if max(nodes) - min(nodes) + 1 == len(nodes):
            yield replace(item, items=inside)
        elif len(item.copies) == 1:
            yield from inside
        else:  # copies that lie between other nodes: each node by itself
            yield from (Leaf(str(node), (node,)) for node in nodes)
