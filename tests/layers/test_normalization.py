"""Normalisations by hand, and in training."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.convnext import LayerNorm2d

from tests.layers.contract import standard

ROOT = 1.5**0.5  # -1, 0, 1 has variance 2/3


def normalized(type_name: str, maps: torch.Tensor, **arguments: object) -> torch.Tensor:
    return standard(type_name, eps=1e-12, **arguments).build(tuple(maps.shape[1:])).double().eval()(maps)


def test_layer_norm_brings_the_channels_of_each_pixel_to_mean_zero_and_variance_one() -> None:
    maps = torch.tensor([[[[1.0, 5.0]], [[2.0, 9.0]], [[3.0, 13.0]]]], dtype=torch.float64)  # (1, 3, 1, 2)
    expected = [-ROOT, -ROOT, 0, 0, ROOT, ROOT]
    assert normalized("layer_norm", maps).flatten().tolist() == pytest.approx(expected)


def test_layer_norm_over_all_takes_channels_and_pixels_together_with_and_without_weights() -> None:
    maps = torch.tensor([[[[1.0, 1.0]], [[2.0, 2.0]], [[3.0, 3.0]]]], dtype=torch.float64)
    expected = [-ROOT, -ROOT, 0, 0, ROOT, ROOT]
    for affine in (True, False):
        measured = normalized("layer_norm", maps, over="all", elementwise_affine=affine)
        assert measured.flatten().tolist() == pytest.approx(expected)


def test_layer_norm_of_a_flat_tensor_takes_its_features() -> None:
    features = torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]], dtype=torch.float64)
    expected = [-ROOT, 0, ROOT] * 2
    assert normalized("layer_norm", features).flatten().tolist() == pytest.approx(expected)


def test_layer_norm_is_that_of_torchvisions_convnext_with_weights_of_the_same_names() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 4, 3, 5, generator=generator)
    theirs = LayerNorm2d(4, eps=1e-6)
    theirs.weight.data, theirs.bias.data = torch.randn(2, 4, generator=generator)
    ours = standard("layer_norm", eps=1e-6).build((4, 3, 5))
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(maps), theirs(maps), rtol=0, atol=0)


def test_group_norm_takes_the_channels_of_a_group_together() -> None:
    maps = torch.tensor([[[[1.0]], [[3.0]], [[10.0]], [[30.0]]]], dtype=torch.float64)  # (1, 4, 1, 1)
    assert normalized("group_norm", maps, num_groups=2).flatten().tolist() == pytest.approx([-1, 1, -1, 1])


def test_instance_norm_takes_each_channel_of_each_image_by_itself() -> None:
    maps = torch.tensor([[[[1.0, 3.0]], [[10.0, 30.0]]], [[[5.0, 7.0]], [[0.0, 1.0]]]], dtype=torch.float64)
    assert normalized("instance_norm", maps).flatten().tolist() == pytest.approx([-1, 1] * 4)


def test_instance_norm_gathers_statistics_in_training_and_evaluates_with_them_where_it_tracks() -> None:
    module = standard("instance_norm", track_running_stats=True, momentum=0.5).build((1, 1, 2))
    maps = torch.tensor([[[[1.0, 3.0]]]])  # mean 2, unbiased variance 2
    assert module(maps).flatten().tolist() == pytest.approx([-1, 1], abs=1e-4)
    assert module.running_mean.tolist() == [1]  # halfway from 0 to 2
    assert module.running_var.tolist() == [1.5]  # halfway from 1 to 2
    assert module.eval()(maps).flatten().tolist() == pytest.approx([0, 2 / 1.5**0.5], abs=1e-4)


def test_local_response_norm_divides_by_the_mean_square_of_the_channels_around() -> None:
    maps = torch.tensor([[[[1.0]], [[2.0]], [[3.0]]]])  # squares 1, 4, 9; beyond the ends 0
    measured = standard("local_response_norm", size=3, alpha=3, beta=1, k=2).build((3, 1, 1))(maps)
    assert measured.flatten().tolist() == pytest.approx([1 / (2 + 5), 2 / (2 + 14), 3 / (2 + 13)])
