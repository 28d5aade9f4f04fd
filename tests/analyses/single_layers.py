"""Nodes of graphs that were never written as a file: one layer each, as its examples say."""

from __future__ import annotations

from cnnbuild.errors import Place
from cnnbuild.graph.graph import INPUT, GraphNode
from cnnbuild.graph.receptive_field import OWN_PIXEL
from cnnbuild.layers.base import Layer, Shape
from cnnbuild.layers.registry import standard_registry
from cnnbuild.testing import layer_of

NOWHERE = Place("net.yaml", 1, 1, 1, "")


def node_of(layer: Layer, inputs: tuple[Shape, ...]) -> GraphNode:
    return GraphNode(
        path=(f"{layer.type_name}_1",),
        layer=layer,
        inputs=(INPUT,) * len(inputs),
        input_shapes=inputs,
        shape=layer.output_shape(*inputs),
        field=OWN_PIXEL,
        aligned=True,
        origin=NOWHERE,
    )


EXAMPLES = {
    f"{layer_type.type_name}-{number}": node_of(layer_of(layer_type, example), example.inputs)
    for layer_type in standard_registry()
    for number, example in enumerate(layer_type.examples)
}
"""Every example of every layer type, by name and number."""
