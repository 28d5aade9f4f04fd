"""The analysis of whole networks against torch; that a wrong one is found; tests/cli/ plants faults in plugins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
import torch

from cnnbuild.analyses import field_check, window_check
from cnnbuild.analyses.layer_checks import check_macs, check_shapes, check_weights
from cnnbuild.analyses.layer_runs import DistinctLayer, run_layer
from cnnbuild.analyses.verification import verify
from cnnbuild.analyses.window_check import check_windows
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.receptive_field import Axis
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.layers.reach import EVERYTHING, window
from tests.analyses.single_layers import EXAMPLES

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
FILES = sorted(path for path in ARCHITECTURES.rglob("*.yaml") if path.parent.name != "blocks")
CASES = [
    pytest.param(
        path,
        expectation,
        id=f"{path.stem}:{place.line}",
        marks=() if (path.stem, expectation.input) in {
            ("attention", (3, 32, 32)), ("inception", (1, 28, 28)), ("unet_like", (3, 32, 32)),
        } else pytest.mark.exhaustive,
    )
    for path in FILES
    for expectation, place in read_architecture(path).expectations
]  # fmt: skip

NETS = {
    "dilation": """
        - conv: {out_channels: 3, kernel_size: 3, dilation: 2, padding: half}
        - conv: {out_channels: 3, kernel_size: 3, dilation: 2, padding: half}
        - conv: {out_channels: 3, kernel_size: 3, dilation: 2, padding: half}
        - conv: {out_channels: 2, kernel_size: 1, stride: 2}
        - conv: {out_channels: 2, kernel_size: 3, padding: 1}
        """,
    "pools": """
        - max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}
        - conv: {out_channels: 2, kernel_size: [1, 7], padding: half}
        - avg_pool: {kernel_size: 2, ceil_mode: true, stride: 1}
        - adaptive_avg_pool: [16, 10]
        - lp_pool: {norm_type: 2, kernel_size: 2}
        """,
    "decoder": """
        - conv: {out_channels: 4, kernel_size: 4, stride: 2, padding: 1}
          name: halved
        - conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}
        - conv_transpose: {out_channels: 3, kernel_size: 3, stride: 2, padding: 1, output_padding: 1}
        - concat: [halved, prev]
        - upsample: {scale_factor: 2, mode: bilinear}
        - conv: {out_channels: 2, kernel_size: 3, padding: half, padding_mode: reflect}
        - upsample: {size: [23, 31], mode: bicubic}
        """,
    "gates": """
        - conv: {out_channels: 8, kernel_size: 3, padding: half}
          name: features
        - spatial_attention: 3
        - squeeze_excite: {ratio: 2}
        - conv: {out_channels: 8, kernel_size: [40, 36]}
        - sigmoid
        - multiply: [features, prev]
        - group_norm: {num_groups: 2}
        - conv: {out_channels: 2, kernel_size: 3, padding: half, stride: 2}
        """,
    "misaligned": """
        - concat:
            strided: [{conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: half}}]
            cropped: [{conv: {out_channels: 2, kernel_size: [21, 19]}}]
        - conv: {out_channels: 2, kernel_size: 3}
        """,
    "shuffled": """
        - conv: {out_channels: 4, kernel_size: 3, padding: half}
        - concat:
            first: [{split_channels: {sections: 2, index: 0}}]
            second: [{split_channels: {sections: 2, index: 1}}, {conv: {out_channels: 2, kernel_size: 5, padding: half}}]
        - channel_shuffle: 2
        - pixel_shuffle: 2
        - zero_pad: {top: 2, left: 1}
        """,
}


def net(layers: str, size: tuple[int, int] = (40, 36)) -> Graph:
    lines = ["cnnbuild: 1", "layers:", dedent(layers).strip(), "- flatten", "- linear: $data.classes", ""]
    text = "\n".join(lines)
    return elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DataContract("pictures", 2, *size, 3))


def found_in(graph: Graph) -> list[tuple[str, str, str, str]]:
    return [
        (check.name, difference.node, difference.analysis, difference.torch)
        for check in verify(graph).checks
        for difference in check.differences
    ]


def test_the_shipped_files_are_found() -> None:
    assert len(FILES) >= 13
    assert len(CASES) >= 30
    assert sum(not case.marks for case in CASES) >= 3


@pytest.mark.parametrize(("path", "expectation"), CASES)
def test_nothing_is_found_in_a_shipped_network(path: Path, expectation) -> None:
    contract = DataContract("expected", *expectation.input, expectation.classes)
    graph = elaborate(
        read_architecture(path), contract, variant=expectation.variant, overrides=expectation.vars
    )
    verification = verify(graph)
    assert verification.differences == ()
    assert [check.name for check in verification.checks] == [
        "shapes", "weights", "multiply-adds", "network", "windows", "receptive fields",
    ]  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_nothing_is_found_in_a_network_whose_fields_are_uneven(name: str) -> None:
    graph = net(NETS[name])
    verification = verify(graph)
    assert verification.differences == ()
    (fields,) = (check for check in verification.checks if check.name == "receptive fields")
    assert fields.compared.split()[0] == str(sum(len(node.shape) == 3 for node in graph.nodes))


def test_no_layer_type_differs_from_its_module_in_any_example() -> None:
    assert len(EXAMPLES) > 100
    layers = tuple(DistinctLayer(node, (0,), run_layer(node)) for node in EXAMPLES.values())
    for check in (check_shapes, check_weights, check_macs, check_windows):
        assert check(layers).differences == ()


def test_verifying_leaves_the_random_generator_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    verify(net("- conv: {out_channels: 2, kernel_size: 3}"))
    assert torch.equal(torch.rand(3), expected)


CHAIN = """
    - conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: half}
    - conv: {out_channels: 2, kernel_size: 3, padding: half}
    - relu
    """


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    "wrong",
    [window(5, 2, 3), window(7, 2, 2), window(9, 2, 3), window(7, 2, 3, 2), EVERYTHING],
    ids=["too small", "shifted", "too large", "with holes", "everything"],
)
def test_a_field_that_was_put_together_wrongly_is_found(axis: int, wrong) -> None:
    # Two 3x3 convolutions, the first of stride 2, see 7 pixels in steps of 2, the first of them at -3.
    graph = net(CHAIN, (28, 32))  # so small that it is not made smaller
    field = graph.nodes[1].field
    assert field is not None
    assert field[axis].whole == window(7, 2, 3)
    lying = list(field)
    lying[axis] = Axis(wrong, wrong)
    nodes = list(graph.nodes)
    nodes[1] = replace(nodes[1], field=(lying[0], lying[1]))
    ((check, node, said, does),) = found_in(replace(graph, nodes=tuple(nodes)))
    assert (check, node) == ("receptive fields", "conv_2")
    assert said != does
    assert said.startswith("column" if axis else "row")


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 2), (5, 600)])
def test_images_of_any_size_can_be_verified(size: tuple[int, int]) -> None:
    layers = "- conv: {out_channels: 2, kernel_size: 3, padding: half}\n- batch_norm\n- upsample: 2"
    assert verify(net(layers, size)).differences == ()


def test_a_network_that_costs_too_much_is_said_not_to_be_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_check, "MAC_BUDGET", 0)
    monkeypatch.setattr(window_check, "MOST_MACS", 0)
    *_, windows, fields = verify(net("- conv: {out_channels: 2, kernel_size: 3}\n- relu", (28, 30))).checks
    told = "s: no image that is small enough to be probed suits the network"
    assert fields.notes[:2] == (f"no row{told}", f"no column{told}")
    assert fields.compared == "0 maps"
    assert "1 more are too costly to be probed" in windows.notes
