"""How other tools count: figures that they printed, written down with their version; and what is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnbuild.graph.conventions.total import CONVENTIONS, evaluated_nodes, total_as
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.layers.activation import ElementWise
from cnnbuild.layers.plugins import registry_with

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
PHOTOGRAPHS = DataContract("photographs", 3, 224, 224, 1000)

SMALL_NET = """
  - conv: {out_channels: 8, kernel_size: 3, padding: half, bias: false}
  - group_norm: {num_groups: 2}
  - silu
  - max_pool: 2
    name: pooled
  - avg_pool: {kernel_size: 2, stride: 1, padding: 1}
  - conv_transpose: {out_channels: 6, kernel_size: 3, stride: 2, padding: 1, output_padding: 1}
  - batch_norm
  - gelu
  - upsample: {scale_factor: 2, mode: bilinear}
  - layer_norm
  - relu6
  - adaptive_avg_pool: [3, 4]
  - flatten
  - linear: 20
  - prelu
  - linear: {out_features: $data.classes, bias: false}
  - softmax
"""


END = "\n  - flatten\n  - linear: $data.classes"


def small_net(layers: str, **options) -> Graph:
    document = parse_architecture(parse_yaml(f"cnnbuild: 1\nlayers:{layers}", "net.yaml"))
    return elaborate(document, DataContract("pictures", 3, 16, 18, 10), **options)


PRINTED = {
    ("resnet18", "fvcore"): 1_819_065_856,
    ("resnet18", "ptflops"): 1_825_313_768,
    ("resnet18", "torchinfo"): 1_814_083_944,
    ("resnet18", "thop"): 1_824_033_792,
    ("resnet50", "fvcore"): 4_111_512_576,
    ("resnet50", "ptflops"): 4_132_436_968,
    ("resnet50", "torchinfo"): 4_089_238_376,
    ("resnet50", "thop"): 4_133_742_592,
    ("resnet152", "fvcore"): 11_558_835_200,
    ("resnet152", "ptflops"): 11_602_639_848,
    ("resnet152", "torchinfo"): 11_513_779_048,
    ("resnet152", "thop"): 11_603_945_472,
}
"""What each tool, in the version that its convention names, printed of torchvision 0.29.2's network."""


@pytest.mark.parametrize(("network", "tool"), PRINTED)
def test_a_published_total_is_told_without_the_tool(network: str, tool: str) -> None:
    document = read_architecture(ARCHITECTURES / "resnet.yaml")
    graph = elaborate(document, PHOTOGRAPHS, variant=network)
    assert total_as(graph, tool).total == PRINTED[network, tool]


def test_what_a_type_adds_is_told() -> None:
    layers = "\n  - conv: {out_channels: 8, kernel_size: 3}\n  - batch_norm\n  - relu\n  - batch_norm"
    graph = small_net(layers + END)
    told = total_as(graph, "ptflops")
    values, macs = 8 * 14 * 16, 27 * 8 * 14 * 16
    assert [(count.type, count.nodes, count.macs, count.counted) for count in told.by_type[:3]] == [
        ("conv", 1, macs, macs + values),
        ("batch_norm", 2, 0, 4 * values),
        ("relu", 1, 0, 2 * values),
    ]
    linear = 10 * values
    assert (told.macs, told.total) == (macs + linear, macs + 7 * values + linear + 10)


class Mine(ElementWise):
    """A type that no tool has heard of."""

    type_name = "mine"

    def build(self, *inputs):
        raise NotImplementedError


@pytest.mark.parametrize("tool", CONVENTIONS)
def test_a_type_that_is_not_known_is_named_and_there_is_no_total(tool: str) -> None:
    layers = "\n  - conv: {out_channels: 8, kernel_size: 3}\n  - mine\n  - relu\n  - mine" + END
    told = total_as(small_net(layers, registry=registry_with([Mine])), tool)
    assert told.unknown == ("mine",)
    assert told.total is None
    assert told.known_total >= 27 * 8 * 14 * 16
    assert [count.counted for count in told.by_type if count.type == "mine"] == [None]


def test_a_head_for_training_only_is_not_counted() -> None:
    document = read_architecture(ARCHITECTURES / "inception.yaml")
    graph = elaborate(document, DataContract("pictures", 3, 32, 32, 10))
    left_out = [graph.nodes[n].name for n in range(len(graph.nodes)) if n not in evaluated_nodes(graph)]
    assert len(left_out) == 7  # the auxiliary head: pool, conv, norm, act, flatten, dropout, linear
    assert all(name.startswith("auxiliary.") for name in left_out)
    assert total_as(graph, "thop").macs < graph.macs


def test_each_convention_says_in_words_how_it_counts() -> None:
    assert list(CONVENTIONS) == ["fvcore", "ptflops", "torchinfo", "thop"]
    for tool, convention in CONVENTIONS.items():
        assert convention.tool == tool
        assert len(convention.words.split(". ")) >= 2
        assert convention.words.endswith(".")
        assert "  " not in convention.words
