"""Upsampling, pixel shuffle and padding: by hand, and what they see against torch's own gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnbuild.layers.composition import compose
from cnnbuild.layers.reach import Reach, interpolation_window, nearest_window, window
from cnnbuild.testing import clipped, hull
from tests.layers.contract import standard

ROUNDING = 1e-9  # torch computes where a point lies in floating point, and then weighs a pixel with 1e-16

SIZES = [(inputs, outputs) for inputs in range(1, 15) for outputs in range(1, 15)]


def measured_spans(upsample: nn.Module, inputs: int, outputs: int) -> list[tuple[int, int] | None]:
    """First and last pixel that each output sees of a column of pixels."""
    column = torch.ones(1, 1, inputs, 1, dtype=torch.float64)
    gradients = torch.autograd.functional.jacobian(upsample, column).reshape(outputs, inputs)
    return [hull(gradient.abs() > ROUNDING) for gradient in gradients]


def declared_spans(reach: Reach, inputs: int, outputs: int) -> list[tuple[int, int] | None]:
    return [clipped(reach, output, inputs) for output in range(outputs)]


@pytest.mark.parametrize(
    ("mode", "align_corners"),
    [("bilinear", False), ("bilinear", True), ("bicubic", False), ("bicubic", True)],
)
def test_an_interpolation_sees_what_torch_weighs_for_all_small_sizes(mode: str, align_corners: bool) -> None:
    taps = {"bilinear": 2, "bicubic": 4}[mode]
    for inputs, outputs in SIZES:
        upsample = nn.Upsample(size=(outputs, 1), mode=mode, align_corners=align_corners)
        reach = interpolation_window(inputs, outputs, taps, align_corners=align_corners)
        assert declared_spans(reach, inputs, outputs) == measured_spans(upsample, inputs, outputs), (
            inputs,
            outputs,
        )


def test_nearest_sees_what_torch_copies_also_where_single_precision_rounds_to_the_pixel_before() -> None:
    uneven = 0
    for inputs, outputs in [*SIZES, (14, 46), (26, 22), (39, 33), (62, 14), (54, 38), (7, 7 * 41)]:
        pixels = torch.arange(float(inputs)).reshape(1, 1, inputs, 1)
        copied = nn.Upsample(size=(outputs, 1))(pixels).flatten().int().tolist()
        reach = nearest_window(inputs, outputs)
        assert declared_spans(reach, inputs, outputs) == [(pixel, pixel) for pixel in copied]
        uneven += copied != [output * inputs // outputs for output in range(outputs)]
    assert uneven == 6


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 7, 8])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_a_whole_factor_sees_the_same_at_every_size_of_map(mode: str, factor: int) -> None:
    layer = standard("upsample", scale_factor=factor, mode=mode)
    sights = {layer.sight((1, size, size)) for size in (1, 2, 5, 9)}
    assert len(sights) == 1
    (reach, _) = sights.pop()
    assert (reach.period, len(reach.spans)) == (1, factor)
    measured = measured_spans(nn.Upsample(scale_factor=(factor, 1), mode=mode), 5, 5 * factor)
    assert declared_spans(reach, 5, 5 * factor) == measured


def test_bilinear_doubling_sees_two_neighbours_by_hand() -> None:
    # output 0 lies at -1/4, output 1 at 1/4, output 2 at 3/4: between pixels -1 and 0, 0 and 1, 0 and 1
    assert interpolation_window(4, 8, 2) == Reach(1, ((-1, 0), (0, 1)))
    assert interpolation_window(4, 8, 4) == Reach(1, ((-2, 1), (-1, 2)))


def test_bilinear_tripling_copies_every_third_pixel_by_hand() -> None:
    # outputs 0, 1, 2 lie at -1/3, 0, 1/3
    assert interpolation_window(4, 12, 2) == Reach(1, ((-1, 0), (0, 0), (0, 1)))


def test_aligned_corners_of_three_pixels_on_five_by_hand() -> None:
    # the outputs lie at 0, 1/2, 1, 3/2, 2
    assert interpolation_window(3, 5, 2, align_corners=True) == Reach(1, ((0, 0), (0, 1)))


def test_a_convolution_after_a_nearest_doubling_sees_two_pixels_by_hand() -> None:
    # 3 outputs around an even one were made from the pixel before and its own, around an odd one from its
    # own and the next
    assert compose(nearest_window(4, 8), window(3, padding=1)) == Reach(1, ((-1, 0), (0, 1)))


def test_nearest_repeats_pixels_by_hand() -> None:
    module = standard("upsample", scale_factor=[1, 2]).build((1, 2, 2))
    assert module(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).tolist() == [[[[1, 1, 2, 2], [3, 3, 4, 4]]]]


def test_bilinear_interpolates_with_and_without_aligned_corners_by_hand() -> None:
    row = torch.tensor([[[[0.0, 4.0]]]])
    edges = standard("upsample", size=[1, 4], mode="bilinear").build((1, 1, 2))
    assert edges(row).flatten().tolist() == [0, 1, 3, 4]
    corners = standard("upsample", size=[1, 5], mode="bilinear", align_corners=True).build((1, 1, 2))
    assert corners(row).flatten().tolist() == [0, 1, 2, 3, 4]


def test_pixel_shuffle_lays_four_channels_out_as_one_square_by_hand() -> None:
    module = standard("pixel_shuffle", upscale_factor=2).build((4, 1, 2))
    maps = torch.arange(8.0).reshape(1, 4, 1, 2)  # channel c holds 2c, 2c + 1
    assert module(maps).tolist() == [[[[0, 2, 1, 3], [4, 6, 5, 7]]]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"padding": 1}, [[0, 0, 0], [0, 5, 0], [0, 0, 0]]),
        ({"padding": [0, 1]}, [[0, 5, 0]]),
        ({"top": 1, "left": 2}, [[0, 0, 0], [0, 0, 5]]),
        ({"bottom": 1, "right": 1}, [[5, 0], [0, 0]]),
    ],
)
def test_zero_pad_adds_zeros_at_the_sides_that_are_named(
    arguments: dict[str, object], expected: list[list[int]]
) -> None:
    layer = standard("zero_pad", **arguments)
    measured = layer.build((1, 1, 1))(torch.full((1, 1, 1, 1), 5.0))
    assert measured.tolist() == [[expected]]
    assert layer.output_shape((1, 1, 1)) == (1, len(expected), len(expected[0]))
