"""`repeat`, `first`, `foreach` and `when`: how often, with what, and what a reference then means."""

import pytest

from tests.graph.small_networks import build, channels, faults, names


def test_repeat_makes_a_chain_of_fresh_copies():
    graph = build("  - conv: {out_channels: 4, kernel_size: 1}\n    repeat: 3\n")
    assert [(node.name, node.inputs, node.parameters) for node in graph.nodes[:3]] == [
        ("0", (-1,), 16),  # 3 * 4 + 4
        ("1", (0,), 20),  # 4 * 4 + 4
        ("2", (1,), 20),
    ]


def test_repeat_zero_passes_its_input_through():
    graph = build("  - relu:\n    repeat: 0\n    name: none\n  - dropout:\n    from: none\n")
    assert [(node.name, node.inputs) for node in graph.nodes][:1] == [("dropout_1", (-1,))]


def test_repeat_one_is_still_a_copy():
    assert names(build("  - relu:\n    repeat: 1\n")) == ["0"]


def test_from_feeds_the_first_copy_only():
    graph = build("  - relu:\n    name: a\n  - dropout\n  - batch_norm:\n    from: a\n    repeat: 2\n  - concat: [prev, dropout]\n"
                  .replace("- dropout\n", "- dropout:\n    name: dropout\n"))  # fmt: skip
    assert [(node.name, node.inputs) for node in graph.nodes][2:4] == [("0", (0,)), ("1", (2,))]


def test_a_reference_to_a_repeated_node_means_its_last_copy():
    graph = build("  - relu:\n    repeat: 3\n    name: acts\n  - dropout\n  - add: [prev, acts]\n")
    assert [(node.name, node.inputs) for node in graph.nodes][4] == ("add_1", (3, 2))


def test_first_overrides_the_parameters_of_copy_zero():
    graph = build(
        "  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n    repeat: 3\n    first: {stride: 2}\n"
    )
    assert [node.shape for node in graph.nodes[:3]] == [(4, 4, 4)] * 3
    assert [node.layer.stride for node in graph.nodes[:3]] == [(2, 2), (1, 1), (1, 1)]


def test_first_completes_the_parameters_of_a_block_call():
    head = "blocks:\n  b:\n    params: {n: int, s: 1}\n    layers:\n      - conv: {out_channels: $n, kernel_size: 1, stride: $s}\n"
    graph = build("  - b: 4\n    repeat: 2\n    first: {n: 5, s: 4}\n", head)
    assert [node.shape for node in graph.nodes[:2]] == [(5, 2, 2), (4, 2, 2)]


def test_i_is_the_number_of_the_innermost_copy_or_row():
    graph = build("  - conv: {out_channels: $(i + 1), kernel_size: 1}\n    repeat: 3\n")
    assert channels(graph) == [1, 2, 3]
    layers = "  - foreach: {a: [10, 20]}\n    do:\n      - conv: {out_channels: $(a + i), kernel_size: 1}\n        repeat: 2\n"
    assert channels(build(layers)) == [10, 11, 20, 21]
    layers = "  - foreach: {a: [10, 20]}\n    do:\n      - conv: {out_channels: $(a + i), kernel_size: 1}\n"
    assert channels(build(layers)) == [10, 21]


def test_a_block_sees_the_i_of_its_call():
    head = "blocks:\n  b:\n    layers:\n      - conv: {out_channels: $(i + 5), kernel_size: 1}\n"
    assert channels(build("  - b\n    \n".replace("- b\n    \n", "- b:\n    repeat: 2\n"), head)) == [5, 6]


def test_when_is_evaluated_for_each_copy_before_its_arguments():
    layers = "  - conv: {out_channels: $(4 // i), kernel_size: 1}\n    repeat: 3\n    when: $(i > 0)\n"
    graph = build(layers)
    assert channels(graph) == [4, 2]
    assert names(graph) == ["0", "1"]


def test_a_dropped_node_is_transparent():
    graph = build("  - relu\n  - conv: {out_channels: 9, kernel_size: 9}\n    when: false\n  - dropout\n")
    assert [(node.name, node.inputs) for node in graph.nodes][:2] == [("relu_1", (-1,)), ("dropout_1", (0,))]


def test_a_dropped_node_takes_no_name():
    graph = build("  - relu:\n    name: act\n    when: $(data.classes > 10)\n  - dropout:\n    name: act\n")
    assert names(graph) == ["act"]


def test_referring_to_a_dropped_node_is_an_error_that_says_so():
    for repeat in ("", "    repeat: 2\n"):
        layers = f"  - relu:\n    name: act\n    when: false\n{repeat}  - dropout\n  - add: [prev, act]\n"
        assert [message for _, _, message in faults(layers)] == ["the node 'act' was dropped by its `when`"]
    layers = (
        "  - foreach: {a: [1]}\n    name: row\n    when: false\n    do: [relu]\n  - dropout:\n    from: row\n"
    )
    assert [message for _, _, message in faults(layers)] == ["the node 'row' was dropped by its `when`"]


def test_in_of_a_condition_is_the_tensor_that_from_names():
    layers = (
        "  - conv: {out_channels: 4, kernel_size: 1}\n    name: four\n"
        "  - conv: {out_channels: 6, kernel_size: 1}\n    name: six\n"
        "  - conv: {out_channels: $(in.channels * 2), kernel_size: 1}\n    from: four\n    when: $(in.channels == 4)\n"
        "  - concat: [prev, six]\n"
    )
    assert channels(build(layers)) == [4, 6, 8, 14]


def test_foreach_walks_its_columns_together():
    layers = (
        "  - foreach: {n: [4, 5], k: $kernels}\n    do:\n"
        "      - conv: {out_channels: $n, kernel_size: $k}\n      - relu\n"
    )
    graph = build(layers, "vars: {kernels: [1, 3]}\n")
    assert [(node.name, node.shape) for node in graph.nodes[:4]] == [
        ("0.conv_1", (4, 8, 8)), ("0.relu_1", (4, 8, 8)), ("1.conv_1", (5, 6, 6)), ("1.relu_1", (5, 6, 6)),
    ]  # fmt: skip


def test_foreach_of_no_rows_passes_its_input_through():
    assert names(build("  - foreach: {a: []}\n    do: [relu]\n  - dropout\n")) == ["dropout_1"]


def test_rows_can_be_dropped_and_referred_to_by_name():
    layers = (
        "  - foreach: {n: [4, 5, 6]}\n    name: row$i\n    when: $(n != 5)\n"
        "    do:\n      - conv: {out_channels: $n, kernel_size: 1}\n"
        "  - concat: [row0, row2]\n"
    )
    graph = build(layers)
    assert names(graph) == ["row0.conv_1", "row2.conv_1", "concat_1"]
    assert channels(graph) == [4, 6, 10]


def test_columns_hide_variables_and_nest():
    layers = (
        "  - foreach: {n: [[1, 2], [3]]}\n    do:\n"
        "      - foreach: {n: $n}\n        do:\n          - conv: {out_channels: $n, kernel_size: 1}\n"
        "  - conv: {out_channels: $n, kernel_size: 1}\n"
    )
    graph = build(layers, "vars: {n: 7}\n")
    assert channels(graph) == [1, 2, 3, 7]
    assert names(graph) == ["0.0.conv_1", "0.1.conv_1", "1.0.conv_1", "conv_1"]


@pytest.mark.parametrize(
    ("repeat", "found"),
    [("-1", "the number -1"), ("1.5", "the number 1.5"), ("true", "true"), ("10001", "the number 10001"),
     ("many", "the text 'many'"), ("[1]", "the list [1]"), ("", "nothing")],
)  # fmt: skip
def test_repeat_is_a_number_of_copies(repeat, found):
    ((_, _, message),) = faults(f"  - relu:\n    repeat: {repeat}\n")
    assert message == f"'repeat' is a whole number from 0 to 10,000, not {found}"


def test_repeat_may_be_a_whole_float():
    assert names(build("  - relu:\n    repeat: $(4 / 2)\n")) == ["0", "1"]


def test_first_on_a_container_is_refused():
    layers = "  - residual:\n      body: [relu]\n    repeat: 2\n    first: {a: 1}\n"
    assert faults(layers) == [(6, 12, "'first' changes parameters, and 'residual' has none")]


TWO = (
    "  - conv: {out_channels: 4, kernel_size: 1}\n    name: four\n"
    "  - conv: {out_channels: 6, kernel_size: 1}\n    name: six\n"
)


@pytest.mark.parametrize("dropped", [
    "  - relu:\n    from: four\n    when: false\n",
    "  - relu:\n    from: four\n    when: false\n    repeat: 2\n",
    "  - foreach: {a: [1, 2]}\n    from: four\n    when: false\n    do: [relu]\n",
])  # fmt: skip
def test_where_all_is_dropped_the_list_goes_on_whatever_from_says(dropped):
    graph = build(TWO + dropped + "  - concat: [prev, six, four]\n")
    assert [(node.name, node.inputs) for node in graph.nodes][2] == ("concat_1", (1, 1, 0))


@pytest.mark.parametrize("empty", [
    "  - relu:\n    from: four\n    repeat: 0\n",
    "  - foreach: {a: []}\n    from: four\n    do: [relu]\n",
])  # fmt: skip
def test_no_copies_and_no_rows_pass_the_tensor_of_from_through(empty):
    graph = build(TWO + empty + "  - concat: [prev, six]\n")
    assert [(node.name, node.inputs) for node in graph.nodes][2] == ("concat_1", (0, 1))


def test_from_feeds_the_first_copy_that_is_kept():
    graph = build(
        TWO + "  - relu:\n    from: four\n    repeat: 3\n    when: $(i > 0)\n  - concat: [prev, six]\n"
    )
    assert [(node.name, node.inputs) for node in graph.nodes][2:4] == [("0", (0,)), ("1", (2,))]


@pytest.mark.parametrize("repeat", ["", "    repeat: 2\n"])
def test_a_node_and_what_it_comes_from_may_be_dropped_together(repeat):
    layers = f"  - relu:\n    name: a\n    when: false\n  - dropout:\n    from: a\n    when: false\n{repeat}"
    assert names(build(layers)) == []


@pytest.mark.parametrize("repeat", ["", "    repeat: 1\n"])
def test_in_of_a_condition_is_the_tensor_that_a_computed_from_names(repeat):
    layers = f"  - relu:\n    from: $src\n    when: $(in.channels == 4)\n    name: c\n{repeat}  - concat: [c, six]\n"
    assert channels(build(TWO + layers, "vars: {src: four}\n")) == [4, 6, 4, 10]


@pytest.mark.parametrize(
    ("layers", "warned"),
    [
        ("  - dropout:\n    repeat: 3\n    when: $(i > 0)\n    first: {p: 0.1}\n", [6]),
        ("  - dropout:\n    repeat: 0\n    first: {p: 0.1}\n", [5]),
        ("  - dropout:\n    repeat: 3\n    when: $(i < 2)\n    first: {p: 0.1}\n", []),
        ("  - dropout:\n    repeat: 2\n    when: false\n    first: {p: 0.1}\n", []),  # the node is dropped
        (
            "  - foreach: {n: [0, 2]}\n    do:\n      - dropout:\n        repeat: $n\n        first: {p: 0.1}\n",
            [],
        ),
    ],
)
def test_a_first_that_never_meets_a_copy_zero_is_warned_of(layers, warned):
    warnings = build(layers).warnings
    assert [(w.place.line, w.message) for w in warnings] == [
        (line, "'first' changes nothing: there is no copy 0") for line in warned
    ]
