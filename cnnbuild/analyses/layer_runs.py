"""Each distinct layer of a network built and run by itself on the meta device, where nothing is computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.layers.base import Shape

IMAGES = 2  # with one, a module that mixes the images of a batch would not be found out
MOST_ON_CPU = 50_000_000  # numbers of input and output, where a module cannot be run on the meta device


@dataclass(frozen=True, slots=True)
class LayerRun:
    """What the module of a node did; `error` says what went wrong, and then the rest is empty."""

    shape: Shape = ()
    weights: tuple[tuple[str, Shape], ...] = ()
    buffers: tuple[tuple[str, Shape], ...] = ()
    macs: float = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class DistinctLayer:
    """A node, and all nodes that are the same layer applied to inputs of the same shapes, itself included."""

    node: GraphNode
    indices: tuple[int, ...]
    run: LayerRun


LayerKey = tuple[type, str, tuple[Shape, ...]]


def key_of(node: GraphNode) -> LayerKey:
    """What makes two nodes the same computation: the layer with its parameters, and its inputs' shapes."""
    return type(node.layer), repr(node.layer), node.input_shapes


def distinct_layers(graph: Graph) -> Iterator[tuple[GraphNode, tuple[int, ...]]]:
    """The first node of each distinct layer, and the indices of all nodes of it."""
    found: dict[LayerKey, list[int]] = {}
    for index, node in enumerate(graph.nodes):
        found.setdefault(key_of(node), []).append(index)
    for indices in found.values():
        yield graph.nodes[indices[0]], tuple(indices)


def run_layers(graph: Graph) -> tuple[DistinctLayer, ...]:
    """Every distinct layer of a graph, run once."""
    return tuple(DistinctLayer(node, indices, run_layer(node)) for node, indices in distinct_layers(graph))


def run_layer(node: GraphNode) -> LayerRun:
    """The module of a node, evaluating two images with gradients on: fused paths would hide operations.

    Where its operations do not exist on the meta device, it is run on the CPU if it is small enough.
    """
    run = _run_on(node, "meta")
    small = prod(node.shape) + sum(map(prod, node.input_shapes)) <= MOST_ON_CPU
    if not run.error or not small:
        return run
    return _run_on(node, "cpu")


def _run_on(node: GraphNode, device: str) -> LayerRun:
    try:
        with torch.device(device):
            module = node.layer.build(*node.input_shapes).eval()
            images = [torch.zeros(IMAGES, *shape) for shape in node.input_shapes]
        with torch.enable_grad(), FlopCounterMode(display=False) as counter:
            output = module(*images)
        return _measured(module, output, counter.get_total_flops() / 2 / IMAGES)
    except Exception as error:  # noqa: BLE001 - a plugin's code may raise anything, which is the finding
        return LayerRun(error=f"raises {told(error)}")


def _measured(module: nn.Module, output: object, macs: float) -> LayerRun:
    if not isinstance(output, torch.Tensor):
        return LayerRun(error=f"its module returns {type(output).__name__}, not a tensor")
    if output.shape[:1] != (IMAGES,):
        return LayerRun(error=f"its module makes {tuple(output.shape)} of {IMAGES} images")
    return LayerRun(
        tuple(output.shape[1:]),
        tuple((name, tuple(weight.shape)) for name, weight in module.named_parameters()),
        tuple((name, tuple(buffer.shape)) for name, buffer in module.named_buffers()),
        macs,
    )


def told(error: BaseException) -> str:
    """What was raised, in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
