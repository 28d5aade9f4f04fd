"""A graph written out: one node after the other, every value computed, with where each comes from.

The text is an architecture file again. It has no variables, blocks or repetitions, and comes to the same
layers in the same order; only the names of weights are flat (`layer1_0_conv_1` for `layer1.0.conv_1`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from cnnbuild.graph.evaluation import where
from cnnbuild.graph.graph import INPUT, Graph, GraphNode, Provenance
from cnnbuild.graph.levels import TAKEN_BY_TORCH
from cnnbuild.lang.sections import RESERVED_NAMES
from cnnbuild.lang.source import Plain
from cnnbuild.layers.base import Layer

EXPANDED_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Argument:
    """A value of a layer, and where it comes from, in words."""

    value: Plain
    origin: tuple[str, ...]

    @property
    def is_default(self) -> bool:
        """Whether nobody wrote it."""
        return self.origin == ("default",)


@dataclass(frozen=True, slots=True)
class ExpandedNode:
    """A node of an expanded network. `inputs` are names of earlier nodes, `block` for the network's input.

    `shares` names the node whose weights it applies again; `key` is the key of its weights in the network
    that was expanded.
    """

    name: str
    key: str
    type: str
    inputs: tuple[str, ...]
    follows: bool
    arguments: Mapping[str, Argument]
    initial: Mapping[str, Plain]
    shape: tuple[int, ...]
    origin: str
    trail: tuple[str, ...]
    shares: str | None = None


def expand(graph: Graph, *, file: str) -> tuple[ExpandedNode, ...]:
    """The nodes of a graph, for a reader of `file`."""
    names = dict(enumerate(_names(graph)))
    names[INPUT] = "block"
    return tuple(_expanded(index, node, names, file) for index, node in enumerate(graph.nodes))


def _expanded(index: int, node: GraphNode, names: Mapping[int, str], file: str) -> ExpandedNode:
    told = node.provenance() if node.provenance is not None else _of_its_form(node, file)
    values = _arguments(node.layer)
    return ExpandedNode(
        name=names[index],
        key=node.name,
        type=_word(node),
        inputs=tuple(names[source] for source in node.inputs),
        follows=node.inputs == (index - 1,),
        arguments={
            name: Argument(_shortest(node.layer, name, value), told[name]) for name, value in values.items()
        },
        initial={
            weight: {kind.word: json.loads(kind.model_dump_json())} if kind.model_fields_set else kind.word
            for weight, kind in node.initial
        },
        shape=node.shape,
        origin=where(node.origin, file),
        trail=node.trail,
        shares=names[node.shared.original] if node.shared else None,
    )


def _arguments(layer: Layer) -> dict[str, Plain]:
    """All arguments; without defaults where two of them exclude each other, as in `squeeze_excite`."""
    written = layer.model_dump_json()
    try:
        type(layer).model_validate_json(written)
    except ValidationError:
        written = layer.model_dump_json(exclude_defaults=True)
    values: dict[str, Plain] = json.loads(written)
    return values


def _of_its_form(node: GraphNode, file: str) -> Provenance:
    """The origins of a layer that nobody wrote: a shortcut's projection, made by the residual around it."""
    return {
        name: ("default",)
        if getattr(node.layer, name) == field.default
        else (f"{where(node.origin, file)}, the shortcut",)
        for name, field in type(node.layer).model_fields.items()
    }


def _word(node: GraphNode) -> str:
    """The type as a file may write it."""
    return "add" if node.layer.type_name == "residual" else node.layer.type_name


def _shortest(layer: Layer, name: str, value: Plain) -> Plain:
    """A pair of equal numbers as one, where that means the same to the layer."""
    if not (isinstance(value, list) and len(value) == 2 and value[0] == value[1]):
        return value
    written = json.loads(layer.model_dump_json()) | {name: value[0]}
    try:
        same = type(layer).model_validate_json(json.dumps(written)) == layer
    except ValidationError:
        return value
    return value[0] if same else value


def _names(graph: Graph) -> Iterator[str]:
    """A flat name for each node: its path with underscores, and a number where that is taken."""
    taken: set[str] = set(RESERVED_NAMES | TAKEN_BY_TORCH)
    for node in graph.nodes:
        path = "_".join(node.path)
        stem = f"copy_{path}" if path[0].isdigit() else path
        stem = f"{stem}_again" if node.shared else stem
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        yield name


def expanded_data(graph: Graph, *, file: str) -> dict[str, object]:
    """The expanded network as plain data, of a versioned schema."""
    nodes = expand(graph, file=file)
    return {
        "schema": EXPANDED_SCHEMA,
        "name": graph.name,
        "variant": graph.variant,
        "input": list(graph.contract.shape),
        "classes": graph.contract.classes,
        "outputs": {
            head.name: {
                "from": nodes[head.node].name,
                "weight": head.weight,
                "train_only": head.train_only,
            }
            for head in graph.heads
        },
        "nodes": [
            {
                "name": node.name,
                "key": node.key,
                "type": node.type,
                "inputs": list(node.inputs),
                "shape": list(node.shape),
                "origin": node.origin,
                "trail": list(node.trail),
                "shares": node.shares,
                "arguments": {
                    name: {"value": argument.value, "origin": list(argument.origin)}
                    for name, argument in node.arguments.items()
                },
                "init": dict(node.initial),
            }
            for node in nodes
        ],
    }
