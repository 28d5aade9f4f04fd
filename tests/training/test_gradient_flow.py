"""Gradient norms and update ratios against numbers worked by hand, and which steps are read."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from cnnbuild.training.gradient_flow import (
    FIRST_STEPS,
    MAX_SAMPLES_PER_EPOCH,
    GradientSampler,
    sampled_positions,
    weights_by_layer,
)


def two_layers():
    """y = b (a x) with a = (3, 4)^T and b = (2, 1), so y = 10 x; one bias per layer, 0."""
    network = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0], [4.0]]))
        network[1].weight.copy_(torch.tensor([[2.0, 1.0]]))
        network[0].bias.zero_()
        network[1].bias.zero_()
    return network


def step_of(network, sampler, x, *, step=0, lr=0.1, scale=1.0):
    """One step of plain gradient descent on the loss y = network(x), with the hooks around it."""
    optimizer = torch.optim.SGD(network.parameters(), lr=lr)
    (network(torch.tensor([[x]])) * scale).sum().backward()
    sampler.before_update(step)
    optimizer.step()
    sampler.after_update(step)
    optimizer.zero_grad()


def test_norms_and_ratios_are_those_worked_by_hand():
    network = two_layers()
    sampler = GradientSampler(network, steps_per_epoch=1)
    assert sampler.layers == ("0", "1")
    step_of(network, sampler, 2.0)
    # dy/da = b^T x = (4, 2), dy/db = (a x)^T = (6, 8); dy/d(first bias) = b = (2, 1), dy/d(second bias) = 1
    flow = sampler.epoch()
    assert flow.sampled_steps == 1
    assert flow.norm == pytest.approx((math.sqrt(20), 10), rel=1e-5)
    assert flow.mean_abs == pytest.approx((3, 7), rel=1e-5)
    assert flow.last_weight_norm == pytest.approx((5, math.sqrt(5)), rel=1e-5)
    assert flow.update_ratio == pytest.approx((0.1 * math.sqrt(20) / 5, 1 / math.sqrt(5)), rel=1e-5)
    everything = math.sqrt(20 + 100 + 5 + 1)
    assert flow.global_norm == pytest.approx(everything, rel=1e-5)
    assert flow.largest_global_norm == flow.last_global_norm == flow.global_norm
    assert flow.last_norm == flow.norm


def test_an_epoch_holds_the_mean_of_its_samples_and_the_last():
    network = two_layers()
    sampler = GradientSampler(network, steps_per_epoch=2)
    step_of(network, sampler, 1.0, step=0, lr=0.0)  # the weights stay, so the second is three times the first
    step_of(network, sampler, 3.0, step=1, lr=0.0)
    flow = sampler.epoch()
    assert flow.sampled_steps == 2
    assert flow.norm == pytest.approx((2 * math.sqrt(5), 10), rel=1e-5)
    assert flow.last_norm == pytest.approx((3 * math.sqrt(5), 15), rel=1e-5)
    assert flow.last_mean_abs == pytest.approx((4.5, 10.5), rel=1e-5)
    assert flow.update_ratio == (0, 0)
    assert flow.largest_global_norm > flow.global_norm
    assert sampler.epoch() is None  # what was told is forgotten


def test_gradients_of_micro_batches_are_those_of_their_sum():
    network = two_layers()
    sampler = GradientSampler(network, steps_per_epoch=1)
    network(torch.tensor([[1.0]])).sum().backward()
    step_of(network, sampler, 1.0)  # adds to what is there, as accumulation does
    assert sampler.epoch().norm == pytest.approx((math.sqrt(20), 10), rel=1e-5)


def test_the_gradients_are_read_before_they_are_clipped():
    network = two_layers()
    sampler = GradientSampler(network, steps_per_epoch=1)
    network(torch.tensor([[2.0]])).sum().backward()
    sampler.before_update(0)
    nn.utils.clip_grad_norm_(network.parameters(), 1e-3)
    torch.optim.SGD(network.parameters(), lr=1.0).step()
    sampler.after_update(0)
    flow = sampler.epoch()
    assert flow.norm == pytest.approx((math.sqrt(20), 10), rel=1e-5)
    assert max(flow.update_ratio) < 1e-3  # the update is the clipped one


def test_what_is_not_finite_is_left_out():
    network = two_layers()
    sampler = GradientSampler(network, steps_per_epoch=2)
    step_of(network, sampler, 2.0, step=0, lr=0.0)
    step_of(network, sampler, 2.0, step=1, lr=0.0, scale=math.inf)
    flow = sampler.epoch()
    assert flow.norm == pytest.approx((math.sqrt(20), 10), rel=1e-5)
    assert flow.last_norm == (None, None)
    assert flow.last_global_norm is None
    step_of(network, sampler, 2.0, step=2, lr=0.0, scale=math.nan)
    assert sampler.epoch().norm == (None, None)


def test_a_weight_without_a_gradient_and_a_weight_of_zeros():
    network = nn.ModuleDict({"used": nn.Linear(1, 1, bias=False), "unused": nn.Linear(1, 1, bias=False)})
    nn.init.zeros_(network["used"].weight)
    sampler = GradientSampler(network, steps_per_epoch=1)
    network["used"](torch.ones(1, 1)).sum().backward()
    sampler.before_update(0)
    sampler.after_update(0)
    flow = sampler.epoch()
    assert flow.norm == (1, 0)
    assert flow.update_ratio == (None, 0)  # nothing is a share of a norm of 0


def test_of_several_backward_passes_in_one_step_the_first_is_read():
    network = two_layers()
    sampler = GradientSampler(network, steps_per_epoch=1)
    for x in (2.0, 50.0):
        network.zero_grad()
        network(torch.tensor([[x]])).sum().backward()
        sampler.before_update(0)
    sampler.after_update(0)
    assert sampler.epoch().norm == pytest.approx((math.sqrt(20), 10), rel=1e-5)


class Operators(TorchDispatchMode):
    """Notes the name of every operator that is run."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(function._schema.name)
        return function(*args, **(kwargs or {}))


def test_no_number_is_fetched_before_the_epoch_ends():
    # fetching a number is what a GPU is waited for; copies of what is on the device are not
    network = two_layers()
    sampler = GradientSampler(network, steps_per_epoch=1)
    network(torch.tensor([[2.0]])).sum().backward()
    with Operators() as reading:
        sampler.before_update(0)
        sampler.after_update(0)
    fetching = {"aten::_local_scalar_dense", "aten::_to_copy", "aten::nonzero", "aten::equal"}
    assert "aten::_foreach_norm" in {name.split(".")[0] for name in reading.names}
    assert not fetching & set(reading.names)
    with Operators() as ending:
        assert float(torch.ones(1)) == 1  # what would be seen if there were one
        sampler.epoch()
    assert fetching & set(ending.names)


def test_layers_are_weights_of_two_axes_and_more_by_name():
    network = nn.Sequential()
    network.add_module("conv", nn.Conv2d(1, 2, 3))
    network.add_module("norm", nn.BatchNorm2d(2))
    network.add_module("attention", nn.MultiheadAttention(2, 1))
    network.add_module("frozen", nn.Linear(2, 2).requires_grad_(False))
    assert list(weights_by_layer(network)) == ["conv", "attention.in_proj_weight", "attention.out_proj"]
    assert list(weights_by_layer(nn.Linear(2, 2))) == ["weight"]


@pytest.mark.parametrize(
    ("steps", "samples"), [(1, 1), (24, 1), (25, 2), (48, 2), (480, 20), (844, 20), (1_000_000, 20)]
)
def test_an_epoch_is_sampled_evenly_and_seldom(steps, samples):
    positions = sorted(sampled_positions(steps))
    assert len(positions) == samples <= MAX_SAMPLES_PER_EPOCH
    gaps = [later - earlier for earlier, later in pairwise(positions)]
    assert max(gaps, default=0) - min(gaps, default=0) <= 1
    assert abs(positions[0] - (steps - 1 - positions[-1])) <= 1  # as far from the start as from the end


def test_which_steps_are_sampled_follows_from_their_numbers():
    sampler = GradientSampler(two_layers(), steps_per_epoch=22)
    sampled = [step for step in range(44) if sampler.is_sampled(step)]
    assert sampled == [0, 1, 2, 11, 33]
    assert FIRST_STEPS == 3


def test_other_steps_are_not_read():
    network = two_layers()
    sampler = GradientSampler(network, steps_per_epoch=22)
    step_of(network, sampler, 2.0, step=5)
    assert sampler.epoch() is None


def test_an_epoch_that_is_taken_up_again_ends_as_one_that_was_not():
    def run(interrupt):
        network = two_layers()
        sampler = GradientSampler(network, steps_per_epoch=4)
        for step in range(4):
            if interrupt and step == 2:
                state = sampler.state()
                sampler = GradientSampler(network, steps_per_epoch=4)
                sampler.restore(state)
            step_of(network, sampler, 1.0 + step, step=step, lr=1e-3)
        return sampler.epoch()

    assert run(interrupt=True) == run(interrupt=False)
    assert run(interrupt=False).sampled_steps == 3


def test_a_network_without_such_weights_is_not_read():
    network = nn.Sequential(nn.BatchNorm1d(1))
    sampler = GradientSampler(network, steps_per_epoch=1)
    sampler.before_update(0)
    sampler.after_update(0)
    assert (sampler.layers, sampler.epoch()) == ((), None)
