"""What `inspect` tells about a graph, as plain data: one row per node, and the totals."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias

from cnnbuild.graph.graph import BYTES_PER_VALUE, INPUT, Graph, GraphNode
from cnnbuild.graph.receptive_field import Axis, Field
from cnnbuild.layers.base import Layer, Shape
from cnnbuild.layers.reach import Reach, Span

SCHEMA_VERSION = 1
MACS_CONVENTION = (
    "1 MAC is one multiply-add of a convolution or matrix product, for one image; biases, normalisation, "
    "activations and pools are not counted"
)

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Row:
    """One node. `inputs` are names of nodes, `input` for the network's; shares are fractions of the total.

    `line` is where the node was written. A row that is `shared` applies the weights of the first row of its
    name again. `notes` says what is remarkable: `shared`, `global` (every output sees the whole input),
    `RF > in`, `misaligned`.
    """

    name: str
    type: str
    caption: str
    inputs: tuple[str, ...]
    shape: Shape
    parameters: int
    parameter_share: float
    macs: int
    mac_share: float
    activation_bytes: int
    receptive_field: Field
    shared: bool
    notes: tuple[str, ...]
    file: str
    line: int

    def to_dict(self) -> dict[str, Json]:
        """The row as JSON has it."""
        return {
            "name": self.name,
            "type": self.type,
            "caption": self.caption,
            "inputs": list(self.inputs),
            "shape": list(self.shape),
            "parameters": self.parameters,
            "parameter_share": self.parameter_share,
            "macs": self.macs,
            "mac_share": self.mac_share,
            "activation_bytes": self.activation_bytes,
            "receptive_field": _field_to_dict(self.receptive_field),
            "shared": self.shared,
            "notes": list(self.notes),
            "file": self.file,
            "line": self.line,
        }


@dataclass(frozen=True)
class Totals:
    """Sums over the network; a MAC is counted as `MACS_CONVENTION` says."""

    parameters: int
    buffers: int
    macs: int
    activation_bytes: int
    weight_bytes: int


@dataclass(frozen=True)
class Summary:
    """What is known of a network without running it; `print` shows it as a table."""

    graph: Graph

    @cached_property
    def totals(self) -> Totals:
        """Sums over the network."""
        graph = self.graph
        return Totals(
            graph.parameters,
            graph.buffers,
            graph.macs,
            graph.activation_bytes,
            (graph.parameters + graph.buffers) * BYTES_PER_VALUE,
        )

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """One row per node, in the order of computation."""
        return tuple(self._row(node) for node in self.graph.nodes)

    @cached_property
    def first_to_see_everything(self) -> str | None:
        """The first node that has an output which sees the whole input."""
        sizes = self.graph.contract.shape[1:]
        return next((node.name for node in self.graph.nodes if _sees_all(node, sizes)), None)

    def to_dict(self) -> dict[str, Json]:
        """The summary as JSON has it."""
        contract, totals = self.graph.contract, self.totals
        return {
            "schema": SCHEMA_VERSION,
            "name": self.graph.name,
            "variant": self.graph.variant,
            "input": list(contract.shape),
            "classes": contract.classes,
            "macs_convention": MACS_CONVENTION,
            "totals": {
                "parameters": totals.parameters,
                "buffers": totals.buffers,
                "macs": totals.macs,
                "activation_bytes": totals.activation_bytes,
                "weight_bytes": totals.weight_bytes,
            },
            "first_to_see_everything": self.first_to_see_everything,
            "nodes": [row.to_dict() for row in self.rows],
        }

    def __str__(self) -> str:
        """The summary as a table."""
        from cnnbuild.graph.views.summary_table import summary_table

        return summary_table(self)

    def _row(self, node: GraphNode) -> Row:
        parameters, macs = self.graph.parameters, self.graph.macs
        return Row(
            name=node.name,
            type=node.layer.type_name,
            caption=caption(node.layer),
            inputs=tuple(
                "input" if source == INPUT else self.graph.nodes[source].name for source in node.inputs
            ),
            shape=node.shape,
            parameters=node.parameters,
            parameter_share=node.parameters / parameters if parameters else 0.0,
            macs=node.macs,
            mac_share=node.macs / macs if macs else 0.0,
            activation_bytes=node.activation_bytes,
            receptive_field=node.field,
            shared=node.shared is not None,
            notes=tuple(_notes(node, self.graph.contract.shape)),
            file=node.origin.file,
            line=node.origin.line,
        )


def caption(layer: Layer) -> str:
    """The type and what tells most about a layer: its window.

    >>> from cnnbuild.layers.convolution import Conv
    >>> caption(Conv(out_channels=8, kernel_size=(3, 3), stride=(2, 2)))
    'conv 3x3 /2'
    """
    words = [layer.type_name]
    kernel, stride, dilation = (getattr(layer, name, None) for name in ("kernel_size", "steps", "dilation"))
    stride = stride or getattr(layer, "stride", None)
    groups = getattr(layer, "groups", 1)
    if isinstance(kernel, tuple):
        words.append(f"{kernel[0]}x{kernel[1]}")
    if isinstance(stride, tuple) and stride != (1, 1):
        words.append(f"/{stride[0]}" if stride[0] == stride[1] else f"/{stride[0]}x{stride[1]}")
    if isinstance(dilation, tuple) and dilation != (1, 1):
        words.append(f"d{dilation[0]}" if dilation[0] == dilation[1] else f"d{dilation[0]}x{dilation[1]}")
    if isinstance(groups, int) and groups > 1:
        words.append(f"g{groups}")
    return " ".join(words)


def _notes(node: GraphNode, image: Shape) -> list[str]:
    notes = ["shared"] if node.shared else []
    if node.field is None:
        notes.append("RF unknown")
    elif any(axis.whole.is_global for axis in node.field):
        notes.append("global")
    elif any(axis.whole.size > size for axis, size in zip(node.field, image[1:], strict=True)):
        notes.append("RF > in")
    if not node.aligned:
        notes.append("misaligned")
    return notes


def _sees_all(node: GraphNode, sizes: Shape) -> bool:
    """Whether some output of the node sees the first and the last pixel along both axes."""
    if node.field is None:
        return False
    outputs = node.shape[1:] if len(node.shape) == 3 else (1, 1)
    return all(
        axis.whole.is_global or any(_covers(axis.whole.seen_by(output), size) for output in range(count))
        for axis, count, size in zip(node.field, outputs, sizes, strict=True)
    )


def _covers(span: Span | None, size: int) -> bool:
    return span is not None and span[0] <= 0 and span[1] >= size - 1


def _field_to_dict(field: Field) -> Json:
    if field is None:
        return None
    return {name: _axis_to_dict(axis) for name, axis in zip(("height", "width"), field, strict=True)}


def _axis_to_dict(axis: Axis) -> Json:
    local: Json = None
    if axis.whole.is_global and not axis.local.is_global:
        local = _reach_to_dict(axis.local)
    if axis.whole.is_global:
        return {"global": True, "without_gates": local}
    return {"global": False, **_reach_to_dict(axis.whole)}


def _reach_to_dict(reach: Reach) -> dict[str, Json]:
    return {"size": reach.size, "stride": _number(reach.stride), "start": reach.start}


def _number(fraction: Fraction) -> int | float:
    return int(fraction) if fraction.denominator == 1 else float(fraction)
