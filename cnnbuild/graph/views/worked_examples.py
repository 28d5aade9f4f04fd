"""Examples of the reference: a few lines of YAML, elaborated, with what comes in and out, and the costs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import GraphNode
from cnnbuild.graph.views.summary import Json
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import Plain
from cnnbuild.layers.base import Example, Layer, Shape
from cnnbuild.layers.registry import Registry

ENTRY, TAIL = "reference_entry", ("reference_flatten", "reference_classes")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_TEXT = frozenset({"true", "false", "null"})  # words that YAML reads as values


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """`yaml` is a list of layers; `before` what enters it, `after` what leaves it, of one image each.

    `weights` and `buffers` are the shapes by their key in the state dict.
    """

    yaml: str
    before: tuple[Shape, ...]
    after: Shape
    parameters: int
    macs: int
    weights: dict[str, Shape]
    buffers: dict[str, Shape]

    def to_dict(self) -> dict[str, Json]:
        """The example as JSON has it."""
        return {
            "yaml": self.yaml,
            "before": [list(shape) for shape in self.before],
            "after": list(self.after),
            "parameters": self.parameters,
            "macs": self.macs,
            "weights": {name: list(shape) for name, shape in self.weights.items()},
            "buffers": {name: list(shape) for name, shape in self.buffers.items()},
        }


def work(layers: str, entering: Shape, registry: Registry) -> WorkedExample:
    """A list of layers applied to a tensor of the shape `entering`.

    Raises:
        DocumentError: the layers have faults, or do not fit the shape.
    """
    flat = len(entering) == 1
    before = f"- flatten:\n  name: {ENTRY}\n" if flat else ""
    after = f"- flatten:\n  name: {TAIL[0]}\n- linear: $data.classes\n  name: {TAIL[1]}\n"
    text = f"cnnbuild: 1\nlayers:\n{before}{layers}{after}"
    channels, height, width = (entering[0], 1, 1) if flat else entering
    contract = DataContract("example", channels, height, width, 10)
    graph = elaborate(parse_architecture(parse_yaml(text, "example")), contract, registry=registry)
    nodes = [node for node in graph.nodes if node.name not in (ENTRY, *TAIL)]
    return WorkedExample(
        layers,
        nodes[0].input_shapes if len(nodes) == 1 else (entering,),
        next(node.input_shapes[0] for node in graph.nodes if node.name == TAIL[0]),
        sum(node.parameters for node in nodes),
        sum(node.macs for node in nodes),
        _keyed(nodes, "weight_shapes"),
        _keyed(nodes, "buffer_shapes"),
    )


def _keyed(nodes: list[GraphNode], which: str) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for node in nodes:
        shapes = (
            node.weight_shapes if which == "weight_shapes" else node.layer.buffer_shapes(*node.input_shapes)
        )
        found |= {f"{node.name}.{name}": shape for name, shape in shapes.items()}
    return found


def example_yaml(layer_type: type[Layer], example: Example) -> str:
    """A use of a layer type as a file would write it: bare, with a single value, or with a mapping."""
    if layer_type.several_inputs:
        return f"- {layer_type.type_name}: [prev, block]\n"
    order = {name: n for n, name in enumerate(layer_type.model_fields)}
    arguments = {
        name: _plain(example.arguments[name]) for name in sorted(example.arguments, key=order.__getitem__)
    }
    return call_yaml(layer_type.type_name, arguments, layer_type.primary)


def call_yaml(name: str, arguments: dict[str, Plain], primary: str | None) -> str:
    r"""A call with its arguments, in the shortest form that the language has for it.

    >>> call_yaml("conv", {"out_channels": 8, "kernel_size": [3, 1], "bias": False}, "out_channels")
    '- conv: {out_channels: 8, kernel_size: [3, 1], bias: false}\n'
    >>> call_yaml("linear", {"out_features": 10}, "out_features"), call_yaml("relu", {}, None)
    ('- linear: 10\n', '- relu\n')
    """
    if not arguments:
        return f"- {name}\n"
    if primary is not None and list(arguments) == [primary] and not isinstance(arguments[primary], dict):
        return f"- {name}: {flow_yaml(arguments[primary])}\n"
    return f"- {name}: {flow_yaml(arguments)}\n"


def flow_yaml(value: Plain) -> str:
    """A value on one line, words without quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow_yaml, value))}]"
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) and value not in _NOT_TEXT else json.dumps(value)
    return re.sub(r"e([+-])0+(?=\d)", r"e\1", json.dumps(value))


def _plain(value: object) -> Plain:
    plain: Plain = json.loads(json.dumps(value))
    return plain
