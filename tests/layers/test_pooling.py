"""Pools by hand."""

from __future__ import annotations

import pytest
import torch

from tests.layers.contract import standard

MAP = torch.tensor([[[[1.0, 2.0, 5.0], [3.0, 4.0, 6.0]]]])  # (1, 1, 2, 3)


@pytest.mark.parametrize(
    ("type_name", "arguments", "expected"),
    [
        ("max_pool", {"kernel_size": 2, "stride": 1}, [4, 6]),
        ("max_pool", {"kernel_size": 2, "ceil_mode": True}, [4, 6]),
        ("avg_pool", {"kernel_size": 2, "stride": 1}, [2.5, 4.25]),
        ("avg_pool", {"kernel_size": 2, "stride": 1, "divisor_override": 1}, [10, 17]),
        ("lp_pool", {"norm_type": 1, "kernel_size": 2, "stride": 1}, [10, 17]),
        ("lp_pool", {"norm_type": 2, "kernel_size": 2, "stride": 1}, [30**0.5, 81**0.5]),
        ("lp_pool", {"norm_type": 3, "kernel_size": [1, 3]}, [134 ** (1 / 3), 307 ** (1 / 3)]),
        ("adaptive_avg_pool", {"output_size": [1, 2]}, [2.5, 4.25]),
        ("adaptive_max_pool", {"output_size": [2, 1]}, [5, 6]),
        ("global_avg_pool", {}, [3.5]),
        ("global_max_pool", {}, [6]),
    ],
)
def test_a_pool_is_its_formula(type_name: str, arguments: dict[str, object], expected: list[float]) -> None:
    layer = standard(type_name, **arguments)
    measured = layer.build((1, 2, 3))(MAP)
    assert measured.flatten().tolist() == pytest.approx(expected)
    assert layer.output_shape((1, 2, 3)) == tuple(measured.shape[1:])


def test_the_windows_of_an_lp_pool_that_hold_nothing_have_no_gradient() -> None:
    maps = torch.zeros(1, 1, 2, 2, requires_grad=True)
    standard("lp_pool", norm_type=2, kernel_size=2).build((1, 2, 2))(maps).sum().backward()
    assert maps.grad is not None
    assert maps.grad.tolist() == [[[[0, 0], [0, 0]]]]
