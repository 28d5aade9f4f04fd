"""Graph -> `nn.Module`, level by level, as one would write it by hand.

Every level of the graph's names becomes one module: an `nn.Sequential` where each child takes what the one
before it gave, a `Steps` where tensors branch and join or weights are shared. Nothing of cnnbuild's language
is left in the result.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.graph.nesting import Application, Part, Path, nest
from cnnbuild.modules.published import attach_published_names
from cnnbuild.modules.steps import HeadedSteps, Step, Steps


def build_module(graph: Graph) -> nn.Module:
    """The network, freshly initialised from torch's global random generator.

    It maps images (N, C, H, W) to logits (N, classes); one with several heads gives {name: logits}, see
    `HeadedSteps`. Keys of its `state_dict` are the nodes' names.
    """
    module = _Builder(graph).build(nest(graph))
    attach_published_names(module, graph)
    return module


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.built: dict[Path, nn.Module] = {}

    def build(self, part: Part) -> nn.Module:
        """A level as one module."""
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        for name, child in part.children.items():
            modules[name] = self.build(child) if isinstance(child, Part) else self.layer(child)
            self.built[*part.path, name] = modules[name]
        steps = [self.step(application) for application in part.steps]
        label = self.graph.labels.get(part.path, "steps") if part.path else self.graph.name
        if not part.path and self.graph.heads:
            return HeadedSteps(modules, steps, inputs=part.inputs, heads=self.graph.heads, label=label)
        if part.is_chain:
            return nn.Sequential(modules)
        return Steps(modules, steps, inputs=part.inputs, output=part.output, label=label)

    def layer(self, index: int) -> nn.Module:
        """A node as one module, its weights as the file wants them to begin."""
        node = self.graph.nodes[index]
        module = node.layer.build(*node.input_shapes)
        fill_weights(module, node)
        return module

    def step(self, application: Application) -> Step:
        """One application, with the module that it borrows."""
        borrowed = None if application.borrowed is None else self.built[application.borrowed]
        return Step(application.name, application.sources, application.gives, borrowed)


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
