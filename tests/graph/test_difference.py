"""What differs between two graphs: nodes are aligned by written names, then in order."""

from __future__ import annotations

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.difference import GraphDiff, compare
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from tests.graph.small_networks import build

CONV = "  - conv: {out_channels: 4, kernel_size: 3, padding: half}\n"
POINT = "  - conv: {out_channels: 4, kernel_size: 1}\n"


def told(diff: GraphDiff) -> list[tuple[str, str, list[tuple[str, object, object]]]]:
    """Every node that is not the same: what happened, its name, and the fields that changed."""
    return [
        (node.kind, node.node.name, [(c.field, c.before, c.after) for c in node.changes])
        for node in diff.nodes
        if node.kind != "same"
    ]


def difference(one: str, other: str, head_one: str = "", head_other: str = "") -> GraphDiff:
    return compare(build(one, head_one), build(other, head_other))


def test_equal_networks_have_no_difference() -> None:
    diff = difference(CONV + "  - relu\n", CONV + "  - relu\n")
    assert diff.is_equal
    assert told(diff) == []
    assert [figure.difference for figure in diff.totals] == [0, 0, 0, 0]


def test_an_inserted_layer_does_not_drag_those_after_it_along() -> None:
    diff = difference(
        CONV + "  - relu\n" + CONV + "  - relu\n", CONV + "  - relu\n" + POINT + CONV + "  - relu\n"
    )
    assert told(diff) == [("added", "conv_2", [])]
    assert [(n.before.name, n.after.name) for n in diff.renamed if n.before and n.after] == [
        ("conv_2", "conv_3")
    ]
    assert not diff.is_equal


def test_a_removed_layer_stands_where_it_was() -> None:
    diff = difference(CONV + "  - batch_norm\n  - relu\n", CONV + "  - relu\n")
    assert [(node.kind, node.node.name) for node in diff.nodes] == [
        ("same", "conv_1"), ("removed", "batch_norm_1"), ("same", "relu_1"), ("same", "flatten_1"), ("same", "head"),
    ]  # fmt: skip


def test_a_changed_parameter_is_told_with_both_values_and_what_follows_from_it() -> None:
    diff = difference(CONV, CONV.replace("kernel_size: 3", "kernel_size: 5"))
    # 3 channels to 4 on 8x8 pixels: 3 * 4 * 9 + 4 and 3 * 4 * 25 + 4 weights
    assert told(diff) == [
        (
            "changed",
            "conv_1",
            [
                ("kernel_size", [3, 3], [5, 5]),
                ("parameters", 112, 304),
                ("macs", 108 * 64, 300 * 64),
                ("receptive field", "3 /1", "5 /1"),
            ],
        ),
        ("changed", "flatten_1", [("receptive field", "3", "5")]),
    ]
    assert [node.only_sees_more for node in diff.nodes] == [False, True, False]


def test_one_type_in_the_place_of_another_is_a_change_of_type() -> None:
    diff = difference("  - sigmoid\n", "  - leaky_relu: 0.2\n")
    assert told(diff) == [
        ("changed", "leaky_relu_1", [("type", "sigmoid", "leaky_relu"), ("negative_slope", None, 0.2)])
    ]


def test_a_written_name_is_the_same_thing_wherever_it_stands() -> None:
    one = "  - relu:\n    name: first\n  - sigmoid:\n    name: second\n"
    other = "  - sigmoid:\n    name: second\n  - relu:\n    name: first\n"
    diff = difference(one, other)
    assert {node.kind for node in diff.nodes} == {"same", "changed"}
    assert [(name, field) for _, name, changes in told(diff) for field, _, _ in changes] == [
        ("second", "inputs"), ("first", "inputs"), ("flatten_1", "inputs"),
    ]  # fmt: skip


def test_two_written_names_of_different_layers_are_two_things() -> None:
    diff = difference(CONV + "    name: left\n", POINT + "    name: right\n")
    assert [(kind, name) for kind, name, _ in told(diff)][:2] == [("removed", "left"), ("added", "right")]


def test_a_renamed_layer_is_a_change_of_its_name() -> None:
    diff = difference(CONV + "    name: left\n", CONV + "    name: right\n")
    assert told(diff) == [("changed", "right", [("name", "left", "right")])]


def test_more_copies_are_added_at_the_end_of_their_level() -> None:
    layers = CONV + "    name: stage\n    repeat: "
    diff = difference(f"{layers}2\n", f"{layers}4\n")
    assert [(kind, name) for kind, name, _ in told(diff)][:2] == [("added", "stage.2"), ("added", "stage.3")]


def test_copies_of_another_repetition_before_do_not_shift_the_alignment() -> None:
    block = "blocks:\n  pair:\n    layers:\n      - relu\n      - sigmoid\n"
    copies = "  - pair:\n    repeat: 2\n"
    diff = difference(copies, "  - batch_norm:\n    repeat: 2\n" + copies, block, block)
    assert told(diff) == [("added", "0", []), ("added", "1", [])]


def test_an_input_that_comes_from_elsewhere_is_a_change() -> None:
    layers = "  - relu:\n    name: a\n  - sigmoid:\n    name: b\n  - add: [prev, {}]\n"
    diff = difference(layers.format("a"), layers.format("block"))
    assert told(diff) == [("changed", "add_1", [("inputs", ["b", "a"], ["b", "input"])])]


def test_a_new_branch_of_a_join_is_a_change_of_its_inputs() -> None:
    layers = "  - concat:\n      a: identity\n      b: [relu]\n"
    diff = difference(layers, layers + "      c: [sigmoid]\n")
    assert told(diff)[:2] == [
        ("added", "c.sigmoid_1", []),
        (
            "changed",
            "concat_1",
            [
                ("inputs", ["input", "b.relu_1"], ["input", "b.relu_1", "c.sigmoid_1"]),
                ("output", [6, 8, 8], [9, 8, 8]),
            ],
        ),
    ]


def test_the_weights_that_two_networks_begin_with_are_compared() -> None:
    diff = difference(POINT, POINT + "    init: {bias: zeros}\n")
    assert told(diff) == [("changed", "conv_1", [("init", {}, {"bias": "zeros"})])]


def test_layers_that_are_applied_again_are_nodes_of_their_own() -> None:
    step = "  - batch_norm:\n    name: step\n  - relu\n"
    diff = difference(step, step + "  - share: step\n")
    assert told(diff) == [("added", "step", [])]
    assert [node.after.shared is not None for node in diff.nodes if node.kind == "added" and node.after] == [
        True
    ]
    assert diff.totals[1].difference == 0
    assert difference(step + "  - share: step\n", step + "  - share: step\n").is_equal


HEADS = (
    "layers:\n"
    "  - flatten\n"
    "  - linear: $data.classes\n    name: extra\n"
    "  - linear: $data.classes\n    name: main_classes\n"
    "outputs: {main: main_classes, aux: {from: extra, weight: 0.3}}\n"
)


def heads(text: str) -> Graph:
    document = parse_architecture(parse_yaml(f"cnnbuild: 1\n{text}", "net.yaml"))
    return elaborate(document, DataContract("data", 3, 8, 8, 10))


def test_the_weight_of_a_head_is_a_difference() -> None:
    diff = compare(heads(HEADS), heads(HEADS.replace("0.3", "0.5")))
    assert not diff.is_equal
    assert [(c.field, c.before, c.after) for c in diff.outputs] == [
        ("output aux", "extra (weight 0.3)", "extra (weight 0.5)")
    ]
    assert compare(heads(HEADS), heads(HEADS)).is_equal


def test_graphs_for_different_images_are_not_compared() -> None:
    document = parse_architecture(parse_yaml("cnnbuild: 1\nlayers: [flatten, linear: 10]\n", "net.yaml"))
    one, other = (elaborate(document, DataContract(f"{n}", 1, n, n, 10)) for n in (2, 3))
    with pytest.raises(UsageError) as caught:
        compare(one, other)
    assert str(caught.value) == (
        "graphs are compared for one kind of image, not 2: 1x2x2, 10 classes and 3: 1x3x3, 10 classes"
    )


def test_every_node_of_both_graphs_is_told_once_and_in_the_order_of_the_second() -> None:
    block = "blocks:\n  unit:\n    params: {n: int}\n    layers:\n      - conv: {out_channels: $n, kernel_size: 1}\n      - relu\n"
    one = build("  - unit: 4\n    repeat: 3\n  - batch_norm\n  - unit: 6\n    name: last\n", block)
    other = build(
        "  - batch_norm\n  - unit: 6\n    name: last\n  - unit: 4\n    repeat: 2\n  - sigmoid\n", block
    )
    diff = compare(one, other)
    assert [n.after for n in diff.nodes if n.after] == list(other.nodes)
    before = [n.before.name for n in diff.nodes if n.before]
    assert sorted(before) == sorted(node.name for node in one.nodes)


def test_a_graph_of_thousands_of_layers_is_compared_in_time() -> None:
    one = build("  - relu:\n    repeat: 3000\n  - sigmoid\n")
    other = build("  - sigmoid\n  - relu:\n    repeat: 2900\n")
    assert compare(one, other).count("same") >= 2900
