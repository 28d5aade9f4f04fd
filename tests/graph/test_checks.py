"""What is wrong with a network as a whole, and what in its file changes nothing."""

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml

DATA = DataContract("data", 3, 8, 8, 10)
END = "  - flatten\n  - linear: $data.classes\n"


def build(text):
    return elaborate(parse_architecture(parse_yaml(f"cnnbuild: 1\n{text}", "net.yaml")), DATA)


def warnings(text):
    return [(p.place.line, p.message) for p in build(text).warnings]


def faults(text):
    with pytest.raises(DocumentError) as caught:
        build(text)
    return [(p.place.line, p.message, p.help) for p in caught.value.problems]


def test_a_network_that_uses_everything_has_no_warnings():
    assert warnings(f"vars: {{n: 4}}\nlayers:\n  - conv: {{out_channels: $n, kernel_size: 1}}\n{END}") == []


@pytest.mark.parametrize(
    ("last", "message", "help_text"),
    [
        ("flatten", "the network ends with (192,), and 10 classes need (10,)", "end it with `- linear: $data.classes`"),
        ("relu", "the network ends with (3, 8, 8), and 10 classes need (10,)",
         "end it with `- linear: $data.classes`, after `- flatten`"),
    ],
)  # fmt: skip
def test_the_last_node_gives_one_number_for_each_class(last, message, help_text):
    assert faults(f"layers:\n  - {last}\n") == [(3, message, help_text)]


def test_a_network_that_drops_everything_ends_with_its_input():
    text = "layers:\n  - relu:\n    when: false\n"
    assert faults(text)[0][:2] == (3, "the network ends with (3, 8, 8), and 10 classes need (10,)")


def test_every_output_that_nobody_uses_is_an_error():
    text = (
        "layers:\n  - relu:\n    name: a\n  - dropout:\n    name: lost\n  - batch_norm:\n    from: a\n"
        "  - concat:\n      l:\n        - relu:\n          name: dead\n        - relu:\n          from: block\n"
        "      r: identity\n" + END
    )
    assert [(line, message) for line, message, _ in faults(text)] == [
        (5, "nobody uses the output of 'lost'"),
        (11, "nobody uses the output of 'l.dead'"),
    ]


def test_variables_that_change_nothing_are_warned_of():
    text = f"vars:\n  used: 1\n  unused: 2\n  through: $used\nlayers:\n  - relu:\n    repeat: $through\n{END}"
    assert warnings(text) == [(4, "the variable 'unused' changes nothing")]


@pytest.mark.parametrize(
    "use",
    ["  - relu:\n    when: $(v == 1)\n", "  - relu:\n    repeat: $v\n", "  - relu:\n    name: a$v\n",
     "  - foreach: {a: [$v]}\n    do: [relu]\n", "  - dropout: $(v / 2)\n",
     "  - residual:\n      body:\n        - dropout: $(v / 4)\n"],
)  # fmt: skip
def test_any_use_of_a_variable_counts(use):
    assert warnings(f"vars: {{v: 1}}\nlayers:\n{use}{END}") == []


def test_parameters_that_change_nothing_are_warned_of():
    text = f"blocks:\n  b:\n    params: {{used: 1, unused: 2}}\n    layers:\n      - relu:\n        repeat: $used\nlayers:\n  - b\n{END}"
    assert warnings(text) == [(4, "the parameter 'unused' of block 'b' changes nothing")]


def test_blocks_that_are_never_called_are_warned_of():
    blocks = "blocks:\n  a:\n    layers: [relu]\n  b:\n    layers: [a]\n  c:\n    layers: [relu]\n"
    assert warnings(f"{blocks}layers:\n  - b\n{END}") == [(7, "the block 'c' is never called")]


def test_blocks_that_a_variable_may_choose_are_not_warned_of():
    blocks = "blocks:\n  a:\n    layers: [relu]\n  b:\n    layers: [relu]\n"
    assert warnings(f"vars: {{unit: a}}\n{blocks}layers:\n  - $unit\n{END}") == []
    assert warnings(f"{blocks}layers:\n  - $('a' if data.channels == 3 else 'b')\n{END}") == []


def test_a_warning_is_shown_like_an_error():
    (warning,) = build(f"vars: {{unused: 1}}\nlayers:\n{END}").warnings
    assert str(warning) == (
        "net.yaml:2:8: warning: the variable 'unused' changes nothing\n"
        "    2 | vars: {unused: 1}\n"
        "      |        ^^^^^^\n"
        "      = help: remove it"
    )


def test_faults_of_form_and_of_meaning_are_reported_together_in_the_order_of_the_file():
    text = "titel: x\nlayers:\n  - rleu\n  - 3\n  - linear: $data.clases\n"
    assert [(line, message) for line, message, _ in faults(text)] == [
        (2, "unknown key 'titel' in the architecture"),
        (4, "unknown layer type 'rleu'"),
        (5, "a node is a layer type, not the number 3"),
        (6, "'data' has no attribute 'clases' (it has: channels, height, width, classes)"),
    ]


def test_defaults_of_a_type_that_the_file_never_uses_are_warned_of():
    text = f"defaults:\n  max_pool: {{stride: 2}}\n  linear: {{bias: false}}\nlayers:\n  - residual: {{body: [relu]}}\n{END}"
    assert warnings(text) == [(3, "the defaults of 'max_pool' change nothing: the file has no 'max_pool'")]


@pytest.mark.parametrize(
    "text",
    [
        "vars: {unit: relu}\nlayers:\n  - $unit\n",
        "blocks:\n  b:\n    params: {act: layer}\n    layers:\n      - $act\nlayers:\n  - b: {act: {max_pool: 2}}\n",
        "layers:\n  - $('relu' if data.channels == 3 else 'max_pool')\n",
        "layers:\n  - add: {a: identity, b: [{max_pool: {kernel_size: 1}}]}\n",
    ],
)
def test_defaults_that_may_be_reached_are_not_warned_of(text):
    assert warnings(f"defaults: {{max_pool: {{stride: 1}}}}\n{text}{END}") == []


def test_variants_that_set_what_the_file_says_anyway_are_warned_of():
    text = (
        "vars: {n: 4, on: true, widths: [1, 2]}\nvariants:\n"
        "  same: {n: 4}\n  lists: {widths: [1, 2], on: true}\n  empty: {}\n  number: {on: 1, n: 4}\n  other: {n: 4, widths: [2, 2]}\n"
        f"layers:\n  - conv: {{out_channels: $(n + widths[0]), kernel_size: 1}}\n    when: $on\n{END}"
    )
    assert warnings(text) == [
        (4, "the variant 'same' sets only what `vars` say anyway"),
        (5, "the variant 'lists' sets only what `vars` say anyway"),
    ]


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("relu", "the network ends with relu, and cross-entropy takes numbers of any size and sign"),
        ("sigmoid", "the network ends with sigmoid, and cross-entropy takes numbers of any size and sign"),
        ("dropout", "the network ends with dropout, which sets whole scores to zero in training"),
        ("softmax", "the loss, cross-entropy, applies softmax itself: applied twice, it learns slowly"),
    ],
)
def test_what_spoils_the_logits_is_warned_of(last, message):
    assert warnings(f"layers:\n{END}  - {last}\n") == [(5, message)]
    assert warnings(f"layers:\n{END}  - identity\n") == []
