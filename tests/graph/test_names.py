"""The keys of weights: levels, copies, branches, and names that are taken (language.md, "Weights' keys")."""

from pathlib import Path

import pytest

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import read_architecture
from tests.graph.small_networks import build, faults, names

CONV = "conv: {out_channels: 4, kernel_size: 1}"


def test_the_example_of_the_language_has_the_keys_that_it_promises():
    path = Path(__file__).parents[2] / "architectures" / "resnet.yaml"
    contract = DataContract("imagenet", 3, 224, 224, 1000)
    graph = elaborate(read_architecture(path), contract, variant="resnet18")
    found = [node.name for node in graph.nodes]
    assert found[:4] == ["stem.conv_1", "stem.batch_norm_1", "stem.relu_1", "stem.max_pool_1"]
    assert found[4:11] == [
        "layer1.0.conv_1", "layer1.0.batch_norm_1", "layer1.0.relu_1", "layer1.0.conv_2", "layer1.0.batch_norm_2",
        "layer1.0.residual_1", "layer1.0.relu_2",
    ]  # fmt: skip
    assert [name for name in found if "shortcut" in name] == [
        "layer2.0.shortcut.conv", "layer2.0.shortcut.norm",
        "layer3.0.shortcut.conv", "layer3.0.shortcut.norm",
        "layer4.0.shortcut.conv", "layer4.0.shortcut.norm",
    ]  # fmt: skip
    assert found[-3:] == ["global_avg_pool_1", "flatten_1", "fc"]


def test_unnamed_nodes_are_counted_by_type():
    layers = f"  - {CONV}\n  - relu\n  - {CONV}\n  - relu\n  - dropout\n"
    assert names(build(layers)) == ["conv_1", "relu_1", "conv_2", "relu_2", "dropout_1"]


def test_named_nodes_are_not_counted_and_their_names_are_skipped():
    layers = f"  - {CONV}\n    name: conv_1\n  - {CONV}\n  - {CONV}\n    name: stem\n  - {CONV}\n"
    assert names(build(layers)) == ["conv_1", "conv_2", "stem", "conv_3"]


def test_inserting_a_layer_renames_no_named_one():
    before = names(build(f"  - {CONV}\n    name: a\n  - relu\n  - {CONV}\n    name: b\n"))
    after = names(build(f"  - {CONV}\n    name: a\n  - {CONV}\n  - relu\n  - {CONV}\n    name: b\n"))
    assert (
        [name for name in before if "_" not in name]
        == [name for name in after if "_" not in name]
        == ["a", "b"]
    )


def test_copies_are_numbered_and_go_on_counting_within_their_level():
    layers = "  - relu:\n    repeat: 2\n  - dropout\n  - foreach: {a: [1, 2]}\n    do: [relu]\n  - relu:\n    repeat: 1\n"
    assert names(build(layers)) == ["0", "1", "dropout_1", "2.relu_1", "3.relu_1", "4"]


def test_a_named_repetition_is_a_level_of_its_own():
    layers = "  - relu:\n    name: acts\n    repeat: 2\n  - pair:\n    name: pairs\n    repeat: 2\n"
    head = "blocks:\n  pair:\n    layers:\n      - relu\n      - dropout\n"
    assert names(build(layers, head)) == [
        "acts.0", "acts.1", "pairs.0.relu_1", "pairs.0.dropout_1", "pairs.1.relu_1", "pairs.1.dropout_1",
    ]  # fmt: skip


def test_unnamed_blocks_and_bodies_open_no_level():
    head = "blocks:\n  pair:\n    layers:\n      - relu\n      - dropout\n"
    layers = "  - pair\n  - pair\n  - pair:\n    name: last\n  - residual:\n      body:\n        - relu\n        - pair\n"
    assert names(build(layers, head)) == [
        "relu_1", "dropout_1", "relu_2", "dropout_2", "last.relu_1", "last.dropout_1", "relu_3", "relu_4", "dropout_3", "residual_1",
    ]  # fmt: skip


def test_a_branch_is_a_level_and_the_join_is_counted():
    layers = (
        "  - concat:\n      left:\n        - relu\n        - dropout\n      right: identity\n    name: fork\n"
    )
    assert names(build(layers)) == ["fork.left.relu_1", "fork.left.dropout_1", "fork.concat_1"]
    layers = "  - add:\n      left: [relu]\n      right: [relu]\n"
    assert names(build(layers)) == ["left.relu_1", "right.relu_1", "add_1"]


def test_a_shortcut_of_layers_is_the_level_shortcut():
    layers = f"  - residual:\n      body:\n        - {CONV}\n      shortcut:\n        - {CONV}\n        - batch_norm\n    name: r\n"
    assert names(build(layers)) == [
        "r.conv_1",
        "r.shortcut.conv_1",
        "r.shortcut.batch_norm_1",
        "r.residual_1",
    ]


def test_a_zero_padded_shortcut_has_no_weights_and_its_own_name():
    layers = f"  - residual:\n      body:\n        - {CONV}\n      shortcut: zero_pad\n    name: r\n"
    graph = build(layers)
    assert names(graph) == ["r.conv_1", "r.shortcut", "r.residual_1"]
    assert [node.parameters for node in graph.nodes][:3] == [16, 0, 0]


def test_named_rows_and_blocks_within_blocks_nest():
    head = (
        "blocks:\n"
        "  inner:\n    layers:\n      - relu\n"
        "  outer:\n    layers:\n      - inner:\n        name: first\n      - inner:\n        repeat: 2\n"
    )
    layers = (
        "  - foreach: {a: [1, 2]}\n    name: stage$(i + 1)\n    do:\n      - outer:\n        name: unit\n"
    )
    assert names(build(layers, head)) == [
        "stage1.unit.first.relu_1", "stage1.unit.0.relu_1", "stage1.unit.1.relu_1",
        "stage2.unit.first.relu_1", "stage2.unit.0.relu_1", "stage2.unit.1.relu_1",
    ]  # fmt: skip


def test_a_name_may_hold_expressions_and_variables():
    graph = build("  - relu:\n    name: act_$(n + 1)_$word\n", "vars: {n: 2, word: x}\n")
    assert names(graph) == ["act_3_x"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("prev", "'prev' is a word of the language"),
        ("data", "'data' is a word of the language"),
        ("i", "'i' is a word of the language"),
        ("train", "'train' is an attribute of every torch module"),
        ("T_destination", "'T_destination' is an attribute of every torch module"),
        ("a.b", "a name is made of letters, digits and '_', and begins with a letter, unlike 'a.b'"),
        ("'0'", "a name is made of letters, digits and '_', and begins with a letter, unlike '0'"),
        ("größe", "a name is made of letters, digits and '_', and begins with a letter, unlike 'größe'"),
        ("a$(1 - 2)", "a name is made of letters, digits and '_', and begins with a letter, unlike 'a-1'"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(name, message):
    assert faults(f"  - relu:\n    name: {name}\n") == [(4, 11, message)]


def test_every_attribute_of_a_torch_module_is_refused_as_a_name():
    from torch import nn

    from cnnbuild.graph.levels import NAME, TAKEN_BY_TORCH

    attributes = {name for name in {*dir(nn.Module()), *dir(nn.Sequential())} if NAME.fullmatch(name)}
    public = {name for name in attributes if not name.startswith("_")}
    assert len(public) > 50
    assert public - TAKEN_BY_TORCH == set()


def test_two_equal_names_in_one_level_are_refused_wherever_they_stand():
    layers = "  - relu:\n    name: a\n  - residual:\n      body:\n        - dropout:\n          name: a\n"
    assert faults(layers) == [(8, 17, "two things in the network are called 'a' (first on line 4)")]
    layers = "  - relu\n  - dropout:\n    name: relu_1\n"
    assert faults(layers) == [(5, 11, "two things in the network are called 'relu_1' (first on line 3)")]


def test_equal_names_in_different_levels_are_fine():
    layers = "  - concat:\n      left:\n        - relu:\n          name: a\n      right:\n        - relu:\n          name: a\n"
    assert names(build(layers)) == ["left.a", "right.a", "concat_1"]


GATE = "blocks:\n  gate:\n    layers:\n      - multiply: {x: identity, g: [global_avg_pool]}\n"
TWICE = GATE + "  twice:\n    layers:\n      - gate\n      - gate:\n        name: second\n"


def test_a_clash_of_two_calls_is_shown_at_the_second_and_names_both():
    assert faults("  - gate\n  - gate\n", GATE) == [
        (8, 5, "two things in the network are called 'g': one inside 'gate', called on line 7, "
               "and one inside 'gate', called on line 8"),
    ]  # fmt: skip
    assert names(build("  - gate\n  - gate:\n    name: other\n", GATE)) == [
        "g.global_avg_pool_1", "multiply_1", "other.g.global_avg_pool_1", "other.multiply_1",
    ]  # fmt: skip


def test_a_clash_is_shown_at_the_outermost_calls_that_differ():
    assert faults("  - twice:\n    name: a\n  - gate\n  - twice\n", TWICE) == [
        (15, 5, "two things in the network are called 'g': one inside 'gate', called on line 14, "
                "and one inside 'twice', called on line 15"),
    ]  # fmt: skip


def test_a_clash_of_a_call_and_a_plain_name_names_both():
    assert faults("  - gate\n  - relu:\n    name: g\n", GATE) == [
        (9, 11, "two things in the network are called 'g': one inside 'gate', called on line 7, and one on line 9"),
    ]  # fmt: skip
    assert faults("  - relu:\n    name: g\n  - gate\n", GATE) == [
        (9, 5, "two things in the network are called 'g': one on line 8, and one inside 'gate', called on line 9"),
    ]  # fmt: skip


def test_rows_of_one_name_are_shown_at_the_name():
    layers = "  - foreach: {a: [1, 1]}\n    name: row$a\n    do: [relu]\n"
    assert faults(layers) == [(4, 11, "two rows of this 'foreach' are called 'row1'")]
