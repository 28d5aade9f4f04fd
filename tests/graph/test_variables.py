"""Variables, variants and overrides, and what a block sees of them."""

import pytest

from cnnbuild.errors import UsageError
from tests.graph.small_networks import build, channels, screen

CONV = "  - conv: {out_channels: $width, kernel_size: 1}\n"
HEAD = "vars: {base: 4, width: $(base * 2)}\nvariants: {small: {base: 2}, odd: {width: 7}, same: {}}\n"


def test_a_variable_may_use_those_before_it():
    assert channels(build(CONV, HEAD)) == [8]


def test_variants_come_first_and_overrides_last():
    assert channels(build(CONV, HEAD, variant="small")) == [4]
    assert channels(build(CONV, HEAD, variant="odd")) == [7]
    assert channels(build(CONV, HEAD, variant="same")) == [8]
    assert channels(build(CONV, HEAD, variant="small", overrides={"base": 5})) == [10]
    assert channels(build(CONV, HEAD, variant="odd", overrides={"base": 5})) == [7]
    assert channels(build(CONV, HEAD, variant="odd", overrides={"width": 9})) == [9]


def test_an_override_may_be_an_expression_a_list_or_a_layer():
    assert channels(build(CONV, HEAD, overrides={"width": "$(base + 1)"})) == [5]
    layers = "  - foreach: {n: $widths}\n    do:\n      - conv: {out_channels: $n, kernel_size: 1}\n"
    assert channels(build(layers, "vars: {widths: [1]}\n", overrides={"widths": [4, 5]})) == [4, 5]
    graph = build(
        "  - $act\n", "vars: {act: relu}\n", overrides={"act": {"leaky_relu": {"negative_slope": 0.5}}}
    )
    assert graph.nodes[0].layer.negative_slope == 0.5


def test_variables_know_the_data_but_no_tensor():
    assert channels(build(CONV, "vars: {width: $(data.classes + data.height)}\n")) == [18]
    assert screen(CONV, "vars: {width: $in.channels}\n") == (
        "net.yaml:2:16: error: unknown name 'in'\n"
        "    2 | vars: {width: $in.channels}\n"
        "      |                ^^^^^^^^^^^\n"
        "      = help: `in` is the tensor that enters a node: only the node's parameters see it"
    )


def test_a_variable_cannot_use_a_later_one():
    assert screen(CONV, "vars: {width: $base, base: 4}\n") == (
        "net.yaml:2:16: error: unknown name 'base'\n"
        "    2 | vars: {width: $base, base: 4}\n"
        "      |                ^^^^\n"
        "      = help: 'base' stands later, and a variable sees those before it"
    )


def test_a_faulty_variable_is_reported_once_however_often_it_is_used():
    text = screen(CONV * 3, "vars: {width: $(1 // 0)}\n")
    assert text.count("error") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "smal"}, "net.yaml: the architecture has no variant 'smal'; did you mean 'small'?"),
        ({"variant": "x"}, "net.yaml: the architecture has no variant 'x'; it has: odd, same, small"),
        (
            {"overrides": {"widht": 3}},
            "net.yaml: the architecture has no variable 'widht'; did you mean 'width'?",
        ),
        ({"overrides": {"zzz": 3}}, "net.yaml: the architecture has no variable 'zzz'; it has: base, width"),
    ],
)
def test_an_unknown_variant_or_variable_is_an_error_of_usage(options, message):
    with pytest.raises(UsageError) as caught:
        build(CONV, HEAD, **options)
    assert str(caught.value) == message


def test_a_file_without_variables_says_so():
    with pytest.raises(UsageError) as caught:
        build("  - relu\n", overrides={"a": 1})
    assert str(caught.value) == "net.yaml: the architecture has no variable 'a'; it has no variables"
    with pytest.raises(UsageError) as caught:
        build("  - relu\n", variant="a")
    assert str(caught.value) == "net.yaml: the architecture has no variant 'a'; it has no variants"


def test_a_fault_in_an_override_is_shown_as_it_was_typed():
    assert screen(CONV, HEAD, overrides={"width": "$(base * hight)"}) == (
        "--set:1:16: error: unknown name 'hight'\n"
        "    1 | width=$(base * hight)\n"
        "      |                ^^^^^\n"
        "      = help: known names: base, block, data"
    )


def test_a_value_from_an_override_that_does_not_fit_is_traced_to_it():
    assert screen(CONV, HEAD, overrides={"width": "wide"}) == (
        "net.yaml:5:26: error: 'out_channels' of conv: expected a whole number, not the text 'wide'\n"
        "    5 |   - conv: {out_channels: $width, kernel_size: 1}\n"
        "      |                          ^^^^^^\n"
        "      = width is 'wide' (--set)"
    )


def test_a_value_from_a_variant_that_does_not_fit_is_traced_to_it():
    head = "vars: {width: 8}\nvariants:\n  bad: {width: 2.5}\n"
    assert screen(CONV, head, variant="bad") == (
        "net.yaml:6:26: error: 'out_channels' of conv: expected a whole number, not the number 2.5\n"
        "    6 |   - conv: {out_channels: $width, kernel_size: 1}\n"
        "      |                          ^^^^^^\n"
        "      = width is 2.5 (line 4)\n"
        "      = help: divide with `//`, or use round(), floor(), ceil() or round_to()"
    )


def block(parameters, layers):
    return f"vars: {{width: 8}}\nblocks:\n  b:\n    params: {parameters}\n    layers:\n{layers}"


def test_a_block_sees_its_parameters_data_in_and_block():
    head = block(
        "{n: int}",
        "      - conv: {out_channels: $(n + data.classes), kernel_size: 1}\n"
        "      - conv: {out_channels: $(in.channels + block.channels + in.height), kernel_size: 1}\n",
    )
    assert channels(build("  - b: $width\n", head)) == [18, 29]  # 8 + 10; 18 + 3 + 8


def test_the_default_of_a_parameter_may_use_parameters_before_it_but_no_variables():
    layers = "      - conv: {out_channels: $m, kernel_size: 1}\n"
    assert channels(build("  - b: 5\n", block("{n: int, m: $(n * 2)}", layers))) == [10]
    assert screen("  - b: 5\n", block("{n: int, m: $width}", layers)).split("\n")[0] == (
        "net.yaml:5:26: error: unknown name 'width'"
    )


def test_in_flat_tensors_have_features():
    layers = "  - flatten\n  - linear: $(in.features // 2)\n"
    assert channels(build(layers)) == [96, 96]  # the second is what `flatten` makes of it
    assert screen("  - conv: {out_channels: $in.features, kernel_size: 1}\n") == (
        "net.yaml:3:30: error: 'in' has no attribute 'features' (it has: channels, height, width)\n"
        "    3 |   - conv: {out_channels: $in.features, kernel_size: 1}\n"
        "      |                              ^^^^^^^^\n"
    ).rstrip("\n")


def test_defaults_see_the_variables_of_the_file_even_inside_a_block():
    head = "defaults: {conv: {kernel_size: $k, out_channels: $in.channels}}\nvars: {k: 3}\n"
    graph = build("  - b\n", head + "blocks:\n  b:\n    layers:\n      - conv: {stride: 2}\n")
    assert graph.nodes[0].shape == (3, 3, 3)


def test_defaults_are_for_layers_and_written_parameters_win():
    head = "defaults: {conv: {kernel_size: 3, padding: half, bias: false}}\n"
    graph = build(
        "  - conv: {out_channels: 4}\n  - conv: {out_channels: 4, kernel_size: 5, bias: true}\n", head
    )
    assert [node.parameters for node in graph.nodes[:2]] == [4 * 3 * 9, 4 * 4 * 25 + 4]
    assert [node.shape for node in graph.nodes[:2]] == [(4, 8, 8), (4, 8, 8)]


@pytest.mark.parametrize(
    ("defaults", "message"),
    [
        ("{b: {n: 1}}", "'b' is a block, and defaults are for layer types"),
        ("{residul: {}}", "unknown layer type 'residul'"),
        ("{foreach: {a: 1}}", "'foreach' has no parameters that could have defaults"),
        ("{relu: {slope: 1}}", "'relu' has no parameter 'slope'"),
    ],
)
def test_defaults_that_could_never_act_are_refused(defaults, message):
    head = f"defaults: {defaults}\nblocks: {{b: {{params: {{n: 1}}, layers: [{{conv: {{out_channels: $n, kernel_size: 1}}}}]}}}}\n"
    assert message in screen("  - b\n", head).split("\n")[0]


ROWS = "  - foreach: {s: [1, 2, 4]}\n    do:\n      - conv: {out_channels: $(width * s), kernel_size: 1}\n"


def test_a_faulty_value_is_reported_once_for_all_rows_copies_and_calls():
    assert screen(ROWS, HEAD, overrides={"width": "abc"}) == (
        "net.yaml:7:38: error: '*' is not defined for a text and the number 1\n"
        "    7 |       - conv: {out_channels: $(width * s), kernel_size: 1}\n"
        "      |                                      ^\n"
        "      = s is 1 (line 5)\n"
        "      = width is 'abc' (--set)"
    )
    head = "blocks: {b: {params: {n: int}, layers: [{conv: {out_channels: $(0 - n), kernel_size: 1}}]}}\n"
    assert screen("  - b: 1\n  - b: 2\n  - b: $(i + 3)\n    repeat: 2\n", head).count("error") == 1


def test_different_faults_of_one_place_are_all_reported():
    assert (
        screen(
            "  - foreach: {n: [-1, a, true]}\n    do:\n      - conv: {out_channels: $n, kernel_size: 1}\n"
        ).count("error")
        == 3
    )
    assert screen("  - conv: {}\n    repeat: 2\n").count("error") == 2  # it lacks two parameters
