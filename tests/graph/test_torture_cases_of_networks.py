"""Shared weights, branches, gates and decoders on which tools that count differ, each worked by hand.

Fields are (size, stride, start) on the height, and of single outputs the first and last pixel that they see.
"""

from __future__ import annotations

from tests.graph.worked_networks import costs, field, field_of, net, node, seen, sees_everything


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
    assert [sees_everything(graph, name) for name in ("conv_1", "squeeze_excite_1", "conv_2")] == [
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
    assert [sees_everything(graph, name) for name in ("conv_1", product.name, "conv_2")] == [
        False,
        True,
        True,
    ]
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
