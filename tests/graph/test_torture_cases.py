"""Cases on which tools that count parameters, multiply-adds and receptive fields differ, each worked by hand.

Fields are (size, stride, start) on the height, and of single outputs the first and last pixel that they see.
"""

from __future__ import annotations

from fractions import Fraction
from textwrap import dedent

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml

HALF = Fraction(1, 2)


HEAD = "- global_avg_pool\n- flatten\n- linear: $data.classes\n"


def net(layers: str, shape: tuple[int, int, int], *, head: str = HEAD) -> Graph:
    """The graph of some layers and a head for one image shape and 10 classes."""
    text = f"cnnbuild: 1\nlayers:\n{dedent(layers).lstrip()}{head}"
    return elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DataContract("pictures", *shape, 10))


def node(graph: Graph, name: str) -> GraphNode:
    (found,) = (each for each in graph.nodes if each.name == name)
    return found


def field(graph: Graph, name: str, axis: int = 0) -> tuple[int, Fraction, int]:
    """Size, stride and start of what the node of a name sees."""
    return field_of(node(graph, name), axis)


def field_of(each: GraphNode, axis: int = 0) -> tuple[int, Fraction, int]:
    """Size, stride and start of what a node sees without gates."""
    assert each.field is not None
    local = each.field[axis].local
    return local.size, local.stride, local.start


def seen(graph: Graph, name: str, *outputs: int) -> list[tuple[int, int] | None]:
    """First and last row that some outputs of a node see."""
    sees = node(graph, name).field
    assert sees is not None
    return [sees[0].whole.seen_by(output) for output in outputs]


def costs(graph: Graph, name: str) -> tuple[int, int]:
    """Parameters and multiply-adds."""
    return node(graph, name).parameters, node(graph, name).macs


def test_a_linear_layer_at_each_pixel_costs_its_weights_once_and_its_multiply_adds_at_each() -> None:
    """3 * 5 weights and 5 biases, applied to 8 * 6 pixels: 15 * 48 multiply-adds, not 15."""
    graph = net("- conv: {out_channels: 5, kernel_size: 1}\n", (3, 8, 6))
    assert costs(graph, "conv_1") == (20, 720)
    assert field(graph, "conv_1") == (1, 1, 0)


def test_a_linear_layer_of_a_whole_map_sees_everything() -> None:
    """3 * 4 * 5 values to 7: 420 weights and 7 biases, each weight used once."""
    graph = net("- flatten\n- linear: 7\n  name: all\n", (3, 4, 5), head="- linear: $data.classes\n")
    assert costs(graph, "all") == (427, 420)
    sees = node(graph, "all").field
    assert sees is not None
    assert [axis.whole.is_global for axis in sees] == [True, True]


def test_a_transposed_convolution_multiplies_each_input_with_the_whole_kernel() -> None:
    """2 * 3 * 9 weights and 3 biases; 2 * 5 * 5 inputs times 3 * 9, not the 9 * 9 outputs times 2 * 3 * 9."""
    graph = net("- conv_transpose: {out_channels: 3, kernel_size: 3, stride: 2, padding: 1}\n", (2, 5, 5))
    assert node(graph, "conv_transpose_1").shape == (3, 9, 9)
    assert costs(graph, "conv_transpose_1") == (57, 1350)


def test_outputs_of_a_transposed_convolution_see_one_input_or_two_in_turn() -> None:
    """Input i reaches 2 i - 1 + k. An even output 2 m is met by k = 1 alone, from m; an odd one, 2 m + 1, by k = 2 from
    m and by k = 0 from m + 1. Two outputs to an input: a stride of a half."""
    graph = net("- conv_transpose: {out_channels: 3, kernel_size: 3, stride: 2, padding: 1}\n", (2, 5, 5))
    assert field(graph, "conv_transpose_1") == (2, HALF, 0)
    assert seen(graph, "conv_transpose_1", 0, 1, 2, 3) == [(0, 0), (0, 1), (1, 1), (1, 2)]


def test_a_kernel_of_four_and_a_stride_of_two_spreads_evenly() -> None:
    """2 m is met by k = 3 from m - 1 and by k = 1 from m; 2 m + 1 by k = 2 from m and by k = 0 from m + 1."""
    graph = net("- conv_transpose: {out_channels: 1, kernel_size: 4, stride: 2, padding: 1}\n", (1, 4, 4))
    assert node(graph, "conv_transpose_1").shape == (1, 8, 8)
    assert costs(graph, "conv_transpose_1") == (17, 16 * 16)
    assert field(graph, "conv_transpose_1") == (2, HALF, -1)
    assert seen(graph, "conv_transpose_1", 0, 1, 2, 3) == [(-1, 0), (0, 1), (0, 1), (1, 2)]


def test_a_convolution_between_two_strides_and_a_transposed_one() -> None:
    """The strided e sees 2 e - 1 to 2 e + 1, and o of the doubled map sees what e = o // 2 does. The last convolution
    then sees from e = m - 1 to m where o = 2 m, that is 2 m - 3 to 2 m + 1; and from m to m + 1 where o = 2 m + 1."""
    graph = net(
        """
        - conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: half}
        - conv_transpose: {out_channels: 2, kernel_size: 2, stride: 2}
        - conv: {out_channels: 2, kernel_size: 3, padding: half}
        """,
        (1, 12, 12),
    )
    assert field(graph, "conv_transpose_1") == (3, 1, -1)
    assert seen(graph, "conv_transpose_1", 0, 1, 2) == [(-1, 1), (-1, 1), (1, 3)]
    assert field(graph, "conv_2") == (5, 1, -3)
    assert seen(graph, "conv_2", 0, 1, 2, 3) == [(-3, 1), (-1, 3), (-1, 3), (1, 5)]


def test_tied_weights_count_once_and_every_application_computes_and_sees_more() -> None:
    """4 * 4 * 9 weights and 4 biases, once; 144 * 36 multiply-adds, three times; 2 more pixels, three times."""
    graph = net(
        """
        - conv: {out_channels: 4, kernel_size: 3, padding: half}
          name: stem
        - conv: {out_channels: 4, kernel_size: 3, padding: half}
          name: step
        - share: step
        - share: step
        """,
        (4, 6, 6),
    )
    steps = [each for each in graph.nodes if each.layer.type_name == "conv"][1:]
    assert [step.parameters for step in steps] == [148, 0, 0]
    assert [step.macs for step in steps] == [5184] * 3
    assert [field_of(step) for step in steps] == [(5, 1, -2), (7, 1, -3), (9, 1, -4)]
    assert graph.parameters == 2 * 148 + 4 * 10 + 10


def test_a_module_that_is_used_at_two_sizes_has_costs_and_a_field_of_each_call() -> None:
    """3 * 3 * 9 weights and 3 biases. At 8x8 81 * 64 multiply-adds and a field of 3; behind a pool of 2, which makes 4
    pixels from -1 at a stride of 2, at 4x4 81 * 16 and 4 + 2 * 2 pixels from -1 - 2."""
    graph = net(
        """
        - conv: {out_channels: 3, kernel_size: 3, padding: half}
          name: unit
        - max_pool: 2
        - share: unit
        """,
        (3, 8, 8),
    )
    first, pool, second = graph.nodes[:3]
    assert [first.parameters, second.parameters] == [84, 0]
    assert [first.macs, second.macs] == [5184, 1296]
    assert [field_of(each) for each in (first, pool, second)] == [(3, 1, -1), (4, 2, -1), (8, 2, -3)]


def test_kernels_of_one_by_seven_and_seven_by_one_see_along_one_axis_each() -> None:
    """4 * 3 * 7 weights and 4 biases at 9 * 11 pixels, then 5 * 4 * 7 and 5."""
    graph = net(
        """
        - conv: {out_channels: 4, kernel_size: [1, 7], padding: half}
        - conv: {out_channels: 5, kernel_size: [7, 1], padding: half}
        """,
        (3, 9, 11),
    )
    assert costs(graph, "conv_1") == (88, 84 * 99)
    assert costs(graph, "conv_2") == (145, 140 * 99)
    assert [field(graph, "conv_1", axis) for axis in (0, 1)] == [(1, 1, 0), (7, 1, -3)]
    assert [field(graph, "conv_2", axis) for axis in (0, 1)] == [(7, 1, -3), (7, 1, -3)]


def test_strides_of_one_axis_leave_the_other_alone() -> None:
    """Rows: 1 pixel, then 7 at a stride of 2. Columns: 7 pixels at a stride of 3, which the 7x1 kernel keeps."""
    graph = net(
        """
        - conv: {out_channels: 2, kernel_size: [1, 7], stride: [1, 3], padding: half}
        - conv: {out_channels: 2, kernel_size: [7, 1], stride: [2, 1], padding: half}
        - conv: {out_channels: 2, kernel_size: 3, padding: half}
        """,
        (1, 20, 20),
    )
    assert [field(graph, "conv_2", axis) for axis in (0, 1)] == [(7, 2, -3), (7, 3, -3)]
    assert [field(graph, "conv_3", axis) for axis in (0, 1)] == [(11, 2, -5), (13, 3, -6)]


def test_three_convolutions_dilated_by_two_see_thirteen_pixels_end_to_end() -> None:
    """Each adds 2 pixels on each side, two apart: 1 + 3 * 4 = 13, from -6."""
    dilated = "- conv: {out_channels: 1, kernel_size: 3, dilation: 2, padding: half}\n"
    graph = net(3 * dilated, (1, 16, 16))
    assert [field(graph, f"conv_{n}") for n in (1, 2, 3)] == [(5, 1, -2), (9, 1, -4), (13, 1, -6)]


def test_an_even_kernel_has_its_centre_between_two_pixels() -> None:
    """Two pixels, 0 and 1, around 1/2. With a stride of 2 and a padding of 1, four from -1 to 2, around 1/2 too; another
    such on top sees from -1 - 2 * 1, 4 + 3 * 2 pixels, around 3/2."""
    graph = net("- conv: {out_channels: 1, kernel_size: 2}\n", (1, 8, 8))
    assert field(graph, "conv_1") == (2, 1, 0)
    assert _offset(graph, "conv_1") == HALF
    graph = net(2 * "- conv: {out_channels: 1, kernel_size: 4, stride: 2, padding: 1}\n", (1, 32, 32))
    assert [field(graph, name) for name in ("conv_1", "conv_2")] == [(4, 2, -1), (10, 4, -3)]
    assert [_offset(graph, name) for name in ("conv_1", "conv_2")] == [HALF, Fraction(3, 2)]


def test_same_padding_of_an_even_kernel_puts_the_odd_pixel_at_the_end() -> None:
    """4 - 1 = 3 pixels: 1 before, 2 behind, as torch has it. So output o sees o - 1 to o + 2."""
    graph = net("- conv: {out_channels: 1, kernel_size: 4, padding: same}\n", (1, 8, 8))
    assert node(graph, "conv_1").shape == (1, 8, 8)
    assert seen(graph, "conv_1", 0, 1) == [(-1, 2), (0, 3)]


def test_half_a_pixel_between_branches_is_misaligned() -> None:
    """The identity looks at o, the even kernel around o + 1/2; together they see o - 1 to o + 2."""
    graph = net(
        """
        - add:
            straight: identity
            even: [conv: {out_channels: 1, kernel_size: 4, padding: same}]
        """,
        (1, 8, 8),
    )
    assert not node(graph, "add_1").aligned
    assert field(graph, "add_1") == (4, 1, -1)


def test_ceil_mode_keeps_a_window_that_hangs_over_the_border() -> None:
    """Of 6 pixels, windows of 3 at 0 and 2 fit; in ceil mode there is a third at 4, of which pixel 6 is missing."""
    pool = "- max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}\n"
    graph = net(pool, (1, 6, 6))
    assert node(graph, "max_pool_1").shape == (1, 3, 3)
    assert field(graph, "max_pool_1") == (3, 2, 0)
    assert seen(graph, "max_pool_1", 0, 1, 2) == [(0, 2), (2, 4), (4, 6)]


def test_without_ceil_mode_the_border_pixel_is_dropped() -> None:
    """Of 6 pixels the last window sees 2 to 4, and nothing sees pixel 5."""
    graph = net("- max_pool: {kernel_size: 3, stride: 2}\n", (1, 6, 6))
    assert node(graph, "max_pool_1").shape == (1, 2, 2)
    assert seen(graph, "max_pool_1", 1) == [(2, 4)]


def test_ceil_mode_drops_a_window_that_would_begin_behind_the_border() -> None:
    """Of 6 pixels, windows of 2 at 0 and 3 fit; (6 - 2) / 3 rounded up asks for a third, which would begin at 6."""
    graph = net("- max_pool: {kernel_size: 2, stride: 3, ceil_mode: true}\n", (1, 6, 6))
    assert node(graph, "max_pool_1").shape == (1, 2, 2)
    assert seen(graph, "max_pool_1", 1) == [(3, 4)]


def test_googlenet_s_stem_keeps_a_pixel_more_for_its_ceil_mode() -> None:
    """224 pixels, halved with padding, are 112; (112 - 3) / 2 rounded up and 1 more are 56. 7 + 2 * 2 pixels, from -3."""
    graph = net(
        """
        - conv: {out_channels: 1, kernel_size: 7, stride: 2, padding: 3}
        - max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}
        """,
        (3, 224, 224),
    )
    assert node(graph, "max_pool_1").shape == (1, 56, 56)
    assert field(graph, "max_pool_1") == (11, 4, -3)


def test_a_one_by_one_convolution_with_a_stride_skips_pixels() -> None:
    """Of 7 pixels 0, 2, 4 and 6 are seen; 3 * 2 weights and 2 biases at 4 * 4 pixels."""
    graph = net("- conv: {out_channels: 2, kernel_size: 1, stride: 2}\n", (3, 7, 7))
    assert costs(graph, "conv_1") == (8, 96)
    assert field(graph, "conv_1") == (1, 2, 0)
    assert seen(graph, "conv_1", 0, 1, 2, 3) == [(0, 0), (2, 2), (4, 4), (6, 6)]


def test_a_strided_shortcut_looks_at_the_middle_of_its_body_s_window() -> None:
    """The shortcut sees 2 o, the body 2 o - 1 to 2 o + 1, around it."""
    graph = net(
        """
        - residual:
            shortcut: projection
            body: [conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: half}]
          name: unit
        """,
        (3, 8, 8),
    )
    (joined,) = (each for each in graph.nodes if each.layer.type_name == "residual")
    assert joined.aligned
    assert field(graph, "unit.shortcut.conv") == (1, 2, 0)
    assert field(graph, joined.name) == (3, 2, -1)


def test_squeeze_and_excite_sees_everything_and_locally_its_pixel() -> None:
    """16 * 4 weights and 4 biases, 4 * 16 and 16: 148, used once for the whole map: 128 multiply-adds. Without the gate
    the field is that of the convolutions: 3, and 5 at a stride of 2 from -2."""
    graph = net(
        """
        - conv: {out_channels: 16, kernel_size: 3, padding: half}
        - squeeze_excite: {ratio: 4}
        - conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: half}
        """,
        (3, 12, 12),
    )
    assert costs(graph, "squeeze_excite_1") == (148, 128)
    assert [_is_global(graph, name) for name in ("conv_1", "squeeze_excite_1", "conv_2")] == [
        False,
        True,
        True,
    ]
    assert field(graph, "squeeze_excite_1") == (3, 1, -1)
    assert field(graph, "conv_2") == (5, 2, -2)


def test_a_gate_that_is_written_out_sees_the_same_as_the_layer_type() -> None:
    """16 * 4 + 4 and 4 * 16 + 16 parameters, each weight used once: the gate has one pixel."""
    graph = net(
        """
        - conv: {out_channels: 16, kernel_size: 3, padding: half}
        - multiply:
            map: identity
            gate:
              - global_avg_pool
              - conv: {out_channels: 4, kernel_size: 1}
              - relu
              - conv: {out_channels: 16, kernel_size: 1}
              - sigmoid
          name: gated
        - conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: half}
        """,
        (3, 12, 12),
    )
    assert costs(graph, "gated.gate.conv_1") == (68, 64)
    assert costs(graph, "gated.gate.conv_2") == (80, 64)
    (product,) = (each for each in graph.nodes if each.layer.type_name == "multiply")
    assert product.aligned
    assert [_is_global(graph, name) for name in ("conv_1", product.name, "conv_2")] == [False, True, True]
    assert field(graph, product.name) == (3, 1, -1)
    assert field(graph, "conv_2") == (5, 2, -2)


def test_a_u_net_s_decoder_sees_in_two_phases_what_the_bottom_saw() -> None:
    """The encoder sees o - 1 to o + 1, the pool 4 pixels from -1 at a stride of 2, the bottom 8 from -3. Doubled, o sees
    2 m - 3 to 2 m + 4 with m = o // 2; the skip lies inside that. The last convolution reaches from the bottom's m - 1
    to m where o = 2 m, and from m to m + 1 where o = 2 m + 1: 10 pixels."""
    graph = net(
        """
        - conv: {out_channels: 2, kernel_size: 3, padding: half}
          name: encoder
        - max_pool: 2
        - conv: {out_channels: 4, kernel_size: 3, padding: half}
          name: bottom
        - conv_transpose: {out_channels: 2, kernel_size: 2, stride: 2}
          name: up
        - concat: [encoder, prev]
          name: skip
        - conv: {out_channels: 2, kernel_size: 3, padding: half}
          name: decoder
        """,
        (1, 16, 16),
    )
    assert [field(graph, name) for name in ("encoder", "bottom")] == [(3, 1, -1), (8, 2, -3)]
    assert seen(graph, "up", 0, 1, 2, 3) == [(-3, 4), (-3, 4), (-1, 6), (-1, 6)]
    assert seen(graph, "skip", 0, 1, 2, 3) == [(-3, 4), (-3, 4), (-1, 6), (-1, 6)]
    assert node(graph, "skip").aligned
    assert field(graph, "decoder") == (10, 1, -5)
    assert seen(graph, "decoder", 0, 1, 2, 3) == [(-5, 4), (-3, 6), (-3, 6), (-1, 8)]


def test_a_decoder_that_repeats_or_interpolates_pixels() -> None:
    """A pool of 2 sees 2 e and 2 e + 1. `nearest` copies e = o // 2. `bilinear` weighs m - 1 and m for o = 2 m, and m and
    m + 1 for o = 2 m + 1: 2 m - 2 to 2 m + 1, and 2 m to 2 m + 3. The skip, o itself, lies inside."""
    up = """
        - conv: {{out_channels: 2, kernel_size: 1}}
          name: encoder
        - max_pool: 2
        - upsample: {{scale_factor: 2, mode: {}}}
        - add: [encoder, prev]
          name: skip
        """
    nearest, bilinear = (net(up.format(mode), (1, 16, 16)) for mode in ("nearest", "bilinear"))
    assert field(nearest, "skip") == (2, 1, 0)
    assert seen(nearest, "skip", 0, 1, 2, 3) == [(0, 1), (0, 1), (2, 3), (2, 3)]
    assert field(bilinear, "skip") == (4, 1, -2)
    assert seen(bilinear, "skip", 0, 1, 2, 3) == [(-2, 1), (0, 3), (0, 3), (2, 5)]
    assert node(nearest, "skip").aligned
    assert node(bilinear, "skip").aligned


def _offset(graph: Graph, name: str) -> Fraction:
    """Where the middle of what output 0 sees lies."""
    sees = node(graph, name).field
    assert sees is not None
    return sees[0].whole.offset


def _is_global(graph: Graph, name: str) -> bool:
    sees = node(graph, name).field
    assert sees is not None
    return sees[0].whole.is_global
