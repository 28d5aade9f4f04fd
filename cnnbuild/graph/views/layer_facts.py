"""All that is known of one node, with the calculations that lead to it, as plain data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod

from cnnbuild.graph.graph import INPUT, Graph, GraphNode
from cnnbuild.graph.memory import VALUE_BYTES, Dtype, Keeper, kept_in
from cnnbuild.graph.views.field_arithmetic import FieldSteps, field_steps
from cnnbuild.graph.views.summary.captions import Json
from cnnbuild.layers.arithmetic import Terms, Worked, total
from cnnbuild.layers.base import Shape
from cnnbuild.layers.memory import FLAG_BYTES, INDEX_BYTES, Held, Kept

LAYER_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class KeptTensor:
    """A tensor that is kept for the backward pass: who made it, its size, and who keeps it too."""

    name: str
    bytes: int
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One node. `values` are the layer's parameters that are no defaults; shares are fractions of totals.

    `sizes` and `mac_terms` are empty where no formula is declared, or where its result is not the number.
    """

    name: str
    node: GraphNode
    values: dict[str, Json]
    inputs: tuple[tuple[str, Shape], ...]
    sizes: tuple[Worked, ...]
    readers: tuple[str, ...]
    parameter_share: float
    mac_terms: tuple[Terms, ...]
    mac_share: float
    batch: int
    dtype: Dtype
    activation_bytes: int
    kept: tuple[KeptTensor, ...]
    inner: Held
    kept_why: str
    field: tuple[FieldSteps, ...]

    @property
    def inner_bytes(self) -> int:
        """What is kept beside inputs and output."""
        return self.inner.bytes(batch=self.batch, value_bytes=VALUE_BYTES[self.dtype])

    @property
    def kept_bytes(self) -> int:
        """All that the node keeps, tensors that others keep too included."""
        return sum(tensor.bytes for tensor in self.kept) + self.inner_bytes


def layer_facts(graph: Graph, index: int, *, batch: int, dtype: Dtype) -> LayerFacts:
    """What is known of one node, for a batch and dtype."""
    node = graph.nodes[index]
    shapes, size = node.input_shapes, batch * VALUE_BYTES[dtype]
    keepers = kept_in(graph)
    tensors = tuple(
        KeptTensor(
            name_of(graph, tensor),
            size * prod(graph.contract.shape if tensor == INPUT else graph.nodes[tensor].shape),
            tuple(
                name_of(graph, other)
                for other, keeper in enumerate(keepers)
                if tensor in keeper.tensors and other != index
            ),
        )
        for tensor in keepers[index].tensors
    )
    sizes = node.layer.size_terms(*shapes) or ()
    terms = node.layer.mac_terms(*shapes)
    declared = node.layer.kept_for_backward(*shapes)
    idle = keepers[index] == Keeper() and declared != Kept(why=declared.why)
    return LayerFacts(
        name=node.name,
        node=node,
        values=_values(node),
        inputs=tuple(
            (name_of(graph, source), shape) for source, shape in zip(node.inputs, shapes, strict=True)
        ),
        sizes=sizes if tuple(worked.value for worked in sizes) == node.shape[1:] else (),
        readers=readers_of(graph, {index}),
        parameter_share=share(node.parameters, graph.parameters),
        mac_terms=terms if total(terms) == node.macs else (),
        mac_share=share(node.macs, graph.macs),
        batch=batch,
        dtype=dtype,
        activation_bytes=size * prod(node.shape),
        kept=tensors,
        inner=keepers[index].inner,
        kept_why="nothing: no weight stands before it or in it" if idle else declared.why,
        field=field_steps(graph, node),
    )


def name_of(graph: Graph, tensor: int) -> str:
    """The node that made a tensor, or `input`; where it applies shared weights, which application it is."""
    if tensor == INPUT:
        return "input"
    node = graph.nodes[tensor]
    if node.shared is None:
        return node.name
    times = sum(earlier.path == node.path for earlier in graph.nodes[: tensor + 1])
    return f"{node.name} (application {times})"


def readers_of(graph: Graph, nodes: set[int]) -> tuple[str, ...]:
    """Who reads what some nodes give, each once; and which heads of the network they are."""
    readers = [
        name_of(graph, reader)
        for reader, node in enumerate(graph.nodes)
        if reader not in nodes and not nodes.isdisjoint(node.inputs)
    ]
    heads = [f"the output '{head.name}'" for head in graph.heads if head.node in nodes]
    if not graph.heads and graph.output in nodes:
        heads = ["the network's output"]
    return (*dict.fromkeys(readers), *heads)


def share(part: int, whole: int) -> float:
    """A part as a fraction of the whole; 0 of nothing."""
    return part / whole if whole else 0.0


def percent(fraction: float) -> str:
    """A share for people.

    >>> percent(0.0004), percent(0.123), percent(0.0)
    ('<0.1%', '12.3%', '0.0%')
    """
    return "<0.1%" if 0 < fraction < 0.0005 else f"{fraction:.1%}"


def _values(node: GraphNode) -> dict[str, Json]:
    fields = type(node.layer).model_fields
    written: dict[str, Json] = json.loads(node.layer.model_dump_json())
    return {
        name: value[0] if isinstance(value, list) and len(value) == 2 and value[0] == value[1] else value
        for name, value in written.items()
        if fields[name].is_required() or getattr(node.layer, name) != fields[name].default
    }


def layer_dict(facts: LayerFacts) -> dict[str, Json]:
    """The facts as JSON has them."""
    node = facts.node
    return {
        "schema": LAYER_SCHEMA,
        "name": facts.name,
        "type": node.layer.type_name,
        "values": facts.values,
        "file": node.origin.file,
        "line": node.origin.line,
        "trail": list(node.trail),
        "shared": node.shared is not None,
        "inputs": [{"name": name, "shape": list(shape)} for name, shape in facts.inputs],
        "shape": list(node.shape),
        "size_terms": [_worked(worked) for worked in facts.sizes],
        "read_by": list(facts.readers),
        "weights": {name: list(shape) for name, shape in node.weight_shapes.items()},
        "parameters": node.parameters,
        "parameter_share": facts.parameter_share,
        "macs": node.macs,
        "mac_share": facts.mac_share,
        "mac_terms": [dict(terms) for terms in facts.mac_terms],
        "batch": facts.batch,
        "dtype": facts.dtype,
        "activation_bytes": facts.activation_bytes,
        "kept_for_backward": {
            "bytes": facts.kept_bytes,
            "why": facts.kept_why,
            "tensors": [
                {"name": tensor.name, "bytes": tensor.bytes, "kept_too_by": list(tensor.others)}
                for tensor in facts.kept
            ],
            "beside_them_bytes": facts.inner_bytes,
        },
        "receptive_field": [
            {
                "axis": steps.axis,
                "terms": {label.partition(":")[0]: _worked(worked) for label, worked in steps.worked},
                "sentences": list(steps.sentences),
            }
            for steps in facts.field
        ],
    }


def _worked(worked: Worked) -> Json:
    return {"formula": worked.text, "value": worked.value}


def inner_terms(inner: Held, *, batch: int, dtype: Dtype) -> str:
    """The size of what is kept beside inputs and output, as a sum of products.

    >>> inner_terms(Held(indices=48, constants=2), batch=2, dtype="float32")
    '2 images x 48 indices x 8 bytes + 2 values x 4 bytes'
    """
    images, size = f"{batch} image{'' if batch == 1 else 's'}", VALUE_BYTES[dtype]
    parts = [
        f"{images} x {inner.values:,} values x {size} bytes" if inner.values else "",
        f"{images} x {inner.indices:,} indices x {INDEX_BYTES} bytes" if inner.indices else "",
        f"{images} x {inner.flags:,} flags x {FLAG_BYTES} byte" if inner.flags else "",
        f"{inner.constants:,} values x {size} bytes" if inner.constants else "",
    ]
    return " + ".join(part for part in parts if part)
