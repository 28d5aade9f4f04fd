"""`residual`, joins, and blocks: shapes, weights, and what each refuses."""

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from tests.graph.small_networks import build, error, fault, shapes


def residual(body, shortcut=None):
    kind = "" if shortcut is None else f"      shortcut: {shortcut}\n"
    return f"  - residual:\n{kind}      body:\n        - conv: {{{body}}}\n    name: r\n"


def test_an_identity_shortcut_has_no_weights():
    for kind in (None, "identity"):
        graph = build(residual("out_channels: 3, kernel_size: 3, padding: 1", kind))
        assert shapes(graph) == [("r.conv_1", (3, 8, 8)), ("r.residual_1", (3, 8, 8))]
        assert graph.nodes[1].inputs == (0, -1)


@pytest.mark.parametrize(
    ("body", "stride"),
    [
        ("out_channels: 5, kernel_size: 1", (1, 1)),
        ("out_channels: 3, kernel_size: 3, padding: 1, stride: 2", (2, 2)),
        ("out_channels: 5, kernel_size: 3, padding: 1, stride: [1, 2]", (1, 2)),
    ],
)
def test_a_projection_stands_where_channels_or_stride_differ(body, stride):
    graph = build(residual(body, "projection"))
    names = [name for name, _ in shapes(graph)]
    assert names == ["r.conv_1", "r.shortcut.conv", "r.shortcut.norm", "r.residual_1"]
    conv, norm, total = graph.nodes[1:4]
    assert (conv.layer.kernel_size, conv.layer.stride, conv.layer.bias) == ((1, 1), stride, False)
    assert (conv.inputs, norm.inputs, total.inputs) == ((-1,), (1,), (0, 2))
    channels = graph.nodes[0].shape[0]
    assert conv.weight_shapes == {"weight": (channels, 3, 1, 1)}
    assert norm.parameters == 2 * channels


def test_a_projection_is_absent_where_nothing_differs():
    graph = build(residual("out_channels: 3, kernel_size: 3, padding: 1", "projection"))
    assert [name for name, _ in shapes(graph)] == ["r.conv_1", "r.residual_1"]


def test_a_projection_has_the_norm_that_the_residual_names():
    strided = residual("out_channels: 4, kernel_size: 3, padding: 1, stride: 2", "projection")
    layers = strided.replace("      body:", "      norm: {group_norm: 2}\n      body:")
    graph = build(layers)
    conv, norm = graph.nodes[1:3]
    assert [(node.name, node.layer.type_name) for node in (conv, norm)] == [
        ("r.shortcut.conv", "conv"),
        ("r.shortcut.norm", "group_norm"),
    ]
    assert norm.layer.num_groups == 2
    assert graph.nodes[3].inputs == (0, 2)


def test_a_norm_may_be_the_parameter_of_a_block():
    head = (
        "blocks:\n  unit:\n    params: {kind: projection, norm: {type: layer, default: batch_norm}}\n    layers:\n"
        "      - residual:\n          shortcut: $kind\n          norm: $norm\n          body:\n"
        "            - conv: {out_channels: 4, kernel_size: 1}\n"
    )
    (norm,) = [
        n for n in build("  - unit: {norm: {group_norm: 4}}\n", head).nodes if n.name == "shortcut.norm"
    ]
    assert norm.layer.num_groups == 4
    kept = build("  - unit: {kind: none, norm: {group_norm: 4}}\n", head)
    assert [name for name, _ in shapes(kept)] == ["conv_1"]


@pytest.mark.parametrize("shortcut", [None, "identity", "zero_pad", "none", "[relu]"])
def test_a_norm_without_a_projection_is_refused(shortcut):
    layers = residual("out_channels: 3, kernel_size: 1", shortcut).replace(
        "      body:", "      norm: relu\n      body:"
    )
    (problem,) = error(layers).problems
    assert problem.message == "'norm' is that of a projection, and this residual has none"
    assert problem.help == "remove it, or write `shortcut: projection`"


def test_the_norm_of_a_projection_is_one_layer_and_nothing_beside_it():
    layers = residual("out_channels: 4, kernel_size: 1", "projection")
    named = layers.replace("      body:", "      norm: {group_norm: 2, name: own, repeat: 2}\n      body:")
    found = [(problem.message, problem.help) for problem in error(named).problems]
    assert found == [
        (f"the norm of a projection has no '{word}'", "it is called `shortcut.norm`: remove this key")
        for word in ("name", "repeat")
    ]


def test_a_shortcut_whose_layers_are_all_dropped_needs_no_name():
    one = "  - residual:\n      shortcut: [{relu: , when: $(in.channels > 3)}]\n      body: [relu]\n"
    assert [name for name, _ in shapes(build(one + one))] == ["relu_1", "residual_1", "relu_2", "residual_2"]
    (problem,) = error((one + one).replace("> 3", "== 3")).problems
    assert problem.message.startswith("two things in the network are called 'shortcut'")


def test_the_stride_of_a_body_is_the_product_of_its_strides():
    layers = (
        "  - residual:\n      shortcut: projection\n      body:\n"
        "        - conv: {out_channels: 4, kernel_size: 3, padding: 1, stride: 2}\n"
        "        - max_pool: 2\n    name: r\n"
    )
    graph = build(layers)
    assert graph.nodes[2].layer.stride == (4, 4)
    assert graph.nodes[2].shape == (4, 2, 2)


def test_the_defaults_of_a_file_do_not_touch_a_projection():
    head = "defaults:\n  conv: {bias: true, padding: half, kernel_size: 3}\n  batch_norm: {affine: false}\n"
    graph = build(residual("out_channels: 5", "projection"), head)
    assert graph.nodes[1].weight_shapes == {"weight": (5, 3, 1, 1)}
    assert graph.nodes[2].parameters == 10


def test_zero_padding_subsamples_and_appends_channels():
    graph = build(residual("out_channels: 5, kernel_size: 3, padding: 1, stride: 2", "zero_pad"))
    assert shapes(graph) == [("r.conv_1", (5, 4, 4)), ("r.shortcut", (5, 4, 4)), ("r.residual_1", (5, 4, 4))]
    assert graph.parameters == 5 * 3 * 9 + 5 + 80 * 10 + 10


def test_no_shortcut_is_the_body_alone():
    assert shapes(build(residual("out_channels: 5, kernel_size: 1", "none"))) == [("r.conv_1", (5, 8, 8))]


def test_the_kind_of_shortcut_may_be_a_variable():
    layers = residual("out_channels: 5, kernel_size: 1", "$kind")
    assert len(build(layers, "vars: {kind: none}\n").nodes) == 3
    assert len(build(layers, "vars: {kind: none}\n", overrides={"kind": "projection"}).nodes) == 6
    assert fault(layers, "vars: {kind: projektion}\n") == (
        5, 17, "unknown shortcut 'projektion'", "did you mean 'projection'?",
    )  # fmt: skip


def test_a_residual_of_flat_tensors_adds_them():
    layers = "  - flatten\n  - residual:\n      body:\n        - linear: 192\n    name: r\n"
    assert shapes(build(layers))[:2] == [("r.linear_1", (192,)), ("r.residual_1", (192,))]


@pytest.mark.parametrize(
    ("body", "kind", "message", "help_text"),
    [
        ("out_channels: 5, kernel_size: 1", "identity",
         "residual: the body gives (5, 8, 8) and the identity shortcut gives (3, 8, 8)", "write `shortcut: projection`"),
        ("out_channels: 5, kernel_size: 3", "projection",
         "residual: the body gives (5, 6, 6) and the projection shortcut gives (5, 8, 8)",
         "pad the body's convolutions (`padding: half`), so that only strides change height and width"),
        ("out_channels: 2, kernel_size: 1", "zero_pad",
         "shortcut: zero_pad can only add channels, and 3 become 2", "write `shortcut: projection`"),
    ],
)  # fmt: skip
def test_shapes_that_differ_are_refused_with_both_shapes(body, kind, message, help_text):
    _, _, found, proposed = fault(residual(body, kind))
    assert (found, proposed) == (message, help_text)


@pytest.mark.parametrize(
    ("word", "gate", "fits"),
    [
        ("multiply", (4, 1, 1), True), ("multiply", (1, 8, 8), True), ("multiply", (1, 1, 1), True),
        ("multiply", (4, 8, 8), True), ("multiply", (4, 8, 1), False), ("multiply", (4, 1, 8), False),
        ("multiply", (2, 8, 8), False), ("multiply", (2, 1, 1), False), ("multiply", (1, 4, 4), False),
        ("add", (4, 8, 8), True), ("add", (4, 1, 1), False), ("add", (1, 8, 8), False), ("add", (1, 1, 1), False),
        ("concat", (2, 8, 8), True), ("concat", (4, 1, 1), False), ("concat", (4, 4, 4), False),
    ],
)  # fmt: skip
def test_only_gates_are_broadcast_and_only_by_multiply(word, gate, fits):
    layers = (
        "  - conv: {out_channels: 4, kernel_size: 1}\n    name: map\n"
        f"  - conv: {{out_channels: {gate[0]}, kernel_size: 1}}\n"
        f"  - adaptive_avg_pool: [{gate[1]}, {gate[2]}]\n    name: gate\n"
        f"  - {word}: [map, gate]\n    name: joined\n"
    )
    if fits:
        expected = (4 + gate[0], 8, 8) if word == "concat" else (4, 8, 8)
        assert shapes(build(layers))[-1] == ("joined", expected)
    else:
        line, column, message, _ = fault(layers)
        assert (line, column) == (8, 5)
        assert message.startswith(f"{word}: ")
        assert f"({gate[0]}, {gate[1]}, {gate[2]})" in message


def test_branches_start_from_one_tensor_and_are_joined_in_written_order():
    layers = (
        "  - relu\n"
        "  - concat:\n"
        "      b:\n        - conv: {out_channels: 2, kernel_size: 1}\n        - relu\n"
        "      a:\n        - conv: {out_channels: 5, kernel_size: 1}\n"
        "      c: identity\n"
    )
    graph = build(layers)
    assert [node.inputs for node in graph.nodes[:5]] == [(-1,), (0,), (1,), (0,), (2, 3, 0)]
    assert graph.nodes[4].shape == (10, 8, 8)


def test_a_join_of_a_list_may_name_one_tensor_twice_and_stand_under_from():
    assert build("  - relu:\n    name: a\n  - add: [a, a]\n").nodes[1].inputs == (0, 0)
    assert build("  - relu:\n    name: a\n  - relu\n  - concat:\n    from: [a, prev]\n").nodes[2].inputs == (
        0,
        1,
    )


def test_errors_of_shapes_say_where_each_shape_came_from_in_the_order_of_the_join():
    layers = (
        "  - conv: {out_channels: 4, kernel_size: 1}\n    name: a\n"
        "  - conv: {out_channels: 5, kernel_size: 1}\n    name: b\n"
        "  - add: [b, a]\n"
    )
    with pytest.raises(DocumentError) as caught:
        build(layers)
    (problem,) = caught.value.problems
    assert problem.message == "add: the inputs have different shapes, (5, 8, 8) and (4, 8, 8)"
    assert problem.context == ("(5, 8, 8) comes from 'b', line 5", "(4, 8, 8) comes from 'a', line 3")


@pytest.mark.parametrize(
    ("branch", "message"),
    [
        ("forward", "'forward' is an attribute of every torch module"),
        ("a.b", "a name is made of letters, digits and '_', and begins with a letter, unlike 'a.b'"),
        (
            "_modules",
            "a name is made of letters, digits and '_', and begins with a letter, unlike '_modules'",
        ),
    ],
)
def test_a_branch_is_called_what_a_module_can_be_called(branch: str, message: str) -> None:
    text = f"cnnbuild: 1\nlayers:\n  - concat: {{{branch}: [relu], other: identity}}\n  - flatten\n  - linear: 10\n"
    document = parse_architecture(parse_yaml(text, "net.yaml"))
    with pytest.raises(DocumentError) as caught:
        elaborate(document, DataContract("digits", 1, 8, 8, 10))
    [problem] = caught.value.problems
    assert (problem.message, problem.place.line, problem.place.column) == (message, 3, 14)


def test_the_parts_of_a_residual_are_no_words_of_the_language() -> None:
    text = "cnnbuild: 1\nlayers:\n  - projection: {out_channels: 3}\n  - flatten\n  - linear: 10\n"
    document = parse_architecture(parse_yaml(text, "net.yaml"))
    with pytest.raises(DocumentError, match="unknown layer type 'projection'"):
        elaborate(document, DataContract("digits", 1, 8, 8, 10))
