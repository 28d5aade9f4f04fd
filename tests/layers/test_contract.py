"""One contract for every layer type: what its class declares is what torch does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError

from cnnbuild.layers.base import Example, Layer, Shape, Sight
from cnnbuild.layers.convolution import Conv
from cnnbuild.layers.measured import layer, layer_type_from
from cnnbuild.layers.parameters import PositiveInt
from cnnbuild.layers.plugins import registry_with
from cnnbuild.layers.reach import POINTWISE, Reach, window
from cnnbuild.layers.resampling import ZeroPad
from cnnbuild.testing import (
    CHECKS,
    check_another_size,
    check_gradients,
    check_macs,
    check_shape,
    check_sight,
    check_weights,
    layer_of,
)

Check = Callable[[Layer, tuple[Shape, ...]], None]


@layer(
    "gated_conv",
    primary="out_channels",
    sight=lambda *, kernel_size, **_: (window(kernel_size), window(kernel_size)),
    examples=[
        Example(((2, 6, 5),), {"out_channels": 3}),
        Example(((1, 7, 7),), {"out_channels": 2, "kernel_size": 5}),
    ],
)
class GatedConv(nn.Module):
    """A convolution times the sigmoid of another: a plain module, as a user would mark it."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.value = nn.Conv2d(in_channels, out_channels, kernel_size)
        self.gate = nn.Conv2d(in_channels, out_channels, kernel_size)
        self.register_buffer("scale", torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.value(x) * self.gate(x).sigmoid() * self.scale


class Blur(Layer):
    """A learned blur of each channel by itself: a full layer class, as a user would write it."""

    type_name = "blur"
    primary = "size"
    examples = (Example(((3, 6, 6),), {"size": 3}), Example(((2, 8, 7),), {"size": 2}))

    size: PositiveInt

    def output_shape(self, *inputs: Shape) -> Shape:
        channels, height, width = inputs[0]
        return (channels, height // self.size, width // self.size)

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        return window(self.size, self.size), window(self.size, self.size)

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (inputs[0][0], 1, self.size, self.size)}

    def macs(self, *inputs: Shape) -> int:
        channels, height, width = self.output_shape(*inputs)
        return channels * height * width * self.size**2

    def build(self, *inputs: Shape) -> nn.Module:
        channels = inputs[0][0]
        return nn.Conv2d(channels, channels, self.size, self.size, groups=channels, bias=False)


TYPES = tuple(registry_with([GatedConv, Blur]))
CASES = [
    pytest.param(layer_type, example, id=f"{layer_type.type_name}{number}")
    for layer_type in TYPES
    for number, example in enumerate(layer_type.examples)
]


def test_every_layer_type_has_an_example() -> None:
    names = {layer_type.type_name for layer_type in TYPES}
    assert len(TYPES) == len(names) >= 20
    assert {"conv", "linear", "max_pool", "batch_norm", "relu", "add", "gated_conv", "blur"} <= names
    assert [layer_type.type_name for layer_type in TYPES if not layer_type.examples] == []


# torch says so of `padding: same` with an even kernel, and computes it all the same
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize(("layer_type", "example"), CASES)
def test_a_layer_does_what_its_class_declares(
    layer_type: type[Layer], example: Example, check: Check
) -> None:
    check(layer_of(layer_type, example), example.inputs)


@pytest.mark.parametrize("layer_type", TYPES, ids=lambda layer_type: layer_type.type_name)
def test_a_layer_says_what_it_is_and_refuses_what_it_does_not_know(layer_type: type[Layer]) -> None:
    arguments = {**layer_type.examples[0].arguments, "flavour": 1}
    with pytest.raises(ValidationError, match="flavour\n  Extra inputs are not permitted"):
        layer_of(layer_type, Example((), arguments))
    assert layer_type.__doc__
    assert layer_type.primary is None or layer_type.primary in layer_type.model_fields


@pytest.mark.parametrize(
    ("layer_type", "parameter"),
    [
        pytest.param(layer_type, name, id=f"{layer_type.type_name}-{name}")
        for layer_type in TYPES
        for name in layer_type.model_fields
    ],
)
def test_a_parameter_refuses_a_mapping(layer_type: type[Layer], parameter: str) -> None:
    with pytest.raises(ValidationError, match=rf"(?m)^{parameter}\b"):
        layer_of(layer_type, Example((), {**layer_type.examples[0].arguments, parameter: {"a": 1}}))


class _LiesAboutShape(Conv):
    def output_shape(self, *inputs: Shape) -> Shape:
        channels, height, width = super().output_shape(*inputs)
        return (channels, height, width + 1)


class _LiesAboutWeights(Conv):
    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        shapes = super().weight_shapes(*inputs)
        return {"bias": shapes["bias"], "weight": shapes["weight"]}


class _LiesAboutBuffers(Conv):
    def buffer_shapes(self, *inputs: Shape) -> dict[str, Shape]:  # noqa: ARG002
        return {"mean": (1,)}


class _LiesAboutMacs(Conv):
    def macs(self, *inputs: Shape) -> int:
        return super().macs(*inputs) + 1


class _LiesAboutSight(Conv):
    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        return window(3, padding=1), window(3, padding=0)


class _SeesItsOwnPixelThroughPadding(ZeroPad):
    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        return POINTWISE, Reach(1, ((-1, -1),))


class _FitsOneSizeOnly(Conv):
    def build(self, *inputs: Shape) -> nn.Module:
        return nn.Sequential(super().build(*inputs), nn.AdaptiveAvgPool2d(self.output_shape(*inputs)[1:]))


class _SaysNothingOfItsSight(Conv):
    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        return None


@pytest.mark.parametrize(
    ("liar", "check", "message"),
    [
        (_LiesAboutShape, check_shape, "declared shape (2, 5, 6), measured (2, 5, 5)"),
        (
            _LiesAboutWeights,
            check_weights,
            "declared weights [('bias', (2,)), ('weight', (2, 1, 3, 3))], "
            "measured [('weight', (2, 1, 3, 3)), ('bias', (2,))]",
        ),
        (_LiesAboutBuffers, check_weights, "declared buffers [('mean', (1,))], measured []"),
        (_LiesAboutMacs, check_macs, "declared multiply-adds 451, measured 450.0"),
        (_LiesAboutSight, check_sight, "on axis 1 output 0 is declared to see (0, 2), measured (0, 1)"),
        (_SaysNothingOfItsSight, check_sight, "the layer does not declare what it sees"),
        (
            _FitsOneSizeOnly,
            check_another_size,
            "built for the size it gives (2, 10, 10), built for another (2, 5, 5)",
        ),
    ],
)
def test_the_contract_catches_a_layer_that_lies(liar: type[Layer], check: Check, message: str) -> None:
    lying = liar.model_validate({"out_channels": 2, "kernel_size": 3, "padding": 1})
    with pytest.raises(AssertionError) as caught:
        check(lying, ((1, 5, 5),))
    assert str(caught.value).splitlines()[0] == message


def test_the_contract_catches_a_layer_that_says_it_sees_a_pixel_where_there_is_only_padding() -> None:
    with pytest.raises(AssertionError) as caught:
        check_sight(_SeesItsOwnPixelThroughPadding(padding=1), ((1, 3, 3),))
    assert str(caught.value).splitlines()[0] == (
        "on axis 0 output 0 is declared to see (0, 0), measured None"
    )


def test_the_contract_catches_a_gradient_that_is_wrong_only_for_large_values() -> None:
    class StraightThrough(torch.autograd.Function):
        @staticmethod
        def forward(_context: object, x: Tensor) -> Tensor:
            return x.clamp(-3, 3)

        @staticmethod
        def backward(_context: object, gradient: Tensor) -> Tensor:
            return gradient

    class Clamped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return StraightThrough.apply(x)

    clamped = layer_type_from(layer("clamped", sight="pixel")(Clamped))
    with pytest.raises(GradcheckError):
        check_gradients(clamped(), ((1, 3, 3),))


def test_the_contract_catches_a_wrong_gradient() -> None:
    class WrongGradient(torch.autograd.Function):
        @staticmethod
        def forward(_context: object, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(_context: object, gradient: Tensor) -> Tensor:
            return gradient * 3

    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return WrongGradient.apply(x)

    wrong = layer_type_from(layer("wrong", sight="pixel")(Wrong))
    with pytest.raises(GradcheckError):
        check_gradients(wrong(), ((1, 3, 3),))
