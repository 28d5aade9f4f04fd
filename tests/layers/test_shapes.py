"""Sizes by torch's own rules."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from cnnbuild.layers.base import Shape, ShapeError
from tests.layers.contract import standard

TRIALS = 400


def declared_shape(type_name: str, shape: Shape, arguments: dict[str, object]) -> Shape | None:
    """The shape that the layer declares, None where it refuses."""
    try:
        return standard(type_name, **arguments).output_shape(shape)
    except (ShapeError, ValidationError):
        return None


def measured_shape(
    module_class: Callable[..., nn.Module], shape: Shape, arguments: dict[str, object]
) -> Shape | None:
    """The shape that torch gives for a real image, None where it refuses."""
    try:
        return tuple(module_class(**arguments)(torch.zeros(1, *shape)).shape[1:])
    except (RuntimeError, ValueError):
        return None


def random_window(draw: random.Random) -> dict[str, object]:
    return {
        "kernel_size": (draw.randint(1, 5), draw.randint(1, 5)),
        "stride": (draw.randint(1, 4), draw.randint(1, 4)),
        "padding": (draw.randint(0, 3), draw.randint(0, 3)),
    }


def random_map(draw: random.Random) -> Shape:
    return (2, draw.randint(1, 12), draw.randint(1, 12))


def test_convolutions_have_the_sizes_of_torch_and_are_refused_where_torch_refuses() -> None:
    draw = random.Random(1)
    refused = 0
    for _ in range(TRIALS):
        shape, arguments = random_map(draw), random_window(draw)
        arguments["dilation"] = (draw.randint(1, 3), draw.randint(1, 3))
        arguments["padding_mode"] = draw.choice(["zeros", "zeros", "reflect", "replicate", "circular"])
        measured = measured_shape(nn.Conv2d, shape, {"in_channels": 2, "out_channels": 1, **arguments})
        assert declared_shape("conv", shape, {"out_channels": 1, **arguments}) == measured, (shape, arguments)
        refused += measured is None
    assert TRIALS // 20 < refused < TRIALS // 2


def test_transposed_convolutions_have_the_sizes_of_torch_and_are_refused_where_torch_refuses() -> None:
    draw = random.Random(3)
    refused = 0
    for _ in range(TRIALS):
        shape, arguments = random_map(draw), random_window(draw)
        arguments["padding"] = (draw.randint(0, 4), draw.randint(0, 4))
        arguments["dilation"] = (draw.randint(1, 3), draw.randint(1, 3))
        arguments["output_padding"] = (draw.randint(0, 3), draw.randint(0, 3))
        measured = measured_shape(
            nn.ConvTranspose2d, shape, {"in_channels": 2, "out_channels": 1, **arguments}
        )
        declared = declared_shape("conv_transpose", shape, {"out_channels": 1, **arguments})
        assert declared == measured, (shape, arguments)
        refused += measured is None
    assert TRIALS // 20 < refused < TRIALS


@pytest.mark.parametrize(
    ("type_name", "module_class"), [("max_pool", nn.MaxPool2d), ("avg_pool", nn.AvgPool2d)]
)
def test_pools_have_the_sizes_of_torch_and_are_refused_where_torch_refuses(
    type_name: str, module_class: Callable[..., nn.Module]
) -> None:
    draw = random.Random(2)
    refused = 0
    for _ in range(TRIALS):
        shape, arguments = random_map(draw), random_window(draw) | {"ceil_mode": draw.random() < 0.5}
        if type_name == "max_pool":
            arguments["dilation"] = (draw.randint(1, 3), draw.randint(1, 3))
        measured = measured_shape(module_class, shape, arguments)
        assert declared_shape(type_name, shape, arguments) == measured, (shape, arguments)
        refused += measured is None
    assert TRIALS // 20 < refused < TRIALS


def test_lp_pools_have_the_sizes_of_torch_and_are_refused_where_torch_refuses() -> None:
    draw = random.Random(4)
    refused = 0
    for _ in range(TRIALS):
        shape = random_map(draw)
        arguments = random_window(draw) | {"norm_type": 2, "ceil_mode": draw.random() < 0.5}
        del arguments["padding"]
        measured = measured_shape(nn.LPPool2d, shape, arguments)
        assert declared_shape("lp_pool", shape, arguments) == measured, (shape, arguments)
        refused += measured is None
    assert TRIALS // 20 < refused < TRIALS


def test_half_padding_keeps_the_size_of_a_convolution_at_stride_one_and_halves_it_at_stride_two() -> None:
    for kernel, dilation in ((1, 1), (3, 1), (5, 1), (3, 2), (7, 3)):
        arguments = {
            "out_channels": 4,
            "kernel_size": (kernel, 1),
            "dilation": (dilation, 1),
            "padding": "half",
        }
        assert standard("conv", **arguments).output_shape((3, 20, 20)) == (4, 20, 20)
        assert standard("conv", **arguments, stride=(2, 2)).output_shape((3, 20, 20)) == (4, 10, 10)
