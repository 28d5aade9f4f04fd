"""`weights:` of an architecture: which name a rule gives to which weight, and what is refused."""

import torch
from torchvision import models

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.published_names import idle_rules
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from tests.graph.small_networks import build, fault, faults

PAIR = "  - linear: 4\n    name: one\n  - linear: 4\n    name: two\n"
ROWS = """\
  - foreach: {depth: $depths}
    name: stage$(i + 1)
    do:
      - conv: {out_channels: 4, kernel_size: 1, bias: false}
        repeat: $depth
"""


def renamed(graph: Graph, number: int = 0) -> dict[str, str]:
    """The weights whose published names differ, without the last layer's biases and buffers."""
    return {ours: theirs for ours, theirs in graph.published[number].names.items() if ours != theirs}


def with_map(layers: str, *rules: str, variables: str = "") -> Graph:
    written = "".join(f"    {rule}\n" for rule in rules)
    return build(layers, f"{variables}weights:\n  others:\n{written}")


def test_a_file_without_maps_has_no_published_names():
    assert build(ROWS, "vars: {depths: [1]}\n").published == ()


def test_a_rule_replaces_levels_and_what_follows_stays():
    graph = with_map("  - flatten\n" + PAIR, "one: features.0", "two.weight: features.1.kernel")
    assert graph.published[0].map == "others"
    assert graph.published[0].names == {
        "one.weight": "features.0.weight", "one.bias": "features.0.bias",
        "two.weight": "features.1.kernel", "two.bias": "two.bias",
        "head.weight": "head.weight", "head.bias": "head.bias",
    }  # fmt: skip


def test_placeholders_are_numbers_where_they_can_be_and_the_right_side_computes():
    rules = ["stage$s.$b: blocks.$(sum(depths[:s - 1]) + b)", "head: head$data.classes"]
    graph = with_map(ROWS, *rules, variables="vars: {depths: [2, 1, 2]}\n")
    assert renamed(graph) == {
        "stage1.0.weight": "blocks.0.weight",
        "stage1.1.weight": "blocks.1.weight",
        "stage2.0.weight": "blocks.2.weight",
        "stage3.0.weight": "blocks.3.weight",
        "stage3.1.weight": "blocks.4.weight",
        "head.weight": "head10.weight",
        "head.bias": "head10.bias",
    }


def test_a_placeholder_holds_a_text_where_it_is_no_number_and_a_dot_behind_it_begins_a_level():
    rules = ["$(part)e: $(part)-$part.kernel", "h$part: $part.of.$part"]
    assert renamed(with_map("  - flatten\n" + PAIR, *rules)) == {
        "one.weight": "on-on.kernel.weight", "one.bias": "on-on.kernel.bias",
        "head.weight": "ead.of.ead.weight", "head.bias": "ead.of.ead.bias",
    }  # fmt: skip


def test_a_placeholder_takes_as_little_as_it_can():
    layers = "  - flatten\n  - linear: 4\n    name: a_b_c\n"
    assert renamed(with_map(layers, "$x-$y: never", "$(x)_$y: $y.$x"))["a_b_c.weight"] == "b_c.a.weight"


def test_numbers_with_leading_zeros_are_texts():
    graph = with_map("  - flatten\n  - linear: 4\n    name: fc007\n", "fc$n: layer$n")
    assert renamed(graph)["fc007.weight"] == "layer007.weight"


def test_reading_goes_on_behind_a_rule_and_placeholders_keep_their_values():
    rules = ["stage$s: features", "0: $(10 * s)", "1: last"]
    assert renamed(with_map(ROWS, *rules, "head: fc", variables="vars: {depths: [2]}\n")) == {
        "stage1.0.weight": "features.10.weight",
        "stage1.1.weight": "features.last.weight",
        "head.weight": "fc.weight",
        "head.bias": "fc.bias",
    }


def test_of_several_rules_that_fit_the_first_one_holds():
    rules = ["stage1.0: stem", "stage$s.$b: stage$s.$(b - 1)"]
    assert renamed(with_map(ROWS, *rules, variables="vars: {depths: [2]}\n")) == {
        "stage1.0.weight": "stem.weight",
        "stage1.1.weight": "stage1.0.weight",
    }


def test_names_may_be_exchanged_and_buffers_are_renamed_too():
    layers = "  - batch_norm:\n    name: one\n  - batch_norm:\n    name: two\n"
    found = renamed(with_map(layers, "one: two", "two: one"))
    assert found["one.running_mean"] == "two.running_mean"
    assert found["two.num_batches_tracked"] == "one.num_batches_tracked"


def test_shared_weights_are_named_once():
    layers = "  - conv: {out_channels: 3, kernel_size: 1, bias: false}\n    name: one\n  - share: one\n"
    assert list(renamed(with_map(layers, "one: first"))) == ["one.weight"]


def test_a_file_has_several_maps_each_for_itself():
    graph = build("  - flatten\n" + PAIR, "weights:\n  some: {one: a}\n  others: {two: b}\n")
    assert [each.map for each in graph.published] == ["some", "others"]
    assert renamed(graph, 0) == {"one.weight": "a.weight", "one.bias": "a.bias"}
    assert renamed(graph, 1) == {"two.weight": "b.weight", "two.bias": "b.bias"}


def test_two_weights_that_would_share_a_name_are_an_error_at_the_rule():
    head = "weights:\n  others:\n    one: two\n"
    message = "'one.weight' and 'two.weight' would both be called 'two.weight'"
    assert fault("  - flatten\n" + PAIR, head) == (
        4,
        10,
        message,
        "each weight needs a published name of its own",
    )


def test_a_rule_that_goes_wrong_for_many_weights_is_reported_once():
    head = "vars: {depths: [3, 3]}\nweights:\n  others:\n    stage$s.$b: $([0, 1][b - 4])\n"
    assert faults(ROWS, head) == [(5, 25, "the index -4 is outside the list, which has 2 items")]


def test_the_map_of_a_published_network_gives_torchvision_s_names():
    text = """\
cnnbuild: 1
vars: {unit: basic, expansion: 1, depths: [2, 2, 2, 2]}
variants:
  resnet18: {}
  resnet50: {unit: bottleneck, expansion: 4, depths: [3, 4, 6, 3]}
layers:
  - conv_norm_act: {out_channels: 64, kernel_size: 7, stride: 2}
    name: stem
  - foreach: {depth: $depths, stride: [1, 2, 2, 2], channels: [64, 128, 256, 512]}
    name: layer$(i + 1)
    do:
      - $unit: $(channels * expansion)
        repeat: $depth
        first: {stride: $stride}
  - global_avg_pool
  - flatten
  - linear: $data.classes
    name: fc
weights:
  torchvision:
    stem.conv_1: conv1
    stem.batch_norm_1: bn1
    conv_$k: conv$k
    batch_norm_$k: bn$k
    shortcut.conv: downsample.0
    shortcut.norm: downsample.1
"""
    document = parse_architecture(parse_yaml(text, "net.yaml"))
    for variant, make in (("resnet18", models.resnet18), ("resnet50", models.resnet50)):
        graph = elaborate(document, DataContract("data", 3, 64, 64, 1000), variant=variant)
        with torch.device("meta"):
            expected = {name: tuple(tensor.shape) for name, tensor in make().state_dict().items()}
        shapes = graph.weight_keys()
        assert {theirs: shapes[ours] for ours, theirs in graph.published[0].names.items()} == expected


def test_a_rule_that_fits_nothing_in_any_variant_is_found():
    head = "vars: {deep: false}\nvariants: {deep: {deep: true}}\n"
    head += "weights:\n  others:\n    one: a\n    two: b\n    three: c\n    o$x: d\n"
    layers = "  - flatten\n  - linear: 4\n    name: one\n  - linear: 4\n    name: two\n    when: $deep\n"
    end = "  - linear: $data.classes\n    name: head\n"
    document = parse_architecture(parse_yaml(f"cnnbuild: 1\n{head}layers:\n{layers}{end}", "net.yaml"))
    graphs = [elaborate(document, DataContract("data", 3, 8, 8, 10), variant=each) for each in (None, "deep")]
    assert [(p.place.line, p.message) for p in idle_rules(document, graphs)] == [
        (8, "no weight of any variant has the name 'three'"),
        (9, "no weight of any variant has the name 'o$x'"),
    ]
    assert [p.place.line for p in idle_rules(document, graphs[:1])] == [7, 8, 9]


def test_a_variable_that_only_a_map_uses_is_not_idle():
    graph = with_map("  - flatten\n" + PAIR, "one: layer$first", variables="vars: {first: 3}\n")
    assert graph.warnings == ()
    assert renamed(graph)["one.bias"] == "layer3.bias"
