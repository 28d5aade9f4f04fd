"""One row of a summary per node, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cnnbuild.graph.graph import INPUT, Graph
from cnnbuild.graph.lifetimes import computed_in_evaluation
from cnnbuild.graph.memory import Memory
from cnnbuild.graph.receptive_field import Axis, Field
from cnnbuild.graph.views.summary.captions import Json, caption, number
from cnnbuild.graph.views.summary.facts import notes_of
from cnnbuild.graph.visibility import dead_outputs, gridding
from cnnbuild.layers.base import Shape
from cnnbuild.layers.reach import Reach


@dataclass(frozen=True, slots=True)
class Row:
    """One node. `number` counts from 1 in the order of computation.

    `inputs` are names of nodes, `input` for the network's, and `sources` their numbers, 0 for the network's;
    shares are fractions of the total. `activation_bytes` is its output for the summary's batch and dtype, and
    `kept_bytes` what of it, by itself or by those who read it, is kept for the backward pass. `coverage` is
    the part of its field that an output sees, and `dead` the part of its outputs that see no pixel of the
    image. A row that is `shared` applies the weights of the row `shared_with` again; one that is `train_only`
    is not computed in evaluation. `notes` says what is remarkable, as `notes_of` does. `file` and `line` are
    where the node was written.
    """

    number: int
    name: str
    type: str
    caption: str
    inputs: tuple[str, ...]
    sources: tuple[int, ...]
    shape: Shape
    parameters: int
    parameter_share: float
    buffers: int
    macs: int
    mac_share: float
    activation_bytes: int
    kept_bytes: int
    receptive_field: Field
    coverage: Fraction | None
    dead: Fraction
    shared: bool
    shared_with: int | None
    train_only: bool
    notes: tuple[str, ...]
    file: str
    line: int

    def to_dict(self) -> dict[str, Json]:
        """The row as JSON has it."""
        return {
            "number": self.number,
            "name": self.name,
            "type": self.type,
            "caption": self.caption,
            "inputs": list(self.inputs),
            "sources": list(self.sources),
            "shape": list(self.shape),
            "parameters": self.parameters,
            "parameter_share": self.parameter_share,
            "buffers": self.buffers,
            "macs": self.macs,
            "mac_share": self.mac_share,
            "activation_bytes": self.activation_bytes,
            "kept_bytes": self.kept_bytes,
            "receptive_field": _field_to_dict(self.receptive_field),
            "coverage": None if self.coverage is None else float(self.coverage),
            "dead": float(self.dead),
            "shared": self.shared,
            "shared_with": self.shared_with,
            "train_only": self.train_only,
            "notes": list(self.notes),
            "file": self.file,
            "line": self.line,
        }


def rows_of(graph: Graph, memory: Memory) -> tuple[Row, ...]:
    """One row per node, in the order of computation."""
    parameters, macs, image = graph.parameters, graph.macs, graph.contract.shape
    computed = computed_in_evaluation(graph)
    return tuple(
        Row(
            number=index + 1,
            name=node.name,
            type=node.layer.type_name,
            caption=caption(node.layer),
            inputs=tuple("input" if source == INPUT else graph.nodes[source].name for source in node.inputs),
            sources=tuple(source + 1 for source in node.inputs),
            shape=node.shape,
            parameters=node.parameters,
            parameter_share=node.parameters / parameters if parameters else 0.0,
            buffers=node.buffers,
            macs=node.macs,
            mac_share=node.macs / macs if macs else 0.0,
            activation_bytes=memory.node_activation_bytes[index],
            kept_bytes=memory.node_kept_bytes[index],
            receptive_field=node.field,
            coverage=gridding(node.field),
            dead=dead_outputs(node.field, node.shape, image),
            shared=node.shared is not None,
            shared_with=node.shared.original + 1 if node.shared else None,
            train_only=not computed[index],
            notes=notes_of(node, image),
            file=node.origin.file,
            line=node.origin.line,
        )
        for index, node in enumerate(graph.nodes)
    )


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
    return {"size": reach.size, "stride": number(reach.stride), "start": reach.start}
