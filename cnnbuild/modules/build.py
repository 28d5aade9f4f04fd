"""Graph -> `nn.Module`, level by level, as one would write it by hand.

Every level of the graph's names becomes one module: an `nn.Sequential` where each child takes what the one
before it gave, a `Steps` where tensors branch and join or weights are shared. Nothing of cnnbuild's language
is left in the result.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from torch import nn

from cnnbuild.graph.graph import INPUT, Graph, GraphNode
from cnnbuild.modules.published import attach_published_names
from cnnbuild.modules.steps import HeadedSteps, Step, Steps


def build_module(graph: Graph) -> nn.Module:
    """The network, freshly initialised from torch's global random generator.

    It maps images (N, C, H, W) to logits (N, classes); one with several heads gives {name: logits}, see
    `HeadedSteps`. Keys of its `state_dict` are the nodes' names.
    """
    module = _Builder(graph).network()
    attach_published_names(module, graph)
    return module


@dataclass(slots=True)
class _Application:
    """One `share`, which applies the module at `path` again.

    `twins` are its nodes, each under the node that it repeats.
    """

    path: tuple[str, ...]
    twins: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Level:
    """A level of names: its children by name, each a node's index or a level, and what is applied in turn.

    `nodes` are the indices of all that is computed in the level, in the levels under it too.
    """

    path: tuple[str, ...]
    children: dict[str, int | _Level] = field(default_factory=dict)
    applied: list[str | _Application] = field(default_factory=list)
    nodes: set[int] = field(default_factory=set)

    def add(self, name: str, child: int | _Level) -> None:
        self.children[name] = child
        self.applied.append(name)


@dataclass(frozen=True, slots=True)
class _Built:
    """A level or layer: its module, what it takes, and the tensor that it gives.

    Each of `takes` is a node inside and the number of one of its inputs: the outside tensor that comes in
    there, in every application of the module.
    """

    module: nn.Module
    takes: tuple[tuple[int, int], ...]
    gives: int


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.root = _Level(())
        self.built: dict[tuple[str, ...], _Built] = {}
        self.applications: dict[int, _Application] = {}
        for index, node in enumerate(graph.nodes):
            sharing = node.shared
            if sharing is None:
                self.level_of(node.path[:-1], index).add(node.path[-1], index)
                continue
            level = self.level_of(sharing.level, index)
            if sharing.application not in self.applications:
                self.applications[sharing.application] = _Application(sharing.module)
                level.applied.append(self.applications[sharing.application])
            self.applications[sharing.application].twins[sharing.repeats] = index

    def level_of(self, path: tuple[str, ...], index: int) -> _Level:
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

    def network(self) -> nn.Module:
        built = self.build(self.root)
        read = [self.graph.nodes[node].inputs[number] for node, number in built.takes]
        if read != [INPUT]:
            raise TypeError(f"the network reads {read}, not its one input")
        return built.module

    def build(self, level: _Level) -> _Built:
        """A level as one module."""
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        steps: list[Step] = []
        inputs = _Inputs(self, level)
        for item in level.applied:
            if isinstance(item, _Application):
                steps.append(self.again(item, level, inputs))
                continue
            child = level.children[item]
            built = self.build(child) if isinstance(child, _Level) else self.layer(child)
            self.built[*level.path, item] = built
            modules[item] = built.module
            steps.append(Step(item, tuple(map(inputs.number, built.takes)), built.gives))
        outside, takes = tuple(inputs.taken), tuple(inputs.taken.values())
        label = self.graph.labels.get(level.path, "steps") if level.path else self.graph.name
        if not level.path and self.graph.heads:
            heads = self.graph.heads
            headed = HeadedSteps(modules, steps, inputs=outside, heads=heads, label=label)
            return _Built(headed, takes, heads[0].node)
        output = self.output_of(level.nodes, level.path)
        if _is_chain(steps, outside, output):
            return _Built(nn.Sequential(modules), takes, output)
        return _Built(Steps(modules, steps, inputs=outside, output=output, label=label), takes, output)

    def layer(self, index: int) -> _Built:
        """A node as one module, its weights as the file wants them to begin."""
        node = self.graph.nodes[index]
        module = node.layer.build(*node.input_shapes)
        fill_weights(module, node)
        return _Built(module, tuple((index, number) for number in range(len(node.inputs))), index)

    def again(self, application: _Application, level: _Level, inputs: _Inputs) -> Step:
        """The step that applies a module which was built before."""
        built, twins = self.built[application.path], application.twins
        sources = tuple(inputs.number((twins[node], number)) for node, number in built.takes)
        gives = twins[built.gives]
        *parent, name = application.path
        if tuple(parent) == level.path:
            return Step(name, sources, gives)
        return Step(".".join(application.path), sources, gives, built.module)

    def output_of(self, nodes: Iterable[int], path: tuple[str, ...]) -> int:
        """The one of some nodes that is used outside them."""
        inside = set(nodes)
        ends = {head.node for head in self.graph.heads} or {self.graph.output}
        used = {
            source
            for index, node in enumerate(self.graph.nodes)
            if index not in inside
            for source in node.inputs
            if source in inside
        } | (ends & inside)
        if len(used) != 1:
            raise TypeError(f"the level '{'.'.join(path)}' gives {len(used)} tensors, not one")
        return used.pop()


class _Inputs:
    """The outside tensors that a level takes, numbered for its steps.

    Two that are one tensor at first are told apart where a `share` of the level, or of one around it, gives
    it two: a body that joins what enters it with `stem`, and that follows directly on `stem` at first.
    """

    def __init__(self, builder: _Builder, level: _Level) -> None:
        self.nodes = builder.graph.nodes
        self.level = level
        self.twins = [
            application.twins
            for application in builder.applications.values()
            if application.path == level.path[: len(application.path)]
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


def fill_weights(module: nn.Module, node: GraphNode) -> None:
    """Overwrite those weights of a node's module for which the file says how they begin.

    The layer was built first, and drew torch's own beginning: an `init` that draws nothing, such as `zeros`,
    changes no other layer's weights. Then the weights are drawn in the order in which torch's module lists
    them, whatever the order in the file.
    """
    if not node.initial:
        return
    initial = dict(node.initial)
    for name, parameter in module.named_parameters():
        if name in initial:
            initial[name].fill(parameter)


def _is_chain(steps: Sequence[Step], outside: tuple[int, ...], output: int) -> bool:
    if len(outside) != 1 or len({step.name for step in steps}) < len(steps):
        return False
    previous = outside[0]
    for step in steps:
        if step.sources != (previous,) or step.borrowed is not None:
            return False
        previous = step.gives
    return previous == output
