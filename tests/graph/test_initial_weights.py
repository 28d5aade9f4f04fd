"""`init`: which initialiser each weight gets, from the node or the defaults of its file."""

import pytest

from cnnbuild.studies.plan import describe_graph
from tests.graph.small_networks import build, fault, faults, screen


def given(graph):
    """Of each node that has any: weight -> the initialiser's word and what it was given."""
    return {
        node.name: {
            weight: (initializer.word, initializer.model_dump(exclude_unset=True))
            for weight, initializer in node.initial
        }
        for node in graph.nodes
        if node.initial
    }


CONV = "  - conv: {out_channels: 4, kernel_size: 1}\n"


def test_the_defaults_and_the_node_are_joined_weight_by_weight():
    graph = build(
        CONV + CONV + "    init: {bias: {constant: 0.5}}\n" + CONV + "    init: {weight: ones}\n",
        "defaults:\n  conv: {init: {weight: {normal: {std: 0.1}}, bias: zeros}}\n",
    )
    normal = ("normal", {"std": 0.1})
    assert given(graph) == {
        "conv_1": {"weight": normal, "bias": ("zeros", {})},
        "conv_2": {"weight": normal, "bias": ("constant", {"val": 0.5})},
        "conv_3": {"weight": ("ones", {}), "bias": ("zeros", {})},
    }


def test_a_default_for_a_weight_that_a_layer_lacks_leaves_that_layer_alone():
    head = "defaults:\n  conv: {init: {bias: ones}}\n"
    graph = build("  - conv: {out_channels: 4, kernel_size: 1, bias: false}\n" + CONV, head)
    assert given(graph) == {"conv_2": {"bias": ("ones", {})}}
    assert graph.warnings == ()
    (warning,) = build("  - conv: {out_channels: 4, kernel_size: 1, bias: false}\n", head).warnings
    assert str(warning) == (
        "net.yaml:3:17: warning: this 'init' changes nothing: no layer of the type has such a weight here\n"
        "    3 |   conv: {init: {bias: ones}}\n"
        "      |                 ^^^^\n"
        "      = help: `cnnbuild layers TYPE` names the weights of a type"
    )


def test_values_may_be_computed_from_the_input_the_variables_and_the_copy():
    graph = build(
        "  - conv: {out_channels: 4, kernel_size: 1}\n    repeat: 2\n"
        "    init: {weight: {normal: {std: $(1 / in.channels)}}, bias: {constant: $(i + b)}}\n"
        "  - $name: {out_channels: 4, kernel_size: 1}\n    init: {weight: $how}\n",
        "vars: {b: 0.5, name: conv, how: ones}\n",
    )
    assert given(graph) == {
        "0": {"weight": ("normal", {"std": 1 / 3}), "bias": ("constant", {"val": 0.5})},
        "1": {"weight": ("normal", {"std": 0.25}), "bias": ("constant", {"val": 1.5})},
        "conv_1": {"weight": ("ones", {})},
    }


BLOCK = (
    "blocks:\n  unit:\n    params: {{norm: {{type: layer, default: {0}}}, size: 0.25}}\n    layers:\n"
    "      - $norm:\n        init: {{weight: {{constant: $(size * in.channels)}}}}\n"
)


@pytest.mark.parametrize("norm", ["batch_norm", "{batch_norm: {momentum: 0.2}}"])
def test_init_beside_a_parameter_of_type_layer_means_what_it_means_in_the_block(norm):
    # `size` is the block's, whatever is called so where the layer was written.
    graph = build(
        "  - unit\n  - unit: {norm: {batch_norm: {eps: $size}}}\n",
        "vars: {size: 0.125}\n" + BLOCK.format(norm),
    )
    assert given(graph) == {
        "batch_norm_1": {"weight": ("constant", {"val": 0.75})},
        "batch_norm_2": {"weight": ("constant", {"val": 0.75})},
    }
    assert graph.nodes[1].layer.eps == 0.125


def test_a_fault_in_init_beside_a_held_layer_is_shown_where_it_is_written():
    text = BLOCK.format("{batch_norm: {momentum: 0.2}}").replace("constant: $(", "constant: $('a' * ")
    assert fault("  - unit\n", text)[:2] == (7, 41)
    slip = BLOCK.format("{batch_norm: {momentum: 0.2}}").replace("init: {weight", "init: {wieght")
    assert screen("  - unit\n", slip) == (
        "net.yaml:7:16: error: this batch_norm has no weight 'wieght'\n"
        "    7 |         init: {wieght: {constant: $(size * in.channels)}}\n"
        "      |                ^^^^^^\n"
        "      = in block 'unit', called at line 9\n"
        "      = help: did you mean 'weight'?"
    )
    layer = BLOCK.format("{batch_norm: {momentum: 0.2}}").replace(
        "{constant: $(size * in.channels)}", "$norm"
    )
    assert fault("  - unit\n", layer)[2] == "a layer cannot be the value of a parameter here"


def test_the_order_in_the_file_does_not_matter():
    one = build(CONV + "    init: {weight: {normal: {std: 1}}, bias: {normal: {std: 2}}}\n")
    other = build(CONV + "    init: {bias: {normal: {std: 2}}, weight: {normal: {std: 1}}}\n")
    assert [word for word, _ in one.nodes[0].initial] == ["weight", "bias"]
    assert describe_graph(one) == describe_graph(other)


def test_what_is_shared_begins_once():
    graph = build(CONV.replace("4", "3") + "    name: a\n    init: {weight: ones}\n  - share: a\n")
    assert given(graph) == {"a": {"weight": ("ones", {})}}
    assert graph.nodes[1].initial == ()


def test_defaults_act_in_the_files_blocks_and_see_its_variables():
    graph = build(
        "  - unit: 4\n",
        "vars: {std: 0.5}\ndefaults:\n  conv: {init: {weight: {normal: {std: $std}}}}\n"
        "blocks:\n  unit:\n    params: {n: int, std: 3}\n    layers:\n"
        "      - conv: {out_channels: $n, kernel_size: $std, padding: 1}\n",
    )
    assert given(graph) == {"conv_1": {"weight": ("normal", {"std": 0.5})}}
    assert graph.nodes[0].layer.kernel_size == (3, 3)


def test_every_fault_of_an_init_is_reported_at_once():
    assert faults(
        CONV + "    init: {weight: {normal: {std: -1}}, bias: {trunc_normal: {a: 2, b: 1}}, gain: ones}\n"
        "  - flatten\n  - linear: 4\n    init: {weight: dirac, bias: eye}\n"
        "  - linear: 4\n    init: {weight: {sparse: 2}, bias: {constant: }}\n"
    ) == [
        (4, 35, "'std' of normal: expected a number of at least 0.0, not the number -1"),
        (4, 66, "trunc_normal: a must be below b, and here they are 2.0 and 1.0"),
        (4, 77, "this conv has no weight 'gain'"),
        (7, 20, "dirac fills weights of 4 axes, and 'weight' is (4, 256)"),
        (7, 33, "eye fills weights of 2 axes, and 'bias' is (4,)"),
        (9, 29, "'sparsity' of sparse: expected a number of at most 1.0, not the number 2"),
        (9, 40, "constant needs 'val'"),
    ]
