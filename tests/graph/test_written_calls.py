"""What is said of calls that elaboration does not reach."""

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.written_calls import library_faults
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.library import parse_library
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.layers.registry import standard_registry

DATA = DataContract("data", 3, 8, 8, 10)
LAYERS = "layers:\n  - flatten\n  - linear: $data.classes\n"


def faults(text):
    with pytest.raises(DocumentError) as caught:
        elaborate(parse_architecture(parse_yaml(f"cnnbuild: 1\n{text}", "net.yaml")), DATA)
    return [(p.place.line, p.message) for p in caught.value.problems]


def of_library(text):
    found = library_faults(
        parse_library(parse_yaml(f"cnnbuild: 1\n{text}", "blocks.yaml")), standard_registry()
    )
    return [(p.place.line, p.message) for p in (*found.errors, *found.warnings)]


def test_a_block_that_nobody_calls_is_read_all_the_same():
    text = (
        "vars: {unit: relu}\nblocks:\n  idle:\n    layers:\n      - conv: {out_chanels: 3}\n"
        "      - residual: {body: [covn, basic: {strid: 2}]}\n      - relu:\n        repeat: 2\n        first: {x: 1}\n"
        + LAYERS.replace("flatten", "$unit")
    )
    assert faults(text) == [
        (6, "'conv' has no parameter 'out_chanels'"),
        (7, "unknown layer type 'covn'"),
        (7, "'basic' has no parameter 'strid'"),
        (10, "'relu' has no parameter 'x'"),
        (13, "linear takes a flat input, not (3, 8, 8)"),
    ]


def test_a_node_that_its_when_drops_is_read_all_the_same():
    text = "layers:\n  - conv: {kernal_size: 3}\n    when: false\n  - flatten\n  - linear: $data.classes\n"
    assert faults(text) == [(3, "'conv' has no parameter 'kernal_size'")]


def test_what_elaboration_says_is_said_once():
    assert faults("layers:\n  - conv: {out_chanels: 3}\n  - flatten\n  - linear: $data.classes\n") == [
        (3, "'conv' has no parameter 'out_chanels'")
    ]


def test_a_file_of_blocks_is_checked_without_a_network():
    text = (
        "defaults:\n  conv: {bais: false}\nblocks:\n  one:\n    params: {a: 1, b: int}\n    layers:\n"
        "      - conv: {out_channels: $(a + widht), kernel_size: 3}\n      - covn\n      - two: {c: 3}\n"
        "      - foreach: {row: [1]}\n        do: [dropout: $(row / 10 + i + in.channels + data.classes)]\n"
        "  two:\n    params: {d: 1}\n    layers: [dropout: $d]\n"
    )
    assert of_library(text) == [
        (3, "'conv' has no parameter 'bais'"),
        (8, "unknown name 'widht'"),
        (9, "unknown layer type 'covn'"),
        (10, "'two' has no parameter 'c'"),
        (6, "the parameter 'b' of block 'one' changes nothing"),
    ]


def test_the_number_of_the_copy_in_first_is_warned_of():
    text = (
        "cnnbuild: 1\nlayers:\n  - conv: {out_channels: 3, kernel_size: 1}\n    repeat: 2\n"
        "    first: {stride: $(i + 1)}\n  - flatten\n  - linear: $data.classes\n"
    )
    graph = elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DATA)
    assert [(p.place.line, p.message) for p in graph.warnings] == [
        (5, "`i` is always 0 in 'first': it is the number of the copy")
    ]


def test_attributes_that_do_not_exist_are_seen_without_a_network():
    text = (
        "blocks:\n  one:\n    layers:\n      - conv: {out_channels: $in.chanels, kernel_size: $data.size}\n"
        "      - dropout: $(block.features / in.channels / data.classes)\n"
    )
    assert of_library(text) == [
        (5, "'in' has no attribute 'chanels'"),
        (5, "'data' has no attribute 'size'"),
    ]
