"""What happens to channels, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.layers.contract import standard


def numbered(channels: int) -> Tensor:
    """A pixel whose channels hold their own numbers."""
    return torch.arange(float(channels)).reshape(1, channels, 1, 1)


def test_channel_shuffle_deals_the_channels_of_each_group_out() -> None:
    two = standard("channel_shuffle", groups=2).build((6, 1, 1))(numbered(6))
    assert two.flatten().tolist() == [0, 3, 1, 4, 2, 5]
    three = standard("channel_shuffle", groups=3).build((6, 1, 1))(numbered(6))
    assert three.flatten().tolist() == [0, 2, 4, 1, 3, 5]


def test_split_channels_gives_the_part_that_is_asked_for() -> None:
    parts = [
        standard("split_channels", sections=3, index=index).build((6, 1, 1))(numbered(6)).flatten().tolist()
        for index in range(3)
    ]
    assert parts == [[0, 1], [2, 3], [4, 5]]


def test_layer_scale_multiplies_each_channel_and_starts_at_its_initial_value() -> None:
    module = standard("layer_scale", init_value=0.5).build((2, 1, 2))
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    assert module(maps).flatten().tolist() == [0.5, 1, 1.5, 2]
    module.weight.data = torch.tensor([10.0, 100.0]).reshape(2, 1, 1)
    assert module(maps).flatten().tolist() == [10, 20, 300, 400]


def test_scale_multiplies_every_value_by_its_factor_and_learns_nothing() -> None:
    module = standard("scale", factor=0.5).build((2, 1, 2))
    assert module(torch.tensor([[[[1.0, 2.0]], [[-3.0, 0.0]]]])).tolist() == [[[[0.5, 1.0]], [[-1.5, 0.0]]]]
    assert list(module.state_dict()) == []
    assert str(module) == "Scale(0.5)"


def test_layer_scale_of_a_flat_tensor_has_one_number_for_each_feature() -> None:
    assert standard("layer_scale").build((3,)).weight.tolist() == pytest.approx([1e-6] * 3)
