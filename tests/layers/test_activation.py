"""Activations by hand, at points on both sides of every bend."""

from __future__ import annotations

import math

import pytest
import torch

from tests.layers.contract import standard

POINTS = [-4.0, -1.0, 0.0, 1.0, 7.0]


def normal_share_below(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("type_name", "arguments", "expected"),
    [
        ("relu", {}, [0, 0, 0, 1, 7]),
        ("relu6", {}, [0, 0, 0, 1, 6]),
        ("leaky_relu", {"negative_slope": 0.5}, [-2, -0.5, 0, 1, 7]),
        ("prelu", {}, [-1, -0.25, 0, 1, 7]),
        ("prelu", {"init_value": 0.5}, [-2, -0.5, 0, 1, 7]),
        ("elu", {"alpha": 2}, [2 * math.expm1(-4), 2 * math.expm1(-1), 0, 1, 7]),
        (
            "selu",  # the paper's constants, section 2: alpha 1.6732632, scale 1.0507010
            {},
            [1.7580993 * math.expm1(-4), 1.7580993 * math.expm1(-1), 0, 1.0507010, 7.3549070],
        ),
        ("gelu", {}, [x * normal_share_below(x) for x in POINTS]),
        (
            "gelu",  # equation in section 2 of the paper
            {"approximate": "tanh"},
            [x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) for x in POINTS],
        ),
        ("silu", {}, [x / (1 + math.exp(-x)) for x in POINTS]),
        ("mish", {}, [x * math.tanh(softplus(x)) for x in POINTS]),
        ("hardswish", {}, [0, -1 / 3, 0, 2 / 3, 7]),
        ("sigmoid", {}, [1 / (1 + math.exp(-x)) for x in POINTS]),
        ("hardsigmoid", {}, [0, 1 / 3, 1 / 2, 2 / 3, 1]),
        ("tanh", {}, [math.tanh(x) for x in POINTS]),
        ("softplus", {}, [softplus(x) for x in POINTS]),
        ("softplus", {"beta": 2, "threshold": 10}, [*(softplus(2 * x) / 2 for x in POINTS[:-1]), 7]),
        ("softmax", {}, [math.exp(x) / sum(map(math.exp, POINTS)) for x in POINTS]),
        ("identity", {}, POINTS),
    ],
)
def test_an_activation_is_its_formula(
    type_name: str, arguments: dict[str, object], expected: list[float]
) -> None:
    module = standard(type_name, **arguments).build((len(POINTS),)).double()
    measured = module(torch.tensor([POINTS], dtype=torch.float64))
    torch.testing.assert_close(measured, torch.tensor([expected], dtype=torch.float64), rtol=1e-6, atol=1e-9)


def test_prelu_has_a_slope_for_each_channel_where_it_is_told_so() -> None:
    module = standard("prelu", per_channel=True).build((2, 1, 1))
    module.weight.data = torch.tensor([0.5, 0.1])
    assert module(torch.full((1, 2, 1, 1), -10.0)).flatten().tolist() == pytest.approx([-5, -1])


def test_softmax_of_a_map_sums_to_one_over_the_channels_of_each_pixel() -> None:
    maps = torch.tensor([[[[0.0, 1.0]], [[math.log(3), 1.0]]]])  # (1, 2, 1, 2)
    measured = standard("softmax").build((2, 1, 2))(maps)
    torch.testing.assert_close(measured, torch.tensor([[[[0.25, 0.5]], [[0.75, 0.5]]]]))
