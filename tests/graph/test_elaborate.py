"""Blocks, parameters of type layer, and what one walk through a document gives."""

from pathlib import Path

import pytest

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.reader import parse_yaml
from tests.graph.small_networks import END, build, channels, screen

ACT = "blocks:\n  b:\n    params: {act: {type: layer, default: relu}}\n    layers:\n      - $act\n"


def types(graph):
    return [node.layer.type_name for node in graph.nodes][:-2]


def test_the_shipped_architectures_have_the_sizes_that_they_expect():
    folder = Path(__file__).parents[2] / "architectures"
    paths = sorted([*folder.glob("*.yaml"), *folder.glob("zoo/*.yaml")])
    checked = 0
    for path in paths:
        document = read_architecture(path)
        for expectation, _ in document.expectations:
            contract = DataContract("expected", *expectation.input, expectation.classes)
            graph = elaborate(document, contract, variant=expectation.variant, overrides=expectation.vars)
            assert expectation.parameters in (None, graph.parameters), path.name
            assert expectation.macs in (None, graph.macs), path.name
            assert graph.nodes[graph.output].shape == (expectation.classes,)
            checked += 1
    assert checked >= 10


def test_a_small_network_has_the_shapes_weights_and_multiply_adds_of_a_hand_count():
    graph = build(
        "  - conv: {out_channels: 4, kernel_size: 3, stride: 2}\n  - batch_norm\n  - relu\n  - max_pool: 3\n"
    )
    assert [(node.name, node.shape, node.parameters, node.macs) for node in graph.nodes] == [
        ("conv_1", (4, 3, 3), 112, 972),  # 4 * 27 + 4; 4 * 9 * 27
        ("batch_norm_1", (4, 3, 3), 8, 0),
        ("relu_1", (4, 3, 3), 0, 0),
        ("max_pool_1", (4, 1, 1), 0, 0),
        ("flatten_1", (4,), 0, 0),
        ("head", (10,), 50, 40),
    ]
    assert (graph.parameters, graph.macs) == (170, 1012)
    assert graph.nodes[0].origin.line == 3


def test_the_same_file_runs_on_other_data():
    text = "cnnbuild: 1\nlayers:\n  - conv: {out_channels: 2, kernel_size: 3}\n" + END
    document = parse_architecture(parse_yaml(text, "net.yaml"))
    sizes = [
        elaborate(document, DataContract("d", c, h, w, n)).parameters
        for c, h, w, n in ((1, 5, 4, 3), (3, 8, 8, 10))
    ]
    assert sizes == [20 + 12 * 3 + 3, 56 + 72 * 10 + 10]


@pytest.mark.parametrize(
    ("argument", "type_name"),
    [
        ("", "relu"), ("{act: dropout}", "dropout"), ("{act: {leaky_relu: 0.1}}", "leaky_relu"),
        ("{act: {leaky_relu: {negative_slope: 0.1}}}", "leaky_relu"), ("{act: $chosen}", "dropout"),
        ("{act: {$chosen: 0.5}}", "dropout"), ("{act: {inner: {}}}", "sigmoid"), ("{act: inner}", "sigmoid"),
    ],
)  # fmt: skip
def test_a_parameter_of_type_layer_takes_a_name_or_a_mapping(argument, type_name):
    head = f"vars: {{chosen: dropout}}\n{ACT}  inner:\n    layers:\n      - sigmoid\n"
    assert types(build(f"  - b: {argument}\n  - inner\n", head))[0] == type_name


def test_the_values_of_a_layer_are_those_of_the_place_where_it_was_written():
    head = f"vars: {{slope: 0.25}}\n{ACT}"
    graph = build("  - b: {act: {leaky_relu: $slope}}\n", head)
    assert graph.nodes[0].layer.negative_slope == 0.25


def test_a_layer_that_is_passed_on_through_blocks_keeps_its_values():
    head = (
        ACT
        + "  outer:\n    params: {a: layer, s: 0.5}\n    layers:\n      - b: {act: $a}\n      - b: {act: {leaky_relu: $s}}\n"
    )
    graph = build(
        "  - outer: {leaky_relu: 0.125}\n".replace("outer: {leaky", "outer: {a: {leaky").replace(
            "125}", "125}}"
        ),
        head,
    )
    assert [node.layer.negative_slope for node in graph.nodes[:2]] == [0.125, 0.5]


def test_a_parameter_of_type_layer_with_arguments_of_its_own_is_a_type_key():
    head = "blocks:\n  b:\n    params: {norm: layer}\n    layers:\n      - $norm: {p: 0.5}\n"
    assert types(build("  - b: dropout\n", head)) == ["dropout"]
    assert screen("  - b: {norm: {dropout: 0.5}}\n", head).split("\n")[0] == (
        "net.yaml:6:16: error: '$norm' holds a layer with its own parameters here, and gets more"
    )


def test_a_layer_value_has_no_siblings():
    assert screen("  - b: {act: {relu: , repeat: 2}}\n", ACT) == (
        "net.yaml:8:23: error: a layer that is given as a value has no 'repeat'\n"
        "    8 |   - b: {act: {relu: , repeat: 2}}\n"
        "      |                       ^^^^^^\n"
        "      = help: write it beside the node that uses the value"
    )


def test_a_layer_is_no_number():
    head = "blocks:\n  b:\n    params: {act: layer}\n    layers:\n      - conv: {out_channels: 2, kernel_size: [$act, 3]}\n"
    assert screen("  - b: {act: {relu: }}\n", head).split("\n")[0] == (
        "net.yaml:6:46: error: a layer cannot be the value of a parameter here"
    )


def test_a_scalar_sets_the_only_required_parameter_of_a_block():
    head = "blocks:\n  b:\n    params: {k: 1, n: int}\n    layers:\n      - conv: {out_channels: $n, kernel_size: $k}\n"
    assert channels(build("  - b: 6\n", head)) == [6]
    assert channels(build("  - b: {n: 5.0}\n", head)) == [5]
    head = "blocks:\n  b:\n    params: {k: int, n: int}\n    layers:\n      - conv: {out_channels: $n, kernel_size: $k}\n"
    assert screen("  - b: 6\n", head) == (
        "net.yaml:8:8: error: 'b' takes no single value, and here it gets the number 6\n"
        "    8 |   - b: 6\n"
        "      |        ^\n"
        "      = help: name the parameter, one of k, n: `- b: {k: …}`"
    )


@pytest.mark.parametrize(
    ("kind", "fits", "misfit"),
    [
        ("int", "3", "2.5"), ("int", "3.0", "true"), ("float", "3", "x"), ("float", "2.5", "[1]"), ("bool", "true", "1"),
        ("str", "x", "3"), ("list", "[1, 2]", "3"), ("layer", "relu", "3"), ("layer", "{relu: }", "[relu]"),
    ],
)  # fmt: skip
def test_an_argument_has_the_type_of_its_parameter(kind, fits, misfit):
    head = f"blocks:\n  b:\n    params: {{p: {kind}}}\n    layers:\n      - relu:\n        when: $(p == p)\n"
    build(f"  - b: {{p: {fits}}}\n", head)
    assert f"the parameter 'p' is of type {kind}, and here it gets" in screen(
        f"  - b: {{p: {misfit}}}\n", head
    )


def test_a_mistake_in_a_block_that_is_called_often_is_shown_once():
    head = "blocks:\n  b:\n    layers:\n      - rleu\n"
    assert screen("  - b\n  - b\n  - b\n", head).count("error") == 1


def test_blocks_may_hold_themselves_as_values_but_never_call_themselves():
    head = "blocks:\n  b:\n    params: {inner: layer}\n    layers:\n      - $inner\n"
    assert types(build("  - b: {inner: {b: {inner: relu}}}\n", head)) == ["relu"]
    assert "the block 'b' calls itself: b -> b" in screen("  - b: {inner: b}\n", head)


def test_resnet152_is_elaborated_in_a_fraction_of_a_second():
    import time

    document = read_architecture(Path(__file__).parents[2] / "architectures" / "resnet.yaml")
    contract = DataContract("imagenet", 3, 224, 224, 1000)
    began = time.process_time()
    graph = elaborate(document, contract, variant="resnet152")
    assert time.process_time() - began < 0.5  # about 0.05 s on an idle core
    assert graph.parameters == 60192808
