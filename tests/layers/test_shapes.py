"""Sizes by torch's own rules, and what is said where a layer cannot be applied."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from cnnbuild.layers.base import Layer, Shape, ShapeError
from cnnbuild.layers.registry import standard_registry

TRIALS = 400


def layer(type_name: str, **arguments: object) -> Layer:
    return standard_registry().types[type_name].model_validate(arguments)


def declared_shape(type_name: str, shape: Shape, arguments: dict[str, object]) -> Shape | None:
    """The shape that the layer declares, None where it refuses."""
    try:
        return layer(type_name, **arguments).output_shape(shape)
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


def test_half_padding_keeps_the_size_of_a_convolution_at_stride_one_and_halves_it_at_stride_two() -> None:
    for kernel, dilation in ((1, 1), (3, 1), (5, 1), (3, 2), (7, 3)):
        arguments = {
            "out_channels": 4,
            "kernel_size": (kernel, 1),
            "dilation": (dilation, 1),
            "padding": "half",
        }
        assert layer("conv", **arguments).output_shape((3, 20, 20)) == (4, 20, 20)
        assert layer("conv", **arguments, stride=(2, 2)).output_shape((3, 20, 20)) == (4, 10, 10)


@pytest.mark.parametrize(
    ("type_name", "arguments", "inputs", "message", "help_text"),
    [
        (
            "conv",
            {"out_channels": 4, "kernel_size": (3, 3)},
            ((12,),),
            "conv takes maps (C, H, W), not the flat (12,)",
            "move it before `flatten`",
        ),
        (
            "conv",
            {"out_channels": 4, "kernel_size": (5, 3)},
            ((3, 4, 4),),
            "conv: a kernel of 5x3 does not fit into (3, 4, 4)",
            "add `padding: half`, use a smaller kernel, or fewer strides and pools before it",
        ),
        (
            "conv",
            {"out_channels": 4, "kernel_size": (3, 3), "groups": 2},
            ((3, 8, 8),),
            "conv: 3 input channels cannot be divided into 2 groups",
            "",
        ),
        (
            "conv",
            {"out_channels": 4, "kernel_size": (7, 7), "padding": "half", "padding_mode": "reflect"},
            ((1, 3, 9),),
            "conv: padding_mode: reflect can add at most 2 pixels at each side of (1, 3, 9), not 3",
            "",
        ),
        (
            "max_pool",
            {"kernel_size": (2, 2)},
            ((8, 1, 1),),
            "max_pool: a window of 2x2 does not fit into (8, 1, 1)",
            "pool less often before it, or start from a larger input",
        ),
        (
            "global_avg_pool",
            {},
            ((8,),),
            "global_avg_pool takes maps (C, H, W), not the flat (8,)",
            "move it before `flatten`",
        ),
        (
            "linear",
            {"out_features": 10},
            ((8, 4, 4),),
            "linear takes a flat input, not (8, 4, 4)",
            "write `- flatten` before it (or `- global_avg_pool` and `- flatten`)",
        ),
        (
            "add",
            {},
            ((8, 4, 4), (1, 4, 4)),
            "add: the inputs have different shapes, (8, 4, 4) and (1, 4, 4)",
            "make their shapes equal: `add` does not broadcast (`multiply` does, for gates)",
        ),
        (
            "concat",
            {},
            ((8, 4, 4), (8, 4, 2)),
            "concat: height and width differ, (8, 4, 4) and (8, 4, 2)",
            "bring the maps to one size before joining them",
        ),
        (
            "multiply",
            {},
            ((8, 4, 4), (4, 1, 1)),
            "multiply: the shapes do not fit, (8, 4, 4) and (4, 1, 1)",
            "a gate on (C, H, W) has the shape (C, 1, 1), (1, H, W) or (1, 1, 1)",
        ),
        (
            "multiply",
            {},
            ((8, 1, 1), (1, 4, 4)),
            "multiply: the shapes do not fit, (8, 1, 1) and (1, 4, 4)",
            "a gate on (C, H, W) has the shape (C, 1, 1), (1, H, W) or (1, 1, 1)",
        ),
    ],
)
def test_a_layer_says_why_it_cannot_be_applied(
    type_name: str, arguments: dict[str, object], inputs: tuple[Shape, ...], message: str, help_text: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        layer(type_name, **arguments).output_shape(*inputs)
    assert (caught.value.message, caught.value.help) == (message, help_text)


@pytest.mark.parametrize(
    ("type_name", "arguments", "message"),
    [
        (
            "conv",
            {"out_channels": 1, "kernel_size": 4, "padding": "half"},
            "padding: half needs odd kernel sizes, not [4, 4]",
        ),
        (
            "conv",
            {"out_channels": 1, "kernel_size": 3, "padding": "same", "stride": 2},
            "torch refuses padding: same with a stride; write `padding: half`",
        ),
        (
            "conv",
            {"out_channels": 1, "kernel_size": 3, "padding": "full"},
            "expected half, same, valid, a whole number, or [height, width]",
        ),
        (
            "conv",
            {"out_channels": 1, "kernel_size": [3, 3, 3]},
            "expected a whole number of at least 1, or [height, width] of such",
        ),
        (
            "conv",
            {"out_channels": 1, "kernel_size": True},
            "expected a whole number of at least 1, or [height, width] of such",
        ),
        (
            "max_pool",
            {"kernel_size": 2, "padding": 2},
            "torch allows a pool a padding of at most half its kernel size",
        ),
    ],
)
def test_a_layer_says_which_arguments_it_takes(
    type_name: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        layer(type_name, **arguments)
    assert [detail["msg"] for detail in caught.value.errors()] == [f"Value error, {message}"]
