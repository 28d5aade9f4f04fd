"""Transposed convolutions by hand."""

from __future__ import annotations

import torch

from cnnbuild.layers.reach import Reach
from tests.layers.contract import standard


def test_a_transposed_convolution_spreads_each_pixel_over_its_own_square_by_hand() -> None:
    layer = standard("conv_transpose", out_channels=1, kernel_size=2, stride=2, bias=False)
    module = layer.build((1, 1, 2))
    module.weight.data = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert module(torch.tensor([[[[1.0, 10.0]]]])).tolist() == [[[[1, 2, 10, 20], [3, 4, 30, 40]]]]
    assert layer.sight((1, 1, 2)) == (Reach(1, ((0, 0), (0, 0))),) * 2
    assert layer.macs((1, 1, 2)) == 8


def test_output_padding_makes_a_kernel_of_three_double_a_map() -> None:
    arguments = {"out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 1}
    assert standard("conv_transpose", **arguments).output_shape((8, 7, 7)) == (4, 13, 13)
    assert standard("conv_transpose", **arguments, output_padding=1).output_shape((8, 7, 7)) == (4, 14, 14)


def test_a_groups_weights_of_a_transposed_convolution_are_counted_once() -> None:
    layer = standard("conv_transpose", out_channels=6, kernel_size=[3, 2], groups=2)
    assert layer.weight_shapes((4, 5, 5)) == {"weight": (4, 3, 3, 2), "bias": (6,)}
    assert layer.macs((4, 5, 5)) == 4 * 25 * 3 * 6  # values of the input, outputs of a group, taps


def test_a_single_pixel_takes_a_stride_beyond_all_measure() -> None:
    layer = standard("conv_transpose", out_channels=1, kernel_size=2, stride=10**9)
    assert layer.output_shape((1, 1, 1)) == (1, 2, 2)
    assert layer.sight((1, 1, 1)) == (Reach(1, ((0, 0), (0, 0))),) * 2
