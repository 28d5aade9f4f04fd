"""A graph for images of another size, from its layers alone."""

from __future__ import annotations

from dataclasses import replace

from cnnbuild.graph.graph import INPUT, Graph, GraphNode
from cnnbuild.graph.receptive_field import OWN_PIXEL, Field, see
from cnnbuild.layers.base import Shape


def resized(graph: Graph, height: int, width: int) -> Graph:
    """The same layers, joined in the same way, for images of another height and width.

    What the file computed from the size of a map stays as it is.

    Raises:
        ShapeError: a layer cannot be applied to what it gets then.
    """
    contract = replace(graph.contract, height=height, width=width)
    nodes: list[GraphNode] = []
    for node in graph.nodes:
        shapes: tuple[Shape, ...] = tuple(
            contract.shape if source == INPUT else nodes[source].shape for source in node.inputs
        )
        fields: tuple[Field, ...] = tuple(
            OWN_PIXEL if source == INPUT else nodes[source].field for source in node.inputs
        )
        shape = node.layer.output_shape(*shapes)
        seen = see(node.layer, shapes, fields, shape)
        nodes.append(replace(node, input_shapes=shapes, shape=shape, field=seen.field, aligned=seen.aligned))
    return replace(graph, contract=contract, nodes=tuple(nodes))
