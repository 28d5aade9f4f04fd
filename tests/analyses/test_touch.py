"""Which outputs depend on a pixel, measured on modules where NaN alone would say too much or too little."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnbuild.analyses.touch import declared_touch, measured_touch
from cnnbuild.layers.base import Layer
from cnnbuild.layers.reach import window
from tests.analyses.single_layers import node_of


class Comparison(nn.Module):
    """A relu that makes 0 of NaN, of the mean of 3x3 pixels."""

    def forward(self, x: Tensor) -> Tensor:
        mean = functional.avg_pool2d(x, 3, 1, 1)
        return torch.where(mean > 0, mean, torch.zeros_like(mean))


class Smallest(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return -functional.max_pool2d(-x, 3, 1, 1)


class Copied(nn.Module):
    """Its own pixel, and its neighbours times 0, as an interpolation weighs them."""

    def forward(self, x: Tensor) -> Tensor:
        kernel = torch.zeros(1, 1, 3, 3, dtype=x.dtype)
        kernel[0, 0, 1, 1] = 1
        return functional.conv2d(x, kernel, padding=1)


class Gate(nn.Module):
    """Its input times a sigmoid of the whole map's sum, which its large weight makes exactly 1."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(50.0, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.weight * x.mean(dim=(2, 3), keepdim=True))


def around(radius: int) -> Tensor:
    pixels = torch.zeros(7, 7, dtype=torch.bool)
    pixels[3 - radius : 4 + radius, 3 - radius : 4 + radius] = True
    return pixels


@pytest.mark.parametrize("declared", [0, 1, 2])
@pytest.mark.parametrize(
    ("module", "radius"), [(Comparison(), 1), (Smallest(), 1), (Gate(), 3), (nn.MaxPool2d(3, 1, 1), 1)]
)
def test_what_depends_on_a_pixel_is_found_whatever_was_declared(
    module: nn.Module, radius: int, declared: int
) -> None:
    found = measured_touch(module, [(1, 7, 7)], [around(0)], around(declared))
    assert torch.equal(found, around(radius))


def test_what_is_weighed_with_0_does_not_count_as_seen() -> None:
    assert torch.equal(measured_touch(Copied(), [(1, 7, 7)], [around(0)], around(0)), around(0))


def test_the_weights_are_as_before_after_a_difference() -> None:
    module = Gate()
    with torch.no_grad():
        measured_touch(module, [(1, 7, 7)], [around(0)], around(0))
    assert module.weight.item() == 50


def test_a_result_of_another_size_is_told_as_it_is() -> None:
    found = measured_touch(nn.AvgPool2d(3), [(1, 7, 7)], [around(0)], around(1))
    assert found.tolist() == [[False, False], [False, True]]


class Dilated(Layer):
    """Every second of 5x5 pixels."""

    type_name = "dilated"

    def output_shape(self, *inputs):
        return inputs[0]

    def sight(self, *_inputs):
        return window(3, padding=2, dilation=2), window(1)

    def build(self, *inputs):
        raise NotImplementedError


def test_what_is_declared_has_holes_where_the_window_has() -> None:
    declared = declared_touch(node_of(Dilated(), ((1, 7, 7),)), [around(0)])
    assert declared is not None
    assert declared.nonzero().tolist() == [[1, 3], [3, 3], [5, 3]]
