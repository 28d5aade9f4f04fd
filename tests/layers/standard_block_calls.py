"""Calls of standard blocks, and the networks and modules that they come to."""

from __future__ import annotations

import torch
from torch import nn

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.modules.build import build_module

Shape = tuple[int, int, int]
END = "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n    name: classifier\n"


def graph_of(call: str, shape: Shape) -> Graph:
    """The graph of one call, named `unit`, and a classifier of 5 classes."""
    word = call if ":" in call else f"{call}:"
    text = f"cnnbuild: 1\nlayers:\n  - {word}\n    name: unit\n{END}"
    return elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DataContract("pictures", *shape, 5))


def block_of(call: str, shape: Shape) -> nn.Module:
    """The module of one call alone."""
    return build_module(graph_of(call, shape)).get_submodule("unit")


def parameters_of(call: str, shape: Shape) -> int:
    """How many parameters one call has."""
    return sum(node.parameters for node in graph_of(call, shape).nodes if node.path[0] == "unit")


def output_of(call: str, shape: Shape) -> Shape:
    """The shape that one call gives."""
    return [node.shape for node in graph_of(call, shape).nodes if node.path[0] == "unit"][-1]


def randomise(module: nn.Module) -> nn.Module:
    """Give every weight and statistic a value of its own, variances positive ones."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                low, high = (0.5, 1.5) if name.endswith("running_var") else (-0.5, 0.5)
                tensor.uniform_(low, high, generator=generator)
    return module


def copy_in_order(source: nn.Module, target: nn.Module) -> None:
    """Copy all weights and statistics, the first to the first, the second to the second.

    1x1 convolutions may stand for linear layers, and (C,) for (C, 1, 1).
    """
    ours, theirs = target.state_dict(), source.state_dict()
    squeezed = [[tuple(n for n in t.shape if n > 1) for t in state.values()] for state in (ours, theirs)]
    assert squeezed[0] == squeezed[1]
    values = [theirs[key].reshape(ours[mine].shape) for mine, key in zip(ours, theirs, strict=True)]
    target.load_state_dict(dict(zip(ours, values, strict=True)))
