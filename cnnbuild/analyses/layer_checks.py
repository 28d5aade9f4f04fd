"""Shapes, weights and multiply-adds of every layer by itself, against its module."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnnbuild.analyses.difference import Check, Difference, Method, difference_at, to_correct
from cnnbuild.analyses.layer_runs import DistinctLayer
from cnnbuild.layers.base import Shape, format_shape


def check_shapes(layers: Sequence[DistinctLayer]) -> Check:
    """The shape that each node is said to have, against what its module makes of inputs of its shapes.

    Each node is run by itself, so that a wrong rule is found where it stands and not in what follows. What
    raises is a difference here, and left out of the other checks.
    """
    differences = []
    for layer in layers:
        node, run = layer.node, layer.run
        declared = format_shape(node.shape)
        if run.error:
            correct = to_correct(node.layer, "build") + ", or `output_shape`, which should refuse the input"
            differences.append(_difference(layer, declared, run.error, correct))
        elif run.shape != node.shape:
            correct = to_correct(node.layer, "output_shape")
            differences.append(_difference(layer, declared, format_shape(run.shape), correct))
    how = "each node run by itself on the meta device, two images"
    return Check("shapes", _counted(layers), how, tuple(differences))


def check_weights(layers: Sequence[DistinctLayer]) -> Check:
    """The weights and buffers that each node is said to have: names, order and shapes."""
    differences: list[Difference] = []
    for layer in _that_ran(layers):
        node, run = layer.node, layer.run
        said: Sequence[tuple[Method, dict[str, Shape], Iterable[tuple[str, Shape]]]] = (
            ("weight_shapes", node.weight_shapes, run.weights),
            ("buffer_shapes", node.layer.buffer_shapes(*node.input_shapes), run.buffers),
        )
        for method, declared, measured in said:
            if list(declared.items()) != list(measured):
                correct = to_correct(node.layer, method)
                texts = _listed(declared.items()), _listed(measured)
                differences.append(_difference(layer, *texts, correct))
    how = "names, order and shapes, against named_parameters() and named_buffers() of each node"
    return Check("weights", _counted(layers), how, tuple(differences))


def check_macs(layers: Sequence[DistinctLayer]) -> Check:
    """The multiply-adds that each node is said to cost, against torch's counter of operations, halved."""
    differences = []
    for layer in _that_ran(layers):
        if layer.node.macs != layer.run.macs:
            declared, measured = f"{layer.node.macs:,}", f"{layer.run.macs:,.10g}"
            if layer.run.macs == int(layer.run.macs):
                measured = f"{int(layer.run.macs):,}"
            differences.append(_difference(layer, declared, measured, to_correct(layer.node.layer, "macs")))
    how = "each node run by itself under torch.utils.flop_counter, halved, with gradients on"
    return Check("multiply-adds", _counted(layers), how, tuple(differences))


def _that_ran(layers: Iterable[DistinctLayer]) -> Iterable[DistinctLayer]:
    return (layer for layer in layers if not layer.run.error)


def _difference(layer: DistinctLayer, analysis: str, torch: str, correct: str) -> Difference:
    return difference_at(layer.node, analysis, torch, correct, alike=len(layer.indices) - 1)


def _counted(layers: Sequence[DistinctLayer]) -> str:
    nodes = sum(len(layer.indices) for layer in layers)
    return f"{nodes:,} nodes, which are {len(layers):,} distinct layers"


def _listed(shapes: Iterable[tuple[str, Shape]]) -> str:
    return ", ".join(f"{name} {format_shape(shape) if shape else '()'}" for name, shape in shapes) or "none"
