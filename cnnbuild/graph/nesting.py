"""A graph's nodes, level by level of their names: what stands in each, in which order it is applied.

Both the module that is built and the source code that is written for it follow this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from cnnbuild.graph.graph import INPUT, Graph

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Application:
    """One application of a child: what it takes and what it gives; tensors are numbered as in the graph.

    `name` is the child's. A module that stands elsewhere in the network is `borrowed`: the path of it.
    """

    name: str
    sources: tuple[int, ...]
    gives: int
    borrowed: Path | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A level: its children by name, each a node's index or a level, and what is applied in turn.

    `inputs` are the outside tensors that it takes, `takes` a place inside where each of them enters (a node,
    and the number of one of its inputs), and `output` is the tensor that it gives.
    """

    path: Path
    children: dict[str, int | Part]
    steps: tuple[Application, ...]
    inputs: tuple[int, ...]
    takes: tuple[tuple[int, int], ...]
    output: int

    @property
    def is_chain(self) -> bool:
        """Whether each child takes what the one before it gave, once."""
        if len(self.inputs) != 1 or len({step.name for step in self.steps}) < len(self.steps):
            return False
        previous = self.inputs[0]
        for step in self.steps:
            if step.sources != (previous,) or step.borrowed is not None:
                return False
            previous = step.gives
        return previous == self.output


def nest(graph: Graph) -> Part:
    """The whole network as a level.

    Raises:
        TypeError: the graph is none that `elaborate` makes.
    """
    part = _Nesting(graph).part(None)
    read = [graph.nodes[node].inputs[number] for node, number in part.takes]
    if read != [INPUT]:
        raise TypeError(f"the network reads {read}, not its one input")
    return part


@dataclass(slots=True)
class _Sharing:
    """One `share`, which applies the module at `path` again.

    `twins` are its nodes, each under the node that it repeats.
    """

    path: Path
    twins: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Level:
    """A level while nodes are sorted into it; `nodes` are all that is computed in it and under it."""

    path: Path
    children: dict[str, int | _Level] = field(default_factory=dict)
    applied: list[str | _Sharing] = field(default_factory=list)
    nodes: set[int] = field(default_factory=set)

    def add(self, name: str, child: int | _Level) -> None:
        self.children[name] = child
        self.applied.append(name)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A level or layer that has its place: where outside tensors enter it, and the tensor that it gives."""

    takes: tuple[tuple[int, int], ...]
    gives: int


class _Nesting:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.root = _Level(())
        self.placed: dict[Path, _Placed] = {}
        self.sharings: dict[int, _Sharing] = {}
        self.users: list[list[int]] = [[] for _ in graph.nodes]
        self.ends = {head.node for head in graph.heads} or {graph.output}
        for index, node in enumerate(graph.nodes):
            for source in node.inputs:
                if source != INPUT:
                    self.users[source].append(index)
            sharing = node.shared
            if sharing is None:
                self.level_of(node.path[:-1], index).add(node.path[-1], index)
                continue
            level = self.level_of(sharing.level, index)
            if sharing.application not in self.sharings:
                self.sharings[sharing.application] = _Sharing(sharing.module)
                level.applied.append(self.sharings[sharing.application])
            self.sharings[sharing.application].twins[sharing.repeats] = index

    def level_of(self, path: Path, index: int) -> _Level:
        """The level at a path, made where it is not yet there; the node belongs to it and those around it."""
        level = self.root
        level.nodes.add(index)
        for depth, name in enumerate(path, start=1):
            if name not in level.children:
                level.add(name, _Level(path[:depth]))
            child = level.children[name]
            if isinstance(child, int):
                raise TypeError(f"'{'.'.join(path[:depth])}' is both a layer and a level")
            level = child
            level.nodes.add(index)
        return level

    def part(self, level: _Level | None) -> Part:
        """A level with all that stands under it; None is the whole network."""
        level = level or self.root
        children: dict[str, int | Part] = {}
        steps: list[Application] = []
        inputs = _Inputs(self, level)
        for item in level.applied:
            if isinstance(item, _Sharing):
                steps.append(self.again(item, level, inputs))
                continue
            child = level.children[item]
            if isinstance(child, _Level):
                part = self.part(child)
                children[item], placed = part, _Placed(part.takes, part.output)
            else:
                numbers = range(len(self.graph.nodes[child].inputs))
                children[item], placed = child, _Placed(tuple((child, number) for number in numbers), child)
            self.placed[*level.path, item] = placed
            steps.append(Application(item, tuple(map(inputs.number, placed.takes)), placed.gives))
        outside, takes = tuple(inputs.taken), tuple(inputs.taken.values())
        heads = () if level.path else self.graph.heads
        output = heads[0].node if heads else self.output_of(level.nodes, level.path)
        return Part(level.path, children, tuple(steps), outside, takes, output)

    def again(self, sharing: _Sharing, level: _Level, inputs: _Inputs) -> Application:
        """The step that applies a module which has its place already."""
        placed, twins = self.placed[sharing.path], sharing.twins
        sources = tuple(inputs.number((twins[node], number)) for node, number in placed.takes)
        gives = twins[placed.gives]
        *parent, name = sharing.path
        if tuple(parent) == level.path:
            return Application(name, sources, gives)
        return Application(".".join(sharing.path), sources, gives, sharing.path)

    def output_of(self, nodes: set[int], path: Path) -> int:
        """The one of some nodes that is used outside them."""
        used = [node for node in nodes if node in self.ends or not nodes.issuperset(self.users[node])]
        if len(used) != 1:
            raise TypeError(f"the level '{'.'.join(path)}' gives {len(used)} tensors, not one")
        return used[0]


class _Inputs:
    """The outside tensors that a level takes, numbered for its steps.

    Two that are one tensor at first are told apart where a `share` of the level, or of one around it, gives
    it two: a body that joins what enters it with `stem`, and that follows directly on `stem` at first.
    """

    def __init__(self, nesting: _Nesting, level: _Level) -> None:
        self.nodes = nesting.graph.nodes
        self.level = level
        self.twins = [
            sharing.twins
            for sharing in nesting.sharings.values()
            if sharing.path == level.path[: len(sharing.path)]
        ]
        self.numbers: dict[tuple[int, ...], int] = {}
        self.taken: dict[int, tuple[int, int]] = {}

    def number(self, place: tuple[int, int]) -> int:
        """The tensor that comes in at a node's input, as the steps of the level call it."""
        node, number = place
        source = self.nodes[node].inputs[number]
        if source in self.level.nodes:
            return source
        ever = (source, *(self.nodes[twins[node]].inputs[number] for twins in self.twins))
        if ever not in self.numbers:
            self.numbers[ever] = source if source not in self.taken else INPUT - 1 - len(self.taken)
            self.taken[self.numbers[ever]] = place
        return self.numbers[ever]
