"""`mean_lp_pool` and `window_avg_pool` against torch's pools, and against values worked by hand."""

from __future__ import annotations

import math
import random

import pytest
import torch
from torch import nn

from cnnbuild.layers.base import Layer, ShapeError
from cnnbuild.layers.registry import standard_registry


def layer(type_name: str, **arguments: object) -> Layer:
    return standard_registry().types[type_name].model_validate(arguments)


def test_mean_lp_pool_is_worked_by_hand() -> None:
    x = torch.tensor([[[[3.0, -4.0, 1.0, 1.0], [0.0, 0.0, -1.0, 1.0]]]], dtype=torch.float64)
    # (9 + 16) / 4 = 6.25, whose root is 2.5; ones stay ones at any p
    assert layer("mean_lp_pool", kernel_size=2).build((1, 2, 4))(x).flatten().tolist() == [2.5, 1.0]
    cubic = layer("mean_lp_pool", kernel_size=2, p=3.0).build((1, 2, 4))(x).flatten().tolist()
    assert cubic == pytest.approx([((27 + 64) / 4) ** (1 / 3), 1.0])
    x.requires_grad_()
    layer("mean_lp_pool", kernel_size=2).build((1, 2, 4))(x)[0, 0, 0, 0].backward()
    # d sqrt(mean x^2) / dx = x / (4 * 2.5)
    assert x.grad.flatten().tolist() == pytest.approx([0.3, -0.4, 0, 0, 0, 0, 0, 0])


def random_pool(draw: random.Random) -> dict[str, object]:
    kernel = (draw.randint(1, 5), draw.randint(1, 5))
    return {
        "kernel_size": kernel,
        "stride": (draw.randint(1, 4), draw.randint(1, 4)),
        "padding": tuple(draw.randint(0, size // 2) for size in kernel),
        "ceil_mode": draw.random() < 0.5,
        "count_include_pad": draw.random() < 0.5,
    }


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
def test_mean_lp_pool_is_the_root_of_torch_s_mean_of_powers_with_every_option(p: float) -> None:
    draw, compared = random.Random(3), 0
    for _ in range(150):
        shape, arguments = (2, draw.randint(1, 12), draw.randint(1, 12)), random_pool(draw)
        pool = layer("mean_lp_pool", **arguments, p=p)
        try:
            pool.output_shape(shape)
        except ShapeError:
            continue
        x = torch.randn(2, *shape, dtype=torch.float64)
        expected = nn.AvgPool2d(**arguments)(x.abs().pow(p)).pow(1 / p)
        torch.testing.assert_close(pool.build(shape)(x), expected, rtol=1e-12, atol=1e-12)
        compared += 1
    assert compared > 100


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("size", [7, 8])
def test_mean_lp_pool_with_ceil_mode_can_be_traced_as_tools_do_that_count(size: int) -> None:
    pool = layer("mean_lp_pool", kernel_size=2, stride=3, ceil_mode=True).build((1, size, size))
    x = torch.rand(1, 1, size, size)
    traced = torch.jit.trace(pool, x)
    assert torch.equal(traced(x), pool(x))
    assert traced(x).shape == nn.MaxPool2d(2, 3, ceil_mode=True)(x).shape


def test_mean_lp_pool_approaches_the_largest_absolute_value() -> None:
    x = torch.randn(4, 3, 8, 8)
    largest = nn.MaxPool2d(2)(x.abs())
    for p in (10.0, 100.0, 1e4, 1e30):
        pooled = layer("mean_lp_pool", kernel_size=2, p=p).build((3, 8, 8))(x)
        # at most the maximum, at least the maximum divided by the p-th root of the window's 4 pixels
        assert (pooled <= largest * (1 + 1e-6)).all()
        assert (pooled >= largest * 4 ** (-1 / p) * (1 - 1e-6)).all()


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 100.0, 1e6])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_mean_lp_pool_neither_overflows_nor_vanishes_forward_or_backward(p: float, scale: float) -> None:
    x = (torch.tensor([[[[3.0, -4.0], [0.0, 1.0]]]]) * scale).requires_grad_()
    pooled = layer("mean_lp_pool", kernel_size=2, p=p).build((1, 2, 2))(x)
    exact = scale * 4 * math.exp(math.log((0.75**p + 1 + 0.25**p) / 4) / p)  # 0.75^p may vanish beside 1
    assert pooled.item() == pytest.approx(exact, rel=1e-6)
    pooled.backward()
    # homogeneous of degree 1, so Euler: the sum of x * gradient is the value itself
    assert (x.grad / x.grad.abs().sum()).isfinite().all()
    assert (x / scale * x.grad).sum().item() == pytest.approx(exact / scale, rel=1e-5)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 50.0])
def test_a_window_of_zeros_gives_zero_and_passes_no_gradient(p: float) -> None:
    x = torch.zeros(1, 1, 2, 4)
    x[0, 0, 0, 3] = 2.0
    x.requires_grad_()
    pooled = layer("mean_lp_pool", kernel_size=2, p=p).build((1, 2, 4))(x)
    assert pooled[0, 0, 0, 0] == 0
    pooled.sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad[0, 0, :, :2].tolist() == [[0, 0], [0, 0]]
    assert x.grad[0, 0, 0, 3] > 0


ROUNDINGS = {torch.float32: 2.0, torch.float64: 2.0, torch.bfloat16: 1.0}
"""In units of the type's epsilon times the largest input; measured over these maps: 0.7, 0.4 and 0.4."""


@pytest.mark.parametrize("dtype", ROUNDINGS)
def test_window_avg_pool_is_adaptive_avg_pool_up_to_rounding(dtype: torch.dtype) -> None:
    draw = random.Random(4)
    for _ in range(150):
        shape = (3, draw.randint(1, 40), draw.randint(1, 40))
        output_size = (draw.randint(1, 12), draw.randint(1, 12))
        x = torch.randn(2, *shape).to(dtype)
        pooled = layer("window_avg_pool", output_size=output_size).build(shape)(x)
        expected = nn.AdaptiveAvgPool2d(output_size)(x)
        assert (pooled.shape, pooled.dtype) == (expected.shape, dtype)
        allowed = ROUNDINGS[dtype] * torch.finfo(dtype).eps * x.abs().max().item()
        assert (pooled - expected).abs().max().item() <= allowed, (shape, output_size)


def test_one_window_avg_pool_takes_maps_of_any_size_and_has_the_gradients_of_torch_s() -> None:
    pool = layer("window_avg_pool", output_size=(3, 2)).build((2, 8, 8))
    for size in ((8, 8), (7, 11), (1, 1), (2, 5)):
        x = torch.randn(2, 2, *size, dtype=torch.float64)
        mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
        pooled, expected = pool(mine), nn.AdaptiveAvgPool2d((3, 2))(theirs)
        weights = torch.randn_like(expected)
        (pooled * weights).sum().backward()
        (expected * weights).sum().backward()
        torch.testing.assert_close(pooled, expected, rtol=1e-14, atol=1e-14)
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-14, atol=1e-14)
