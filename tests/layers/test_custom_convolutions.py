"""`affine_conv` and `noisy_conv` against `conv`, to the bit, and against values worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.layers.base import Layer, Shape
from cnnbuild.layers.registry import standard_registry

CONVOLUTIONS = [
    {"out_channels": 6, "kernel_size": 3, "padding": "half"},
    {"out_channels": 8, "kernel_size": [3, 2], "stride": 2, "groups": 2, "bias": False},
    {"out_channels": 4, "kernel_size": 3, "padding": [1, 2], "dilation": 2, "padding_mode": "circular"},
]


def layer(type_name: str, **arguments: object) -> Layer:
    return standard_registry().types[type_name].model_validate(arguments)


def same_bits(first: Tensor | None, second: Tensor | None) -> bool:
    """Whether two float32 tensors are the same to the bit; the two zeros differ."""
    assert first is not None
    assert second is not None
    return torch.equal(first.detach().view(torch.int32), second.detach().view(torch.int32))


def built(type_name: str, arguments: dict[str, object], shape: Shape, seed: int) -> tuple[nn.Module, Tensor]:
    """The module, and torch's random state after it was built."""
    torch.manual_seed(seed)
    module = layer(type_name, **arguments).build(shape)
    return module, torch.get_rng_state()


@pytest.mark.parametrize("arguments", CONVOLUTIONS)
@pytest.mark.parametrize(("type_name", "added"), [("affine_conv", {"scale", "shift"}), ("noisy_conv", set())])
def test_a_varied_convolution_begins_with_the_weights_of_conv_by_the_same_draws(
    type_name: str, added: set[str], arguments: dict[str, object]
) -> None:
    conv, state = built("conv", arguments, (4, 9, 8), seed=5)
    varied, varied_state = built(type_name, arguments, (4, 9, 8), seed=5)
    assert torch.equal(state, varied_state)
    missing = varied.load_state_dict(conv.state_dict(), strict=False)
    assert (set(missing.missing_keys), missing.unexpected_keys) == (added, [])
    again, _ = built(type_name, arguments, (4, 9, 8), seed=5)
    for name, weight in conv.named_parameters():
        assert same_bits(weight, again.get_parameter(name)), name


@pytest.mark.parametrize("arguments", CONVOLUTIONS)
@pytest.mark.parametrize("channels_last", [False, True])
def test_affine_conv_is_conv_at_its_start_to_the_bit_forward_and_backward(
    arguments: dict[str, object], channels_last: bool
) -> None:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    conv, _ = built("conv", arguments, (4, 19, 18), seed=6)
    affine, _ = built("affine_conv", arguments, (4, 19, 18), seed=6)
    conv, affine = conv.to(memory_format=layout), affine.to(memory_format=layout)
    images = torch.randn(8, 4, 19, 18).contiguous(memory_format=layout)
    first, second = images.clone().requires_grad_(), images.clone().requires_grad_()
    plain, scaled = conv(first), affine(second)
    assert same_bits(plain, scaled)
    gradient = torch.randn(plain.shape)
    plain.backward(gradient)
    scaled.backward(gradient)
    assert same_bits(first.grad, second.grad)
    for name, weight in conv.named_parameters():
        assert same_bits(weight.grad, affine.get_parameter(name).grad), name


def test_affine_conv_scales_and_shifts_each_channel_worked_by_hand() -> None:
    affine = layer("affine_conv", out_channels=2, kernel_size=1, bias=False).build((1, 1, 2))
    with torch.no_grad():
        affine.weight.copy_(torch.tensor([2.0, -1.0]).reshape(2, 1, 1, 1))
        affine.scale.copy_(torch.tensor([10.0, 0.5]))
        affine.shift.copy_(torch.tensor([1.0, -3.0]))
    output = affine(torch.tensor([[[[3.0, 4.0]]]]))
    assert output.tolist() == [[[[61.0, 81.0]], [[-4.5, -5.0]]]]
    output.sum().backward()
    assert affine.scale.grad.tolist() == [14.0, -7.0]  # the sums of the convolution's outputs
    assert affine.shift.grad.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("arguments", CONVOLUTIONS)
def test_noisy_conv_is_conv_to_the_bit_in_evaluation_and_draws_nothing(arguments: dict[str, object]) -> None:
    conv, _ = built("conv", arguments, (4, 9, 8), seed=7)
    noisy, _ = built("noisy_conv", {**arguments, "std": 3.0}, (4, 9, 8), seed=7)
    images = torch.randn(2, 4, 9, 8)
    state = torch.get_rng_state()
    assert same_bits(conv.eval()(images), noisy.eval()(images))
    assert torch.equal(torch.get_rng_state(), state)


def test_noisy_conv_adds_gaussian_noise_of_its_deviation_in_training() -> None:
    arguments: dict[str, object] = {"out_channels": 8, "kernel_size": 3}
    conv, _ = built("conv", arguments, (4, 34, 34), seed=8)
    noisy, _ = built("noisy_conv", arguments, (4, 34, 34), seed=8)
    images = torch.randn(16, 4, 34, 34)
    noise = (noisy.train()(images) - conv(images)).detach()
    count = noise.numel()  # 131,072
    five_errors = 5 * 0.1 / math.sqrt(count)
    assert abs(noise.mean().item()) < five_errors
    assert abs(noise.std().item() - 0.1) < five_errors  # that of a deviation is smaller by sqrt(2)
    share = (noise.abs() < 0.1).double().mean().item()
    assert abs(share - math.erf(1 / math.sqrt(2))) < 5 * 0.5 / math.sqrt(count)  # 68.27 % of a normal
    assert not torch.equal(noisy(images), noisy(images))


def test_the_noise_reaches_no_gradient_and_is_the_same_draw_at_every_deviation() -> None:
    images = torch.randn(2, 4, 9, 8, requires_grad=True)
    outputs, gradients = [], []
    for std in (0.0, 0.5, 1.0):
        noisy, _ = built("noisy_conv", {**CONVOLUTIONS[0], "std": std}, (4, 9, 8), seed=9)
        outputs.append(noisy.train()(images))
        gradients.append(torch.autograd.grad(outputs[-1].sum(), images)[0])
    assert same_bits(gradients[0], gradients[1])
    assert same_bits(gradients[0], gradients[2])
    torch.testing.assert_close(outputs[2] - outputs[0], 2 * (outputs[1] - outputs[0]))
    conv, _ = built("conv", CONVOLUTIONS[0], (4, 9, 8), seed=9)
    assert torch.equal(outputs[0], conv(images))


def test_the_default_noise_is_a_sixth_of_the_deviation_of_a_new_convolution() -> None:
    conv, _ = built("conv", {"out_channels": 128, "kernel_size": 3}, (64, 20, 20), seed=10)
    deviation = conv(torch.randn(8, 64, 20, 20)).std().item()
    assert abs(deviation - 1 / math.sqrt(3)) < 0.01
    assert layer("noisy_conv", out_channels=1, kernel_size=3).std == pytest.approx(deviation / 6, rel=0.1)
