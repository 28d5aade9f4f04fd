"""`share`: names, shapes, counts, receptive fields, and what it refuses."""

import json

import pytest

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.views.summary import Summary
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.modules.build import build_module
from tests.graph.gradient_oracle import check_graph
from tests.graph.small_networks import END, build, channels, fault, faults, names, screen

CONV = "  - conv: {{out_channels: {0}, kernel_size: 3, padding: half}}\n    name: {1}\n"
STEM = CONV.format(4, "stem")
STEP = CONV.format(4, "step")
PAIR = (
    "blocks:\n  pair:\n    params: {out_channels: int}\n    layers:\n"
    "      - conv: {out_channels: $out_channels, kernel_size: 3, padding: half}\n      - relu\n"
)
APPLIED = "what is shared cannot be applied again here: "
ONLY = "only height and width may differ; write the layers anew for weights of their own"


def originals(graph):
    return [node.shared.original if node.shared else None for node in graph.nodes]


def test_an_application_bears_the_name_of_the_node_and_counts_its_work_but_no_parameters():
    graph = build(STEM + STEP + "  - max_pool: 2\n  - share: step\n")
    assert names(graph) == ["stem", "step", "max_pool_1", "step"]
    first, _, again = graph.nodes[1:4]
    assert (first.parameters, again.parameters) == (4 * 4 * 9 + 4, 0)
    assert (first.macs, again.macs) == (4 * 4 * 9 * 64, 4 * 4 * 9 * 16)
    assert originals(graph)[:4] == [None, None, None, 1]


@pytest.mark.parametrize(
    ("before", "share", "count"),
    [
        (STEP, "  - share: step\n", 1),
        (STEP, "  - share: step\n    name: again\n  - share: again\n", 2),
        (STEP, "  - share: step\n    repeat: 3\n", 3),
        (STEP, "  - share: step\n    repeat: 2\n    name: twice\n  - share: twice\n", 4),
        (STEP, "  - share: step\n    when: $(data.channels == 3)\n", 1),
        (STEP, "  - share: step\n    when: $(data.channels == 4)\n", 0),
        (STEP, "  - residual: {body: [share: step, relu]}\n", 1),
        (STEP, "  - foreach: {n: [1, 2]}\n    do: [share: step, relu]\n", 2),
        (STEP, "  - foreach: {n: [1, 2]}\n    do: [share: st$('ep')]\n", 2),
        ("  - pair: 4\n    name: unit\n", "  - share: unit\n", 2),
        ("  - pair: 4\n    name: unit\n    repeat: 2\n", "  - share: unit\n", 4),
        ("  - relu:\n    repeat: 0\n    name: none\n", "  - share: none\n", 0),
    ],
)
def test_what_can_be_shared_and_where(before, share, count):
    head = PAIR if "pair" in before else ""
    without, graph = build(STEM + before, head), build(STEM + before + share, head)
    assert sum(node.shared is not None for node in graph.nodes) == count
    assert graph.parameters == without.parameters
    weights = [node.name for node in without.nodes if node.weight_shapes]
    assert [node.name for node in graph.nodes if node.weight_shapes and not node.shared] == weights
    build_module(graph)


def test_a_share_renames_no_weights_wherever_it_is_put():
    layers = [STEM, STEP, "  - conv: {out_channels: 4, kernel_size: 1}\n", "  - batch_norm\n"]
    keys = list(build_module(build("".join(layers))).state_dict())
    for position in (2, 3, 4):
        inserted = [*layers[:position], "  - share: step\n", *layers[position:]]
        assert list(build_module(build("".join(inserted))).state_dict()) == keys


def test_a_block_of_the_files_own_shares_inside_itself_and_each_call_has_its_own_weights():
    head = (
        "blocks:\n  twice:\n    params: {kernel_size: 3}\n    layers:\n"
        "      - conv: {out_channels: 4, kernel_size: $kernel_size, padding: half}\n        name: once\n"
        "      - share: once\n"
    )
    graph = build(
        STEM + "  - twice:\n    name: a\n  - twice: {kernel_size: 1}\n    name: b\n  - share: a\n", head
    )
    assert names(graph) == ["stem", "a.once", "a.once", "b.once", "b.once", "a.once", "a.once"]
    assert originals(graph)[:7] == [None, None, 1, None, 3, 1, 1]


def test_an_application_sees_the_row_and_the_copy_in_which_the_node_was_written():
    graph = build(
        "  - foreach: {n: [4, 6]}\n    do:\n"
        "      - conv: {out_channels: $(n + i), kernel_size: 1}\n        name: mix\n"
        "      - conv: {out_channels: $(n + i), kernel_size: 1}\n        name: same\n"
        "      - share: same\n"
    )
    assert channels(graph) == [4, 4, 4, 7, 7, 7]
    assert originals(graph)[:6] == [None, None, 1, None, None, 4]


def test_receptive_fields_are_those_of_each_application():
    text = f"cnnbuild: 1\nlayers:\n{STEM}{STEP}  - max_pool: 2\n  - share: step\n  - share: step\n{END}"
    graph = elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DataContract("data", 3, 40, 40, 10))
    sizes = [node.field[0].whole.size for node in graph.nodes[:5]]
    assert sizes == [3, 5, 6, 10, 14]  # from the pool on, each 3x3 adds 2 pixels at stride 2
    check_graph(graph)


def test_a_row_of_inspect_says_that_it_is_shared_and_leaves_its_parameters_blank():
    summary = Summary(build(STEM + STEP + "  - share: step\n"))
    assert [(row.name, row.shared, row.notes) for row in summary.rows[:3]] == [
        ("stem", False, ()),
        ("step", False, ()),
        ("step", True, ("shared",)),
    ]
    assert [node["shared"] for node in json.loads(json.dumps(summary.to_dict()))["nodes"]] == [
        False, False, True, False, False,
    ]  # fmt: skip
    lines = str(summary).splitlines()
    row = next(line for line in lines if line.endswith("shared with 2"))
    assert row.split()[:7] == ["3", "step", "conv", "3x3", "4x8x8", "9,216", "33.0"]  # MACs, no parameters
    # 33.0 per cent of 6,912 + 9,216 + 9,216 + 2,560


@pytest.mark.parametrize(
    ("between", "why"),
    [
        (
            "  - conv: {out_channels: 6, kernel_size: 1}\n",
            "'step' was made for (4, 8, 8), and here it takes (6, 8, 8)",
        ),
        ("  - flatten\n", None),
    ],
)
def test_other_channels_and_other_dimensions_are_refused(between, why):
    line, column, message, _ = fault(STEM + STEP + between + "  - share: step\n")
    if why is None:  # the layer itself cannot take a flat tensor
        assert message == "conv takes maps (C, H, W), not the flat (256,)"
    else:
        assert (line, column, message) == (8, 5, APPLIED + why)


def test_what_needs_other_weights_at_another_size_is_refused():
    layers = "  - layer_norm: {over: all}\n    name: norm\n  - max_pool: 2\n  - share: norm\n"
    assert fault(layers) == (
        6,
        5,
        APPLIED + "'norm' was made for (3, 8, 8), and here it takes (3, 4, 4)",
        ONLY,
    )
    free = layers.replace("over: all", "over: all, elementwise_affine: false")
    assert originals(build(free))[:3] == [None, None, 0]


DEPENDING = "blocks:\n  unit:\n    layers:\n      - conv: {{out_channels: 4, kernel_size: 1}}\n{0}"


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ("      - relu:\n        when: $(block.height > 4)\n", "it comes to fewer layers"),
        ("      - relu:\n        when: $(block.height < 8)\n", "it comes to more layers"),
        (
            "      - conv: {out_channels: $(block.height), kernel_size: 1}\n"
            "      - conv: {out_channels: 4, kernel_size: 1}\n",
            "it comes to another layer than 'u.conv_2'",
        ),
        (
            "      - dropout: $(in.height / 16)\n",
            "it comes to another layer than 'u.dropout_1'",
        ),
    ],
)
def test_a_block_that_depends_on_its_input_is_not_shared_at_another_size(layers, why):
    after = "" if "more" not in why else "  - relu\n"
    text = STEM + "  - unit:\n    name: u\n  - max_pool: 2\n" + after + "  - share: u\n"
    found = fault(text, DEPENDING.format(layers))
    assert found[1:] == (5, APPLIED + why, ONLY)


def test_a_reference_that_depends_on_the_size_is_not_shared_at_another_size():
    layers = (
        "  - residual:\n      body:\n"
        "        - relu:\n          name: a\n        - tanh:\n          name: b\n"
        "        - add: [prev, \"$('a' if in.height > 4 else 'b')\"]\n    name: unit\n"
        "  - max_pool: 2\n  - share: unit\n"
    )
    assert screen(layers) == (
        "net.yaml:12:5: error: what is shared cannot be applied again here: "
        "'unit.add_1' takes the output of another node\n"
        "   12 |   - share: unit\n"
        "      |     ^^^^^\n"
        "      = (3, 4, 4) comes from 'unit.tanh_1', line 7\n"
        "      = help: only height and width may differ; write the layers anew for weights of their own"
    ).replace("unit.tanh_1", "unit.b")


def test_a_share_needs_a_name_that_is_free_and_keeps_it():
    assert faults(STEM + STEP + "  - share: step\n    name: stem\n") == [
        (8, 11, "two things in the network are called 'stem' (first on line 4)")
    ]
    later = STEM + STEP + "  - share: step\n    name: again\n  - relu:\n    name: again\n"
    assert [message for *_, message in faults(later)] == [
        "two things in the network are called 'again' (first on line 8)"
    ]


def test_a_join_is_shared_with_a_list_of_its_own():
    layers = STEM + "  - relu:\n    name: a\n  - add:\n    from: [stem, a]\n    name: sum\n  - share: sum\n"
    graph = build(layers + "    from: [prev, $('st' + 'em')]\n")
    assert [node.inputs for node in graph.nodes[2:4]] == [(0, 1), (2, 0)]
    message, hint = (
        "'sum' joins what its `from` lists, and nothing is listed here",
        "write `from: [prev, name]` beside this `share`",
    )
    assert fault(layers) == (10, 5, message, hint)
    assert fault(layers + "    from: stem\n") == (11, 11, message, hint)
    one = STEM + STEP + "  - share: step\n    from: [stem, prev]\n"
    assert fault(one)[2] == "'share' takes one input, and `from` lists several"


def test_a_name_inside_a_block_call_or_a_sibling_branch_cannot_be_shared():
    inside = STEM + "  - pair: 4\n    name: unit\n  - share: unit.conv_1\n"
    assert fault(inside, PAIR)[2] == "no earlier node here is called 'unit.conv_1'"
    branch = STEM + "  - concat:\n      left: [{relu: null, name: a}]\n      right: [share: a]\n"
    assert fault(branch)[2] == "no earlier node here is called 'a'"


def test_a_fault_inside_what_is_shared_is_shown_with_the_way_there():
    assert screen(
        STEM + "  - residual:\n      body:\n        - conv: {out_channels: 4, kernel_size: 3}\n"
        "        - zero_pad: 1\n    name: unit\n  - max_pool: 4\n  - share: unit\n  - share: unit\n"
    ) == (
        "net.yaml:7:48: error: conv: a kernel of 3x3 does not fit into (4, 2, 2)\n"
        "    7 |         - conv: {out_channels: 4, kernel_size: 3}\n"
        "      |                                                ^\n"
        "      = (4, 2, 2) comes from 'max_pool_1', line 10\n"
        "      = shared at line 11\n"
        "      = help: add `padding: half`, use a smaller kernel, or fewer strides and pools before it"
    )


def test_a_node_that_only_its_share_follows_is_used():
    graph = build(STEM + STEP + "  - share: step\n    from: stem\n  - add: [prev, step]\n")
    assert [node.inputs for node in graph.nodes[1:4]] == [(0,), (0,), (2, 1)]
