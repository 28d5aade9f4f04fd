"""Graph -> `nn.Module`, level by level, as one would write it by hand.

Every level of the graph's names becomes one module: an `nn.Sequential` where each child takes what the one
before it gave, a `Steps` where tensors branch and join. Nothing of cnnbuild's language is left in the result.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import nn

from cnnbuild.graph.graph import INPUT, Graph
from cnnbuild.modules.steps import Step, Steps


def build_module(graph: Graph) -> nn.Module:
    """The network, freshly initialised from torch's global random generator.

    It maps images (N, C, H, W) to logits (N, classes). Keys of its `state_dict` are the nodes' names.
    """
    return _Builder(graph).network()


@dataclass(slots=True)
class _Level:
    """A level of names: its children in order of computation, each a node's index or a level."""

    path: tuple[str, ...]
    children: dict[str, int | _Level] = field(default_factory=dict)
    nodes: set[int] = field(default_factory=set)


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.root = _Level(())
        for index, node in enumerate(graph.nodes):
            level = self.root
            level.nodes.add(index)
            for depth, name in enumerate(node.path[:-1], start=1):
                child = level.children.setdefault(name, _Level(node.path[:depth]))
                if isinstance(child, int):
                    raise TypeError(f"'{'.'.join(node.path[:depth])}' is both a layer and a level")
                level = child
                level.nodes.add(index)
            level.children[node.path[-1]] = index

    def network(self) -> nn.Module:
        module, sources, _ = self.build(self.root)
        if sources != (INPUT,):
            raise TypeError(f"the network reads {sources}, not its one input")
        return module

    def build(self, level: _Level) -> tuple[nn.Module, tuple[int, ...], int]:
        """A level's module, the outside tensors it takes, and the node whose output it gives."""
        built: list[tuple[str, nn.Module, tuple[int, ...], int]] = []
        for name, child in level.children.items():
            if isinstance(child, _Level):
                built.append((name, *self.build(child)))
            else:
                node = self.graph.nodes[child]
                built.append((name, node.layer.build(*node.input_shapes), node.inputs, child))
        outside = tuple(
            dict.fromkeys(s for _, _, sources, _ in built for s in sources if s not in level.nodes)
        )
        output = self.output_of(level)
        modules = OrderedDict((name, module) for name, module, _, _ in built)
        if _is_chain([(sources, gives) for _, _, sources, gives in built], outside, output):
            return nn.Sequential(modules), outside, output
        label = self.graph.labels.get(level.path, "steps") if level.path else self.graph.name
        steps = [Step(name, sources, gives) for name, _, sources, gives in built]
        return Steps(modules, steps, inputs=outside, output=output, label=label), outside, output

    def output_of(self, level: _Level) -> int:
        """The one node of a level that is used outside it."""
        if self.graph.output in level.nodes:
            return self.graph.output
        used = {
            source
            for index, node in enumerate(self.graph.nodes)
            if index not in level.nodes
            for source in node.inputs
            if source in level.nodes
        }
        if len(used) != 1:
            raise TypeError(f"the level '{'.'.join(level.path)}' gives {len(used)} tensors, not one")
        return used.pop()


def _is_chain(built: Sequence[tuple[tuple[int, ...], int]], outside: tuple[int, ...], output: int) -> bool:
    if len(outside) != 1:
        return False
    previous = outside[0]
    for sources, gives in built:
        if sources != (previous,):
            return False
        previous = gives
    return previous == output
