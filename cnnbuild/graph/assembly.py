"""The graph while it grows: layers are added in the order of computation, and their shapes checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from cnnbuild.errors import Place, Problems
from cnnbuild.graph.evaluation import Context, UnresolvedError, explain
from cnnbuild.graph.graph import INPUT, GraphNode, Tensor
from cnnbuild.graph.receptive_field import see
from cnnbuild.lang.source import YamlMap
from cnnbuild.layers.base import Layer, ShapeError, format_shape

MAX_VALUES = 1_000_000_000  # of one tensor, for one image
MAX_SIDE = 30_000  # of a map, in pixels


@dataclass(slots=True)
class Assembly:
    """The nodes so far; `labels` says which block or container opened a level of names."""

    problems: Problems
    nodes: list[GraphNode] = field(default_factory=list)
    labels: dict[tuple[str, ...], str] = field(default_factory=dict)

    def add(
        self,
        layer: Layer,
        inputs: tuple[Tensor, ...],
        path: tuple[str, ...],
        place: Place,
        context: Context,
        arguments: YamlMap | None = None,
    ) -> Tensor:
        """Append a node to the graph and give its output.

        Raises:
            UnresolvedError: the shapes do not fit (reported), or are unknown.
        """
        shapes = tuple(tensor.shape for tensor in inputs if tensor.shape is not None)
        if len(shapes) < len(inputs):
            raise UnresolvedError
        try:
            shape = layer.output_shape(*shapes)
        except ShapeError as error:
            blamed = arguments.get(error.parameter) if arguments is not None and error.parameter else None
            told = explain(blamed, context) if blamed is not None else ()
            trail = (*told, *self.sources(inputs), *context.trail)
            self.problems.add(
                error.message, blamed.place if blamed else place, help=error.help, context=trail
            )
            raise UnresolvedError from None
        if max(shape[1:], default=0) > MAX_SIDE or prod(shape) > MAX_VALUES:
            self.problems.add(
                f"{layer.type_name}: an output of {format_shape(shape)} is larger than any machine can hold",
                place,
                help=f"an image has at most {MAX_VALUES:,} values, and {MAX_SIDE:,} pixels on a side",
                context=(*self.sources(inputs), *context.trail),
            )
            raise UnresolvedError
        seen = see(layer, shapes, tuple(tensor.field for tensor in inputs), shape)
        self.nodes.append(
            GraphNode(
                path,
                layer,
                tuple(tensor.node for tensor in inputs),
                shapes,
                shape,
                seen.field,
                seen.aligned,
                place,
                context.trail,
            )
        )
        return Tensor(len(self.nodes) - 1, shape, seen.field)

    def sources(self, inputs: tuple[Tensor, ...]) -> tuple[str, ...]:
        """Where each input's shape came from, in words."""
        return tuple(dict.fromkeys(self.source(tensor) for tensor in inputs))

    def source(self, tensor: Tensor) -> str:
        """Where a tensor's shape came from, in words."""
        shape = format_shape(tensor.shape or ())
        if tensor.node == INPUT:
            return f"{shape} is the network's input"
        node = self.nodes[tensor.node]
        return f"{shape} comes from '{node.name}', line {node.origin.line}"
