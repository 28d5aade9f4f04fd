"""What is dropped in training, and that nothing is dropped afterwards."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.ops import StochasticDepth

from tests.layers.contract import standard

IMAGES, CHANNELS = 400, 5


def trained(type_name: str, maps: Tensor, seed: int = 0, **arguments: object) -> Tensor:
    torch.manual_seed(seed)
    return standard(type_name, **arguments).build(tuple(maps.shape[1:])).train()(maps)


@pytest.mark.parametrize("type_name", ["dropout", "dropout2d", "stochastic_depth"])
def test_nothing_is_dropped_when_the_network_is_evaluated(type_name: str) -> None:
    maps = torch.rand(4, 3, 2, 2)
    assert torch.equal(standard(type_name, p=0.9).build((3, 2, 2)).eval()(maps), maps)


@pytest.mark.parametrize("type_name", ["dropout", "dropout2d", "stochastic_depth"])
def test_a_probability_of_one_would_leave_nothing_and_is_refused(type_name: str) -> None:
    with pytest.raises(ValueError, match="Input should be less than 1"):
        standard(type_name, p=1)


def test_dropout2d_drops_whole_channels_and_scales_the_others_up() -> None:
    dropped = trained("dropout2d", torch.ones(IMAGES, CHANNELS, 3, 4), p=0.2)
    channels = dropped.flatten(2)  # (N, C, H * W)
    assert torch.equal(channels, channels[..., :1].expand_as(channels))
    assert channels.unique().tolist() == [0, 1.25]
    share = (channels[..., 0] == 0).double().mean().item()
    assert share == pytest.approx(0.2, abs=0.04)  # four standard deviations of 2000 draws
    assert (channels[..., 0] == 0).sum(dim=1).unique().numel() - 1 > 0  # not all channels of an image alike


def test_stochastic_depth_drops_whole_images_each_by_itself() -> None:
    dropped = trained("stochastic_depth", torch.ones(IMAGES, CHANNELS, 2, 2), p=0.2)
    images = dropped.flatten(1)  # (N, C * H * W)
    assert torch.equal(images, images[:, :1].expand_as(images))
    assert images.unique().tolist() == [0, 1.25]
    assert (images[:, 0] == 0).double().mean().item() == pytest.approx(0.2, abs=0.08)


def test_stochastic_depth_of_a_batch_keeps_or_drops_all_images_together() -> None:
    outcomes = {
        tuple(trained("stochastic_depth", torch.ones(8, 3), seed, p=0.5, mode="batch").unique().tolist())
        for seed in range(20)
    }
    assert outcomes == {(0,), (2,)}


@pytest.mark.parametrize("mode", ["row", "batch"])
@pytest.mark.parametrize("shape", [(6, 3, 2, 2), (6, 3)])
def test_stochastic_depth_draws_what_torchvision_draws(mode: str, shape: tuple[int, ...]) -> None:
    maps = torch.rand(shape)
    for seed in range(10):
        ours = trained("stochastic_depth", maps, seed, p=0.3, mode=mode)
        torch.manual_seed(seed)
        torch.testing.assert_close(ours, StochasticDepth(0.3, mode).train()(maps), rtol=0, atol=0)
