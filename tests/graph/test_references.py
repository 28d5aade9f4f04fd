"""`from`: a name reaches back in its own list and the lists around it, never into a block or a sibling branch."""

import pytest

from cnnbuild.errors import DocumentError
from tests.graph.small_networks import build, fault

REACH = "(names reach back in their own list and the lists around it)"
BLOCK = "blocks:\n  b:\n    layers:\n"


def inputs(graph, name):
    return next(node.inputs for node in graph.nodes if node.name == name)


def test_a_node_takes_the_previous_output_unless_from_names_another():
    graph = build(
        "  - relu:\n    name: a\n  - relu:\n    name: b\n  - relu:\n    name: c\n    from: a\n  - add: [b, c]\n"
    )
    assert inputs(graph, "a") == (-1,)
    assert inputs(graph, "b") == (0,)
    assert inputs(graph, "c") == (0,)


def test_prev_is_the_previous_output_and_at_the_start_of_a_list_what_entered_it():
    graph = build("  - relu\n  - concat: [prev, prev]\n")
    assert inputs(graph, "concat_1") == (0, 0)
    graph = build("  - relu\n  - residual:\n      body:\n        - add: [prev, prev]\n")
    assert inputs(graph, "add_1") == (0, 0)
    assert inputs(build("  - add: [prev, prev]\n"), "add_1") == (-1, -1)


def test_from_block_is_what_entered_the_enclosing_call():
    graph = build("  - relu\n  - b\n", BLOCK + "      - relu\n      - relu\n      - add: [prev, block]\n")
    assert inputs(graph, "add_1") == (2, 0)
    assert inputs(build("  - relu\n  - relu\n  - add: [prev, block]\n"), "add_1") == (1, -1)


def test_from_block_inside_a_residual_is_still_the_call():
    head = (
        BLOCK
        + "      - relu\n      - residual:\n          body:\n            - relu:\n              from: block\n"
    )
    graph = build("  - relu:\n    name: stem\n  - b\n", head)
    assert inputs(graph, "relu_2") == (0,)


def test_names_of_the_enclosing_lists_can_be_seen():
    layers = (
        "  - relu:\n    name: a\n"
        "  - concat:\n      left:\n        - relu\n        - residual:\n            body:\n              - relu:\n"
        "                from: a\n      right: identity\n"
    )
    assert inputs(build(layers), "left.relu_2") == (0,)


def test_the_nearest_list_wins():
    layers = (
        "  - relu:\n    name: a\n"
        "  - concat:\n      left:\n        - relu:\n          name: a\n        - relu:\n          from: a\n"
        "      right: identity\n"
    )
    assert inputs(build(layers), "left.relu_1") == (1,)


def test_the_name_of_a_container_is_its_output():
    graph = build(
        "  - b:\n    name: x\n  - relu:\n    name: r\n  - add: [r, x]\n",
        BLOCK + "      - relu\n      - relu\n",
    )
    assert inputs(graph, "add_1") == (2, 1)


@pytest.mark.parametrize(
    ("layers", "place", "name", "note"),
    [
        ("  - b\n  - relu:\n    from: inner\n", (6, 11), "inner", "line 2 has that name, inside the block 'b'"),
        ("  - relu:\n    from: later\n  - relu:\n    name: later\n", (5, 11), "later",
         "line 7 has that name, but comes later"),
        ("  - relu:\n    name: same\n    from: same\n", (6, 11), "same", "line 5 has that name, and is this node itself"),
        ("  - concat:\n      l:\n        - relu:\n          name: deep\n      r:\n        - relu:\n          from: deep\n",
         (10, 17), "deep", "line 7 has that name, inside the 'concat' of line 4"),
        ("  - relu:\n    name: outside\n  - c\n", (2, 76), "outside", "line 5 has that name, outside the block 'c'"),
    ],
)  # fmt: skip
def test_what_cannot_be_seen_is_refused_with_where_it_is(layers, place, name, note):
    head = "blocks: {b: {layers: [{relu: , name: inner}]}, c: {layers: [{relu: , from: outside}]}}\n"
    line, column, message, help_text = fault(layers, head)
    assert message == f"no earlier node here is called '{name}'"
    assert help_text == f"visible here: block, prev {REACH}"
    assert (line, column) == place
    with pytest.raises(DocumentError) as caught:
        build(layers, head)
    assert caught.value.problems[0].context[0] == note


def test_a_slip_in_a_name_is_answered_with_the_name():
    layers = "  - relu:\n    name: stem\n  - relu:\n    from: stme\n"
    assert fault(layers) == (6, 11, "no earlier node here is called 'stme'", f"did you mean 'stem'? {REACH}")


def test_a_reference_may_be_computed():
    graph = build('  - relu:\n    name: a1\n  - relu\n  - add: [prev, "a$(n)"]\n', "vars: {n: 1}\n")
    assert inputs(graph, "add_1") == (1, 0)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("-1", "a reference is a name, not the number -1"),
        ("{a: b}", "a reference is a name, not a mapping"),
        ("", "a reference is a name, not nothing"),
        ("[prev, prev]", "'relu' takes one input, and `from` lists several"),
    ],
)
def test_only_names_are_references(source, message):
    assert fault(f"  - relu:\n    from: {source}\n")[2] == message


def test_names_of_faulty_nodes_are_not_reported_a_second_time():
    layers = (
        "  - rleu:\n    name: a\n  - relu:\n    from: a\n"
        "  - conv: {out_channels: 3}\n    nmae: b\n  - relu:\n    from: b\n"
    )
    with pytest.raises(DocumentError) as caught:
        build(layers)
    assert [problem.message for problem in caught.value.problems] == [
        "unknown layer type 'rleu'",
        "a node has one layer type, and here 'nmae' stands beside 'conv'",
    ]


def test_a_join_that_lists_its_inputs_takes_no_from_beside_the_list():
    layers = (
        "  - relu:\n    name: a\n"
        "  - relu:\n    name: b\n"
        "  - add: [a, b]\n    from: a\n"
    )  # fmt: skip
    assert fault(layers) == (
        8,
        11,
        "'add' lists what it joins, and `from` names something else",
        "put the name into the list: `- add: [prev, name]`",
    )
