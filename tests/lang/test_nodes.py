"""Nodes as written: one type, its siblings, the lists inside it."""

import pytest

from cnnbuild.errors import Problems
from cnnbuild.lang.nodes import parse_layers, parse_node
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import to_plain


def node(text):
    problems = Problems()
    parsed = parse_node(parse_yaml(text, "f.yaml"), problems)
    assert problems.found == []
    return parsed


def faults(text):
    problems = Problems()
    parsed = parse_node(parse_yaml(text, "f.yaml"), problems)
    return parsed, [(p.place.line, p.place.column, p.message, p.help) for p in problems.errors]


def test_a_bare_type_and_a_type_without_parameters_are_the_same():
    for text in ("relu", "relu:", "{relu: }", "{relu: ~}"):
        parsed = node(text)
        assert parsed.type.value == "relu"
        assert to_plain(parsed.arguments) is None


def test_siblings_are_told_from_the_type_whatever_their_order():
    text = "{name: a, conv: {out_channels: 1}, from: b, when: $c, repeat: 2, first: {stride: 2}, init: {bias: zeros}}"
    parsed = node(text)
    assert parsed.type.value == "conv"
    assert to_plain(parsed.arguments) == {"out_channels": 1}
    assert (parsed.name.value, parsed.source.value, parsed.when.value, parsed.repeat.value) == (
        "a",
        "b",
        "$c",
        2,
    )
    assert to_plain(parsed.first) == {"stride": 2}
    assert to_plain(parsed.init) == {"bias": "zeros"}


def test_a_type_may_be_a_variable():
    assert node("$act").type.value == "$act"
    assert node("{$unit: {a: 1}}").type.value == "$unit"
    assert node("$('re' + 'lu')").type.value == "$('re' + 'lu')"


def test_lists_inside_a_node_are_parsed():
    assert [n.type.value for n in node("{foreach: {a: [1]}, do: [relu, tanh]}").lists["do"]] == [
        "relu",
        "tanh",
    ]
    residual = node("{residual: {body: [relu], shortcut: [tanh]}}")
    assert {key: [n.type.value for n in nodes] for key, nodes in residual.lists.items()} == {
        "body": ["relu"],
        "shortcut": ["tanh"],
    }
    join = node("{concat: {left: [relu], right: identity}}")
    assert [(key, len(nodes)) for key, nodes in join.lists.items()] == [("left", 1), ("right", 0)]
    assert node("{concat: [prev, a]}").lists == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("3", (1, 1, "a node is a layer type, not the number 3", "write `- relu` or `- conv: {…}`")),
        ("~", (1, 1, "a node is a layer type, not nothing", "write `- relu` or `- conv: {…}`")),
        ("{}", (1, 1, "this node is empty", "write a layer type, such as `relu`")),
        ("{name: a}", (1, 2, "this node has no layer type, only 'name'", "add a type key, such as `conv: {…}`")),
        ("conv:64", (1, 1, "'conv:64' is one word to YAML", "put a space after the colon: `conv: 64`")),
        ("relu name", (1, 1, "'relu name' is one text to YAML, and a layer type is one word",
         "write `- relu:` with a colon, and what belongs to it under it")),
        ("{conv: 1, relu: 2}", (1, 11, "a node has one layer type, and here 'relu' stands beside 'conv'",
         "begin a new node with `- relu`, or write it as a parameter of 'conv'")),
        ("{conv: 1, form: a}", (1, 11, "a node has one layer type, and here 'form' stands beside 'conv'",
         "did you mean 'from'?")),
        ("{nmae: a, conv: 1}", (1, 2, "a node has one layer type, and here 'nmae' stands beside 'conv'",
         "did you mean 'name'?")),
        ("{conv: , stride: 2}", (1, 10,
         "'stride' stands beside 'conv', where only name, from, repeat, first, when, init, do may",
         "indent it further, so that it stands under 'conv'")),
        ("residual", (1, 1, "residual takes a mapping with `body`",
         "write `- residual:` with `body:` under it, and the layers under that")),
        ("{residual: 3}", (1, 2, "residual takes a mapping with `body`, not the number 3",
         "write `- residual:` with `body:` under it, and the layers under that")),
        ("{residual: [relu]}", (1, 12, "residual takes a mapping with `body`, not a list", "put the list under `body:`")),
        ("{residual: {}}", (1, 2, "the body of residual needs a list of layers", "write one `- type: {…}` per line")),
        ("{residual: {body: []}}", (1, 19, "the body of residual has an empty list of layers",
         "write one `- type: {…}` per line")),
        ("{residual: {body: [relu], shortcut: 3}}", (1, 37,
         "a shortcut is one of identity, projection, zero_pad, none, not the number 3", "choose one")),
        ("{residual: {body: [relu], shortcut: {conv: 1}}}", (1, 37,
         "a shortcut is a word or a list of layers, not a mapping", "begin each layer with `- `")),
        ("foreach", (1, 1, "'do' beside 'foreach' needs a list of layers", "write one `- type: {…}` per line")),
        ("{relu: , do: [tanh]}", (1, 14, "'do' belongs beside 'foreach', not beside 'relu'",
         "write `- foreach: {…}` and `do:` under it")),
        ("{concat: {a: relu, b: identity}}", (1, 14,
         "the branch 'a' is a list of layers or `identity`, not the text 'relu'",
         "begin each of its layers with `- `")),
        ("{relu: , name: 3}", (1, 16, "a name is a word, not the number 3", "begin it with a letter")),
        ("{relu: , when: [1]}", (1, 16, "'when' is a condition, not a list", "write `when: $(…)`")),
        ("{relu: , first: 3, repeat: 2}", (1, 17, "'first' is a mapping of parameters, not the number 3",
         "write `first: {stride: 2}`")),
        ("{relu: , first: {a: 1}}", (1, 17, "'first' changes the first of several copies",
         "add `repeat: n` beside it")),
    ],
)  # fmt: skip
def test_a_misformed_node_is_one_fault_with_its_fix(text, fault):
    _, found = faults(text)
    assert found == [fault]


def test_a_misformed_node_leaves_a_faulty_one_that_keeps_its_name():
    parsed, _ = faults("{conv: 1, relu: 2, name: stem}")
    assert parsed.faulty
    assert parsed.name.value == "stem"


def test_faulty_nodes_stay_in_their_list_so_that_others_keep_their_neighbours():
    problems = Problems()
    tree = parse_yaml("- relu\n- 3\n- tanh\n", "f.yaml")
    nodes = parse_layers(tree, problems, what="it", place=tree.place)
    assert [n.faulty for n in nodes] == [False, True, False]
    assert len(problems.errors) == 1
