"""`outputs`: which nodes are heads, and what is refused."""

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Head
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml

LAYERS = (
    "vars: {deep: true}\nlayers:\n  - flatten\n  - linear: $data.classes\n    name: a\n"
    "  - linear: $data.classes\n    name: b\n"
)


def graph(outputs, layers=LAYERS, **options):
    text = f"cnnbuild: 1\n{layers}outputs: {outputs}\n"
    return elaborate(
        parse_architecture(parse_yaml(text, "net.yaml")), DataContract("data", 3, 8, 8, 10), **options
    )


def faults(outputs, layers=LAYERS, **options):
    with pytest.raises(DocumentError) as caught:
        graph(outputs, layers, **options)
    return [(p.place.column, p.message) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("outputs", "heads"),
    [
        ("{main: b, early: a}", (Head("main", 2), Head("early", 1))),
        ("{main: prev, early: {from: a}}", (Head("main", 2), Head("early", 1))),
        ("{early: {from: a, weight: 2}, late: {from: b, weight: $(1 / 4)}}", (Head("early", 1, 2.0), Head("late", 2, 0.25))),
        ("{main: b, early: {from: a, train_only: true}}", (Head("main", 2), Head("early", 1, 1.0, True))),
        ("{main: b, early: {from: a, when: $deep}}", (Head("main", 2), Head("early", 1))),
        ("{main: b, early: {from: a, when: $(not deep)}}", (Head("main", 2),)),
        ("{main: $('b' if deep else 'a'), early: {from: a, train_only: $deep}}", (Head("main", 2), Head("early", 1, 1.0, True))),
    ],
)  # fmt: skip
def test_heads_are_given_in_written_order_with_their_weights(outputs, heads):
    found = graph(outputs)
    assert (found.heads, found.output) == (heads, heads[0].node)
    assert found.head_weights == {head.name: head.weight for head in heads}


def test_without_outputs_there_are_no_heads():
    text = f"cnnbuild: 1\n{LAYERS}".replace("vars: {deep: true}\n", "")
    found = elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DataContract("data", 3, 8, 8, 10))
    assert (found.heads, found.output, found.head_weights) == ((), 2, {})


def test_what_no_head_needs_is_a_loose_end():
    assert faults("{main: a}") == [(5, "nobody uses the output of 'b'")]
    assert faults("{main: b, early: {from: a, when: $deep}}", LAYERS + "  - relu\n") == [
        (5, "nobody uses the output of 'relu_1'")
    ]


def test_a_fault_of_the_first_output_brings_no_second_one():
    assert faults("{main: c, early: a}") == [(17, "no earlier node here is called 'c'")]


def test_the_first_output_must_always_be_there():
    message = "the first output is the one that is tested, and it must always be there"
    assert faults("{main: {from: b, train_only: true}, early: a}") == [(11, message)]
    assert faults("{main: {from: b, when: false}, early: a}")[0] == (11, message)
    assert faults("{main: {from: b, when: false}}")[0] == (
        11,
        "the network has no output: `when` drops all of them",
    )


@pytest.mark.parametrize(
    ("outputs", "column", "message"),
    [
        ("{main: b, x: {from: b}}", 30, "the output 'x' is the same node as 'main'"),
        ("{main: b, x: block}", 23, "the output 'x' is (3, 8, 8), and 10 classes need (10,)"),
        ("{main: b, x: {from: a, weight: -1}}", 41, "the weight of an output is a number above 0, not the number -1"),
        ("{main: b, x: {from: a, weight: big}}", 41, "the weight of an output is a number above 0, not the text 'big'"),
        ("{main: b, x: {from: a, weight: true}}", 41, "the weight of an output is a number above 0, not true"),
        ("{main: b, x: {from: a, when: 1}}", 39, "expected true or false, not the number 1"),
        ("{main: b, x: {from: a, train_only: yes}}", 45, "expected true or false, not the text 'yes'"),
        ("[b]", 10, "'outputs' is a mapping from names to nodes, not a list"),
        ("b", 10, "'outputs' is a mapping from names to nodes, not the text 'b'"),
        ("{}", 10, "'outputs' is a mapping from names to nodes, not an empty mapping"),
        ("{main: b, 2x: a}", 20, "an output's name is made of letters, digits and '_', and begins with no digit, unlike '2x'"),
        ("{main: b, x: {from: [a]}}", 30, "the output 'x' needs `from`, the name of a node"),
        ("{main: b, x: {from: a, when: [true]}}", 39, "'when' is true or false, not a list"),
    ],
)  # fmt: skip
def test_what_an_output_cannot_be(outputs, column, message):
    assert (column, message) in faults(outputs)


def test_probabilities_before_the_loss_are_warned_of_at_every_head():
    layers = LAYERS.replace("    name: b\n", "  - softmax:\n    name: b\n")
    warnings = graph("{main: a, p: {from: b, train_only: $deep}}", layers).warnings
    assert [(w.place.line, w.message) for w in warnings] == [
        (8, "the loss, cross-entropy, applies softmax itself: applied twice, it learns slowly")
    ]
    inside = LAYERS.replace("    name: a\n", "  - softmax:\n    name: a\n")
    text = f"cnnbuild: 1\n{inside}".replace("vars: {deep: true}\n", "")
    assert elaborate(
        parse_architecture(parse_yaml(text, "net.yaml")), DataContract("data", 3, 8, 8, 10)
    ).warnings == ()  # fmt: skip
