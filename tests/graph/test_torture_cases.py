"""Single layers on which tools that count costs and receptive fields differ, each worked by hand.

Fields are (size, stride, start) on the height, and of single outputs the first and last pixel that they see.
"""

from __future__ import annotations

from fractions import Fraction

from tests.graph.worked_networks import costs, field, net, node, offset, seen

HALF = Fraction(1, 2)


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
    assert offset(graph, "conv_1") == HALF
    graph = net(2 * "- conv: {out_channels: 1, kernel_size: 4, stride: 2, padding: 1}\n", (1, 32, 32))
    assert [field(graph, name) for name in ("conv_1", "conv_2")] == [(4, 2, -1), (10, 4, -3)]
    assert [offset(graph, name) for name in ("conv_1", "conv_2")] == [HALF, Fraction(3, 2)]


def test_same_padding_of_an_even_kernel_puts_the_odd_pixel_at_the_end() -> None:
    """4 - 1 = 3 pixels: 1 before, 2 behind, as torch has it. So output o sees o - 1 to o + 2."""
    graph = net("- conv: {out_channels: 1, kernel_size: 4, padding: same}\n", (1, 8, 8))
    assert node(graph, "conv_1").shape == (1, 8, 8)
    assert seen(graph, "conv_1", 0, 1) == [(-1, 2), (0, 3)]


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
