"""The receptive field of every node, against the support of the input gradient (see gradient_oracle.py)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from textwrap import dedent

import pytest
import torch

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.receptive_field import Axis
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.layers.reach import POINTWISE, window
from tests.graph.gradient_oracle import check_graph, outputs_of, support

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
HEAD = ["global_avg_pool", "flatten", "linear: $data.classes"]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Thousands of tiny convolutions are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


NETS = {
    "inception": """
        - conv: {out_channels: 4, kernel_size: 3, padding: half, stride: 2}
        - concat:
            direct: identity
            narrow: [{conv: {out_channels: 2, kernel_size: 1}}]
            wide:
              - conv: {out_channels: 2, kernel_size: 1}
              - conv: {out_channels: 3, kernel_size: 5, padding: half}
            pool:
              - max_pool: {kernel_size: 3, stride: 1, padding: 1}
              - conv: {out_channels: 2, kernel_size: 1}
        - relu
        - conv: {out_channels: 3, kernel_size: 3, stride: 2}
        """,
    "strided and dilated": """
        - conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: half}
        - conv: {out_channels: 2, kernel_size: 3, dilation: 2, padding: half}
        - conv: {out_channels: 2, kernel_size: [2, 3], dilation: [3, 1], stride: [1, 2]}
        - max_pool: {kernel_size: 3, stride: 1, dilation: 2}
        - conv: {out_channels: 2, kernel_size: 1, stride: 2}
        """,
    "factorised": """
        - conv: {out_channels: 2, kernel_size: [1, 7], padding: half}
        - conv: {out_channels: 2, kernel_size: [7, 1], padding: half, stride: [2, 1]}
        - conv: {out_channels: 2, kernel_size: [1, 4], padding: [0, 1]}
        - avg_pool: {kernel_size: [3, 2], stride: [1, 2], padding: [1, 0]}
        """,
    "ceil mode": """
        - max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}
        - conv: {out_channels: 2, kernel_size: 3}
        - avg_pool: {kernel_size: 2, ceil_mode: true}
        - max_pool: {kernel_size: 3, stride: 2, padding: 1, ceil_mode: true}
        """,
    "adaptive": """
        - conv: {out_channels: 2, kernel_size: 3, padding: half}
        - adaptive_avg_pool: [16, 10]
        - conv: {out_channels: 2, kernel_size: 3, stride: 2}
        """,
    "zero_pad": """
        - residual:
            shortcut: zero_pad
            body:
              - conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: half}
              - conv: {out_channels: 4, kernel_size: 3, padding: half}
        - name: second
          residual:
            shortcut: [{avg_pool: 2}, {conv: {out_channels: 4, kernel_size: 1}}]
            body:
              - conv: {out_channels: 4, kernel_size: 4, stride: 2, padding: 1}
        """,
    "gate": """
        - conv: {out_channels: 4, kernel_size: 3, padding: half}
          name: features
        - global_avg_pool
        - conv: {out_channels: 4, kernel_size: 1}
        - sigmoid
        - multiply: [features, prev]
        - conv: {out_channels: 4, kernel_size: 3, padding: half, stride: 2}
        """,
    "whole-map gate": """
        - conv: {out_channels: 4, kernel_size: 3, padding: half}
          name: features
        - conv: {out_channels: 4, kernel_size: [40, 37]}
        - sigmoid
        - multiply: [prev, features]
        """,
}


def net(folder: Path, layers: str) -> Graph:
    """A graph for images of 40x37 from a list of layers."""
    lines = ["cnnbuild: 1", "layers:", dedent(layers).strip(), *(f"- {layer}" for layer in HEAD)]
    path = folder / "net.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return elaborate(read_architecture(path), DataContract("pictures", 2, 40, 37, 3))


def shipped(
    file: str, size: tuple[int, int], overrides: dict[str, object], *, variant: str | None = None
) -> Graph:
    contract = DataContract("pictures", 2, *size, 3)
    return elaborate(read_architecture(ARCHITECTURES / file), contract, variant=variant, overrides=overrides)


@pytest.mark.parametrize("name", [name for name in NETS if "gate" not in name])
def test_every_node_of_a_small_net_sees_what_its_gradient_reaches(tmp_path: Path, name: str) -> None:
    graph = net(tmp_path, NETS[name])
    assert check_graph(graph) >= 4


@pytest.mark.parametrize(
    ("variant", "size", "nodes"),
    [
        ("resnet18", (480, 8), 60),
        ("resnet18", (8, 480), 60),
        ("resnet50", (480, 8), 150),
        ("resnet50", (8, 480), 150),
        pytest.param("resnet18", (480, 480), 60, marks=pytest.mark.exhaustive),
    ],
)
def test_every_node_of_a_resnet_sees_what_its_gradient_reaches(
    variant: str, size: tuple[int, int], nodes: int
) -> None:
    graph = shipped("resnet.yaml", size, {"width": 4}, variant=variant)
    assert check_graph(graph, axes=[axis for axis in (0, 1) if size[axis] == 480]) > nodes


@pytest.mark.parametrize("unit", ["basic", "bottleneck", "wide"])
def test_every_node_of_the_residual_units_sees_what_its_gradient_reaches(unit: str) -> None:
    graph = shipped("residual_blocks.yaml", (144, 136), {"unit": unit, "width": 4})
    assert check_graph(graph) > 50


def test_every_node_of_the_simple_cnn_sees_what_its_gradient_reaches() -> None:
    graph = shipped("simple_cnn.yaml", (64, 56), {"channels": [2, 3, 2], "kernel_size": 5, "hidden": 4})
    assert check_graph(graph) == 9


@pytest.mark.parametrize(
    ("variant", "node", "field"),
    [
        ("resnet18", "layer4.1.relu_2", (435, 32, -217)),
        ("resnet50", "layer4.2.relu_3", (427, 32, -213)),
        ("resnet152", "layer4.2.relu_3", (1451, 32, -725)),
    ],
)
def test_the_last_stage_of_a_resnet_sees_what_the_literature_says(
    variant: str, node: str, field: tuple[int, int, int]
) -> None:
    graph = shipped("resnet.yaml", (224, 224), {}, variant=variant)
    (found,) = (n for n in graph.nodes if n.name == node)
    assert found.field is not None
    for axis in found.field:
        assert (axis.whole.size, axis.whole.stride, axis.whole.start) == field


def test_a_gate_makes_the_field_global_and_leaves_the_local_one(tmp_path: Path) -> None:
    graph = net(tmp_path, NETS["gate"])
    assert check_graph(graph, local=True) >= 5
    fields = {node.name: node.field for node in graph.nodes}
    for axis in fields["conv_2"] or ():
        assert axis.whole.is_global
        assert (axis.local.size, axis.local.stride, axis.local.start) == (5, 2, -2)


@pytest.mark.parametrize("norm", ["group_norm: {num_groups: 2}", "instance_norm", "layer_norm: {over: all}"])
def test_a_norm_over_the_map_makes_the_field_global_and_leaves_the_local_one(
    tmp_path: Path, norm: str
) -> None:
    graph = net(
        tmp_path,
        f"  - conv: {{out_channels: 4, kernel_size: 3}}\n  - {norm}\n"
        "  - conv: {out_channels: 4, kernel_size: 3, stride: 2}\n",
    )
    field = graph.nodes[2].field
    assert field is not None
    assert [(axis.whole.is_global, axis.local.size, axis.local.stride) for axis in field] == [
        (True, 5, 2)
    ] * 2


@pytest.mark.parametrize("name", ["gate", "whole-map gate"])
def test_what_is_behind_a_gate_depends_on_the_whole_image(tmp_path: Path, name: str) -> None:
    graph = net(tmp_path, NETS[name])
    image = (torch.rand(1, *graph.contract.shape, dtype=torch.float64) + 0.5).requires_grad_()
    outputs = outputs_of(graph, image, cut_gates=False)
    (gated,) = (index for index, node in enumerate(graph.nodes) if node.name == "multiply_1")
    field = graph.nodes[gated].field
    assert field is not None
    for position in [(0, 0), (17, 20), (39, 36)]:
        assert support(outputs[gated], image, position) == ((0, 39), (0, 36))
    assert [axis.whole.is_global for axis in field] == [True, True]
    assert [axis.local.size for axis in field] == [3, 3]
    assert graph.nodes[gated].aligned


def test_branches_of_different_stride_are_misaligned_and_see_less_than_everything(tmp_path: Path) -> None:
    layers = """
        - concat:
            strided: [{conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: half}}]
            cropped: [{conv: {out_channels: 2, kernel_size: [21, 19]}}]
        """
    graph = net(tmp_path, layers)
    (joined,) = (node for node in graph.nodes if node.name == "concat_1")
    assert joined.field is not None
    assert not joined.aligned
    assert all(axis.whole.is_global for axis in joined.field)


def test_branches_of_one_stride_and_another_centre_are_misaligned(tmp_path: Path) -> None:
    layers = """
        - concat:
            pooled: [{max_pool: {kernel_size: 2, ceil_mode: true}}]
            strided: [{conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: half}}]
        """
    graph = net(tmp_path, layers)
    (joined,) = (node for node in graph.nodes if node.name == "concat_1")
    assert joined.field is not None
    assert not joined.aligned
    assert check_graph(graph) == 4


def test_an_adaptive_pool_has_a_broken_stride(tmp_path: Path) -> None:
    graph = net(tmp_path, NETS["adaptive"])
    height, width = graph.nodes[1].field or ()
    assert (height.whole.stride, width.whole.stride) == (Fraction(5, 2), Fraction(37, 10))


def test_the_comparison_catches_a_field_that_is_off_by_one(tmp_path: Path) -> None:
    graph = net(tmp_path, "- conv: {out_channels: 2, kernel_size: 3}")
    node = graph.nodes[0]
    wrong = Axis(window(3, padding=1), POINTWISE)
    lying = replace(graph, nodes=(replace(node, field=(wrong, wrong)), *graph.nodes[1:]))
    with pytest.raises(AssertionError, match="conv_1"):
        check_graph(lying)
