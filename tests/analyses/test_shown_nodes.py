"""Of which nodes maps are shown: the ends of an early, a middle and a late convolution."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnbuild.analyses.feature_maps import evenly_spread, shown_nodes
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import read_architecture
from tests.analyses.twins import network

SHIPPED = Path(__file__).parents[2] / "architectures"


def names(graph: Graph) -> list[str]:
    return [graph.nodes[node].name for node in shown_nodes(graph)]


def layers(*written: str) -> Graph:
    text = "cnnbuild: 1\nname: n\nlayers:\n" + "".join(f"  - {layer}\n" for layer in written)
    return network(3, f"{text}  - flatten\n  - linear: $data.classes\n")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("simple_cnn.yaml", ["stage1.relu_1", "stage2.relu_1"]),
        ("residual_cnn.yaml", ["relu_1", "block2.relu_1", "block3.relu_2"]),
        ("fully_connected.yaml", []),
    ],
)
def test_maps_of_shipped_networks_are_shown_after_their_activations(file: str, expected: list[str]) -> None:
    graph = elaborate(read_architecture(SHIPPED / file), DataContract("cifar10", 3, 32, 32, 10))
    assert names(graph) == expected


def test_a_convolution_ends_where_something_looks_at_it_through_another_window() -> None:
    conv = "conv: {out_channels: 4, kernel_size: 3, padding: 1}"
    assert names(layers(conv)) == ["conv_1"]
    assert names(layers(conv, "max_pool: 2")) == ["conv_1"]
    assert names(layers(conv, "batch_norm", "relu", "dropout: 0.5", "max_pool: 2")) == ["dropout_1"]
    pointwise = "conv: {out_channels: 4, kernel_size: 1}"  # sees its own pixel, and is a convolution
    assert names(layers(conv, pointwise)) == ["conv_1", "conv_2"]
    pooled = "max_pool: {kernel_size: 3, stride: 1, padding: 1}"  # of the same shape
    assert names(layers(conv, pooled)) == ["conv_1"]


def test_a_branch_that_is_used_twice_ends_there_and_maps_of_a_pixel_do_not_count() -> None:
    conv = "conv: {out_channels: 4, kernel_size: 3, padding: 1}"
    twice = f"residual: {{body: [{{{conv}}}], shortcut: identity}}"
    assert names(layers(conv, twice, "relu")) == ["conv_1", "relu_1"]
    assert names(layers(conv, "conv: {out_channels: 4, kernel_size: 12}")) == ["conv_1"]


def test_items_in_even_distances_hold_the_first_and_the_last() -> None:
    assert [evenly_spread(range(n), 3) for n in (0, 1, 3, 4, 5, 10, 17)] == [
        [], [0], [0, 1, 2], [0, 2, 3], [0, 2, 4], [0, 5, 9], [0, 8, 16],
    ]  # fmt: skip
