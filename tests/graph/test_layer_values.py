"""Parameters of type `layer`: what a layer that is handed to a block sees, and under which name it runs."""

from tests.graph.small_networks import build, fault, faults, names

CONV = "conv: {out_channels: 3, kernel_size: 1}"


def block(parameters, layers):
    return f"blocks:\n  b:\n    params: {{{parameters}}}\n    layers:\n{layers}"


def edges(graph):
    return [(node.name, node.inputs) for node in graph.nodes]


SKIP = block(
    "act: layer",
    f"      - {CONV}\n        name: main\n"
    "      - $act:\n        from: block\n        name: skip\n      - add: [main, skip]\n",
)


def test_from_beside_a_parameter_means_what_it_means_in_the_block():
    stem = f"  - {CONV}\n    name: stem\n"
    by_word = edges(build(stem + "  - b: {act: leaky_relu}\n", SKIP))
    by_mapping = edges(build(stem + "  - b: {act: {leaky_relu: 0.1}}\n", SKIP))
    assert by_word[:4] == [("stem", (-1,)), ("main", (0,)), ("skip", (0,)), ("add_1", (1, 2))]
    assert by_mapping == by_word


def test_a_name_in_the_block_feeds_a_layer_of_the_caller():
    layers = f"      - {CONV}\n        name: main\n      - relu:\n        name: acts\n"
    layers += "      - $act:\n        from: main\n      - add: [prev, acts]\n"
    graph = build("  - b: {act: {leaky_relu: 0.1}}\n", block("act: layer", layers))
    assert edges(graph)[:4] == [("main", (-1,)), ("acts", (0,)), ("leaky_relu_1", (0,)), ("add_1", (2, 1))]


def test_a_name_beside_a_parameter_sees_the_parameters_of_the_block():
    head = block("act: layer, n: str", "      - $act:\n        name: $n\n")
    assert names(build("  - b: {act: {leaky_relu: 0.1}, n: one}\n", head)) == ["one"]
    assert names(build("  - b: {act: {residual: {body: [relu]}}, n: one}\n", head)) == [
        "one.relu_1",
        "one.residual_1",
    ]


def test_a_reference_in_a_layer_value_never_reaches_into_the_block():
    head = block("j: layer", f"      - {CONV}\n        name: inner\n      - relu\n      - $j\n")
    line, column, message, help_text = fault("  - b: {j: {add: [prev, inner]}}\n", head)
    assert (line, column, message) == (11, 25, "no earlier node here is called 'inner'")
    assert (
        help_text == "visible here: block, prev (names reach back in their own list and the lists around it)"
    )


def test_a_reference_in_a_layer_value_means_the_caller_s_node():
    head = block("j: layer", f"      - {CONV}\n        name: inner\n      - $j\n")
    graph = build(f"  - {CONV}\n    name: stem\n  - b: {{j: {{add: [prev, stem]}}}}\n", head)
    assert edges(graph)[:3] == [("stem", (-1,)), ("inner", (0,)), ("add_1", (1, 0))]
    branches = "{add: {x: identity, y: [{relu: , from: stem}]}}"
    graph = build(f"  - {CONV}\n    name: stem\n  - b: {{j: {branches}}}\n", head)
    assert edges(graph)[2:4] == [("y.relu_1", (0,)), ("add_1", (1, 2))]


def test_a_reference_in_a_default_means_the_block_s_node():
    head = block(
        "j: {type: layer, default: {add: [prev, inner]}}",
        f"      - {CONV}\n        name: inner\n      - relu\n      - $j\n",
    )
    assert edges(build("  - b\n", head))[2] == ("add_1", (1, 0))


def test_a_variable_that_holds_a_layer_can_be_handed_to_a_block():
    head = "vars: {act: {leaky_relu: 0.1}}\n" + block("act: layer", "      - $act\n")
    graph = build("  - b: {act: $act}\n  - $act\n", head)
    assert names(graph) == ["leaky_relu_1", "leaky_relu_2"]
    assert [node.layer.negative_slope for node in graph.nodes[:2]] == [0.1, 0.1]


def test_a_variable_that_holds_no_layer_is_refused_where_it_is_handed_over():
    head = "vars: {act: {leaky_relu: 0.1, name: x}}\n" + block("act: layer", "      - $act\n")
    assert faults("  - b: {act: $act}\n", head) == [(9, 14, "a layer that is given as a value has no 'name'")]


def test_a_word_given_to_another_file_s_block_names_a_block_of_the_caller_s_file():
    head = "blocks:\n  own:\n    layers:\n      - elu\n      - tanh\n"
    graph = build("  - conv_norm_act: {out_channels: 4, act: own}\n    name: unit\n", head)
    assert names(graph) == ["unit.conv_1", "unit.batch_norm_1", "unit.elu_1", "unit.tanh_1"]
    assert graph.warnings == ()


def test_such_a_word_reaches_through_blocks_that_hand_it_on():
    head = "vars: {act: own}\nblocks:\n  own:\n    layers:\n      - elu\n      - tanh\n"
    graph = build("  - wide: {out_channels: 2, act: $act}\n", head)
    assert [name for name in names(graph) if "elu" in name or "tanh" in name] == [
        "elu_1",
        "tanh_1",
        "elu_2",
        "tanh_2",
    ]
