"""`swish` and `clamped_relu` against silu and relu and by hand, and what every custom type refuses."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError

from cnnbuild.layers.base import Layer, Shape, ShapeError
from cnnbuild.layers.registry import standard_registry
from cnnbuild.testing import check_gradients

CLAMP_LIKE_RELU = (2, 15)
"""From this version of torch on, a clamp's gradient at its bound is measured to be 0."""


def layer(type_name: str, **arguments: object) -> Layer:
    return standard_registry().types[type_name].model_validate(arguments)


def same_bits(first: Tensor | None, second: Tensor | None) -> bool:
    """Whether two float32 tensors are the same to the bit; the two zeros differ."""
    assert first is not None
    assert second is not None
    return torch.equal(first.detach().view(torch.int32), second.detach().view(torch.int32))


def swish_values(x: float, beta: float) -> tuple[float, float]:
    """x sigmoid(beta x), and its derivative by beta: x^2 s (1 - s)."""
    s = 1 / (1 + math.exp(-beta * x))
    return x * s, x * x * s * (1 - s)


def test_swish_with_beta_one_is_silu_and_begins_at_its_initial_value() -> None:
    x = torch.linspace(-6, 6, 101)
    torch.testing.assert_close(layer("swish").build((101,))(x), nn.functional.silu(x))
    module = layer("swish", init_value=1.5).build((2,))
    expected = [swish_values(value, 1.5)[0] for value in (-1.0, 2.0)]
    assert module(torch.tensor([-1.0, 2.0])).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("clip", "scale", "expected"),
    [
        (0.1, 1.0, 0.1),  # 0.69071 in all, so it is clipped
        (0.1, -1.0, -0.1),
        (0.1, 0.1, 0.069071),  # below the limit, so it is not
        (0.3, 1.0, 0.3),
        (None, 1.0, 0.69071),
        (None, -5.0, -3.45355),
    ],
)
def test_the_gradient_of_beta_is_clipped_once_for_the_whole_batch(
    clip: float | None, scale: float, expected: float
) -> None:
    values = [-1.0, 0.5, 2.0, 0.25]  # their derivatives by beta: 0.1966, 0.0588, 0.4200 and 0.0154
    module = layer("swish", clip=clip).build((2,))
    (scale * module(torch.tensor(values).reshape(2, 2))).sum().backward()
    assert module.beta.grad.item() == pytest.approx(expected, rel=1e-4)


def test_many_small_shares_are_clipped_though_none_of_them_is_above_the_limit() -> None:
    module = layer("swish").build((100,))
    share = swish_values(0.5, 1.0)[1]
    assert share < 0.1 < 100 * share
    module(torch.full((1, 100), 0.5)).sum().backward()
    assert module.beta.grad.item() == pytest.approx(0.1)


def test_the_input_s_gradient_is_that_of_an_unclipped_swish() -> None:
    x = torch.randn(4, 50)
    gradients = []
    for clip in (0.1, None):
        image = x.clone().requires_grad_()
        (100 * layer("swish", clip=clip).build((50,))(image)).sum().backward()
        gradients.append(image.grad)
    assert same_bits(*gradients)


def test_the_clip_acts_in_a_compiled_and_in_an_exported_module_too() -> None:
    module = layer("swish", init_value=0.5).build((10,))
    x = torch.linspace(-3, 3, 40).reshape(4, 10)
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    compiled(x).sum().backward()
    assert module.beta.grad.item() == pytest.approx(0.1)
    exported = torch.export.export(module, (x,)).module()
    assert torch.equal(exported(x), module(x))


def test_the_contract_refuses_a_clip_that_acts_because_it_is_no_derivative() -> None:
    shape = (8, 16, 16)
    check_gradients(layer("swish", clip=None), (shape,))
    with pytest.raises(GradcheckError):
        check_gradients(layer("swish", clip=0.001), (shape,))


def test_clamped_relu_has_the_values_of_relu() -> None:
    x = torch.cat((torch.linspace(-2, 2, 401), torch.tensor([0.0, -0.0, math.inf, -math.inf, 1e-45])))
    assert same_bits(layer("clamped_relu").build((406,))(x), layer("relu").build((406,))(x))
    for type_name in ("relu", "clamped_relu"):
        assert layer(type_name).build((1,))(torch.tensor([math.nan])).isnan().all()


def test_at_exactly_zero_relu_has_the_gradient_0_and_a_clamp_the_one_that_torch_chose() -> None:
    gradients = {}
    for type_name in ("relu", "clamped_relu"):
        x = torch.tensor([-1.0, -1e-45, -0.0, 0.0, 1e-45, 1.0], requires_grad=True)
        layer(type_name).build((6,))(x).sum().backward()
        gradients[type_name] = x.grad.tolist()
    assert gradients["relu"] == [0, 0, 0, 0, 1, 1]
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    at_zero = {0.0} if version >= CLAMP_LIKE_RELU else {0.0, 1.0}
    before, minus_zero, zero, after = (gradients["clamped_relu"][part] for part in (0, 2, 3, 5))
    assert (before, after) == (0, 1)
    assert minus_zero == zero
    assert zero in at_zero


@pytest.mark.parametrize(
    ("type_name", "arguments", "shape", "message", "help_text"),
    [
        (
            "affine_conv",
            {"out_channels": 4, "kernel_size": 5},
            (3, 4, 4),
            "affine_conv: a kernel of 5x5 does not fit into (3, 4, 4)",
            "add `padding: half`, use a smaller kernel, or fewer strides and pools before it",
        ),
        (
            "noisy_conv",
            {"out_channels": 4, "kernel_size": 3, "groups": 2},
            (3, 8, 8),
            "noisy_conv: 3 input channels cannot be divided into 2 groups",
            "choose `groups: 1`",
        ),
        (
            "affine_conv",
            {"out_channels": 4, "kernel_size": 7, "padding": "half", "padding_mode": "reflect"},
            (1, 3, 9),
            "affine_conv: padding_mode: reflect can add at most 2 pixels at each side of (1, 3, 9), not 3",
            "use less padding, or leave `padding_mode` at zeros",
        ),
        (
            "noisy_conv",
            {"out_channels": 4, "kernel_size": 3},
            (12,),
            "noisy_conv takes maps (C, H, W), not the flat (12,)",
            "move it before `flatten`",
        ),
        (
            "mean_lp_pool",
            {"kernel_size": 3},
            (8, 2, 4),
            "mean_lp_pool: a window of 3x3 does not fit into (8, 2, 4)",
            "pool less often before it, or start from a larger input",
        ),
        (
            "window_avg_pool",
            {"output_size": 2},
            (12,),
            "window_avg_pool takes maps (C, H, W), not the flat (12,)",
            "move it before `flatten`",
        ),
    ],
)
def test_a_custom_layer_says_why_it_cannot_be_applied(
    type_name: str, arguments: dict[str, object], shape: Shape, message: str, help_text: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        layer(type_name, **arguments).output_shape(shape)
    assert (caught.value.message, caught.value.help) == (message, help_text)


@pytest.mark.parametrize(
    ("type_name", "arguments", "message"),
    [
        (
            "squeeze_excite",
            {"squeeze_channels": 4, "ratio": 8},
            "Value error, squeeze_channels and ratio both say how wide the bottleneck is; keep one",
        ),
        (
            "spatial_attention",
            {"kernel_size": [3, 4]},
            "Value error, expected odd sizes; only then does the gate have the map's size",
        ),
        ("mean_lp_pool", {"kernel_size": 2, "p": 0.5}, "Input should be greater than or equal to 1"),
        (
            "mean_lp_pool",
            {"kernel_size": 2, "padding": 2},
            "Value error, torch allows a pool a padding of at most half its kernel size",
        ),
        ("swish", {"clip": 0.0}, "Input should be greater than 0"),
        (
            "noisy_conv",
            {"out_channels": 1, "kernel_size": 1, "std": -0.1},
            "Input should be greater than or equal to 0",
        ),
    ],
)
def test_a_custom_layer_says_which_arguments_it_takes(
    type_name: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        layer(type_name, **arguments)
    assert [detail["msg"] for detail in caught.value.errors()] == [message]
