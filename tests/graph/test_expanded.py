"""An expanded network is an architecture file again, and comes to the same layers."""

from pathlib import Path

import pytest

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.expanded import expand, expanded_data
from cnnbuild.graph.views.expanded_text import expanded_text
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.reader import parse_yaml

ROOT = Path(__file__).parent.parent.parent
FILES = sorted([*(ROOT / "architectures").glob("*.yaml"), *(ROOT / "architectures" / "zoo").glob("*.yaml")])
CIFAR = DataContract("3x32x32", 3, 32, 32, 10)
PHOTOGRAPHS = DataContract("3x64x64", 3, 64, 64, 10)  # the smallest that nearly every shipped file takes
LARGE = DataContract("3x299x299", 3, 299, 299, 10)

EVERYTHING = """\
cnnbuild: 1
vars: {width: 8, depth: 2}
variants:
  wide: {width: 16}
defaults:
  conv: {padding: half, init: {bias: zeros}}
blocks:
  twice:
    params: {out_channels: int, act: {type: layer, default: relu}}
    layers:
      - conv: {out_channels: $(out_channels * 2), kernel_size: 3}
        name: a
        init: {weight: {kaiming_normal: {mode: fan_out}}}
      - $act
layers:
  - conv: {out_channels: $width, kernel_size: 3}
    name: stem
  - twice: {out_channels: $(in.channels // 2), act: {leaky_relu: 0.2}}
    name: unit
  - share: unit
  - relu:
    repeat: $depth
  - residual:
      shortcut: zero_pad
      body: [{conv: {out_channels: $(width * 2), kernel_size: 3, stride: 2}}]
  - concat:
      left: identity
      right: [max_pool: {kernel_size: 3, stride: 1, padding: 1}]
  - global_avg_pool
  - flatten
  - linear: $data.classes
    name: logits
  - flatten:
    from: unit
  - linear: $data.classes
    name: side
outputs:
  main: logits
  side: {from: side, weight: 0.5, train_only: true}
"""


def graph_of(text: str, **options: object) -> Graph:
    return elaborate(parse_architecture(parse_yaml(text, "net.yaml")), CIFAR, **options)


def figures(graph: Graph) -> list[object]:
    return [
        (
            "add" if node.layer.type_name == "residual" else node.layer.type_name,
            node.layer.model_dump_json(),
            node.inputs,
            node.shape,
            node.parameters,
            node.macs,
            node.field,
            node.initial,
            None if node.shared is None else node.shared.original,
        )
        for node in graph.nodes
    ]


def assert_same_network(graph: Graph) -> None:
    text = expanded_text(graph, file="net.yaml")
    again = elaborate(parse_architecture(parse_yaml(text, "net.yaml")), graph.contract)
    assert figures(again) == figures(graph)
    assert [(h.node, h.weight, h.train_only) for h in again.heads] == [
        (h.node, h.weight, h.train_only) for h in graph.heads
    ]
    assert again.output == graph.output
    assert again.warnings == ()


def test_there_are_files_to_expand():
    assert len(FILES) >= 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_variant_of_a_shipped_file_expands_to_the_same_network(path):
    document = read_architecture(path)
    contract = LARGE if path.stem == "inception_v3" else PHOTOGRAPHS
    for variant in (None, *document.variants):
        assert_same_network(elaborate(document, contract, variant=variant))


def test_every_form_of_the_language_expands_to_the_same_network():
    graph = graph_of(EVERYTHING)
    assert len(graph.nodes) == 17
    assert_same_network(graph)
    assert_same_network(graph_of(EVERYTHING, variant="wide"))


def test_a_name_like_a_type_and_a_number_is_not_given_twice():
    branches = "  - concat: {one: [relu, tanh], two: identity}\n    name: first\n  - relu\n  - concat: {one: [tanh], two: identity}\n"
    graph = graph_of(f"cnnbuild: 1\nlayers:\n{branches}  - flatten\n  - linear: $data.classes\n")
    assert [node.name for node in graph.nodes if "relu" in node.name] == ["first.one.relu_1", "relu_1"]
    assert_same_network(graph)


def test_without_the_values_that_nobody_wrote_it_is_the_same_network():
    graph = graph_of(EVERYTHING)
    text = expanded_text(graph, file="net.yaml", written_only=True)
    assert figures(graph_of(text)) == figures(graph)
    assert "dilation" not in text


def test_each_value_says_where_it_comes_from_back_to_the_variable():
    graph = graph_of(EVERYTHING, variant="wide", overrides={"depth": 1})
    nodes = {node.key: node for node in expand(graph, file="net.yaml")}
    assert {name: argument.origin for name, argument in nodes["stem"].arguments.items()} == {
        "out_channels": ("line 16", "width is 16 (line 4)"),
        "kernel_size": ("line 16",),
        "stride": ("default",),
        "padding": ("line 6, defaults",),
        "dilation": ("default",),
        "groups": ("default",),
        "bias": ("default",),
        "padding_mode": ("default",),
    }
    assert nodes["unit.a"].arguments["out_channels"].origin == ("line 11", "out_channels is 8 (line 18)")
    assert nodes["unit.leaky_relu_1"].arguments["negative_slope"].origin == ("line 18",)


def test_an_override_is_named_as_the_origin():
    graph = graph_of(EVERYTHING, overrides={"width": 32})
    (stem,) = (node for node in expand(graph, file="net.yaml") if node.key == "stem")
    assert stem.arguments["out_channels"].value == 32
    assert stem.arguments["out_channels"].origin == ("line 16", "width is 32 (--set)")


def test_a_projection_says_that_its_residual_made_it():
    text = (
        "cnnbuild: 1\nlayers:\n  - residual:\n      shortcut: projection\n"
        "      body: [conv: {out_channels: 4, kernel_size: 1, stride: 2}]\n"
        "  - flatten\n  - linear: $data.classes\n"
    )
    nodes = {node.key: node for node in expand(graph_of(text), file="net.yaml")}
    conv = nodes["shortcut.conv"].arguments
    assert (conv["out_channels"].value, conv["out_channels"].origin) == (4, ("line 3, the shortcut",))
    assert (conv["stride"].value, conv["dilation"].origin) == (2, ("default",))


def test_names_that_would_fall_together_are_told_apart():
    text = (
        "cnnbuild: 1\nblocks:\n  unit:\n    layers:\n      - conv: {out_channels: 3, kernel_size: 1}\n        name: c\n"
        "layers:\n  - unit:\n    name: a_b\n  - concat:\n      x: identity\n      a: [conv: {out_channels: 1, kernel_size: 1}]\n"
        "    name: a\n  - conv: {out_channels: 2, kernel_size: 1}\n    name: a_b_c\n  - flatten\n  - linear: $data.classes\n"
    )
    graph = graph_of(text)
    names = [node.name for node in expand(graph, file="net.yaml")]
    assert len(set(names)) == len(names)
    assert {"a_b_c", "a_b_c_2"} <= set(names)
    assert_same_network(graph)


def test_the_data_say_the_same_as_the_text():
    graph = graph_of(EVERYTHING)
    data = expanded_data(graph, file="net.yaml")
    assert data["schema"] == 1
    assert data["input"] == [3, 32, 32]
    assert data["outputs"]["side"] == {"from": "side", "weight": 0.5, "train_only": True}
    nodes = data["nodes"]
    assert [node["name"] for node in nodes] == [node.name for node in expand(graph, file="net.yaml")]
    assert nodes[0]["arguments"]["padding"] == {"value": "half", "origin": ["line 6, defaults"]}
    assert nodes[0]["init"] == {"bias": "zeros"}
