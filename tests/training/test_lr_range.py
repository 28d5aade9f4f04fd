"""The learning-rate range test, where the best rate is known, and where there is none."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from cnnbuild.data.dataset import Dataset, Images
from cnnbuild.data.load import load_dataset
from cnnbuild.errors import DivergedError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.lr_range import LrRange, find_lr, range_test, rates, smoothed


def gradient_descent(curvature: float):
    """f(w) = curvature w^2 / 2 from w = 1: it converges below 2 / curvature, fastest at 1 / curvature."""
    w = 1.0

    def step(lr: float) -> float:
        nonlocal w
        loss = curvature * w * w / 2
        w -= lr * curvature * w
        return loss if math.isfinite(loss) else math.inf

    return step


@pytest.mark.parametrize("curvature", [10.0, 100.0, 1000.0])
def test_on_a_parabola_the_suggestion_is_below_the_best_rate_and_within_a_factor_of_it(curvature):
    found = range_test(gradient_descent(curvature), rates(150))
    best = 1 / curvature
    assert found.suggestion is not None
    assert best / 30 <= found.suggestion <= best
    # the loss is lowest before it grows again, which it does from 2 / curvature on
    assert found.lowest is not None
    assert best / 3 <= found.lowest <= 2 / curvature
    assert found.ending == "diverged"


def test_the_suggestion_follows_the_curvature():
    soft, hard = (range_test(gradient_descent(c), rates(150)).suggestion for c in (10.0, 1000.0))
    assert soft is not None
    assert hard is not None
    assert 50 <= soft / hard <= 200


def test_a_loss_that_stays_gives_no_suggestion():
    found = range_test(lambda _: 2.3, rates(120))
    assert (found.suggestion, found.steepest, found.lowest) == (None, None, None)
    assert found.ending == "reached the highest rate"
    assert found.beginning == pytest.approx(2.3)
    assert repr(found) == "LrRange(the loss never fell, 120 steps)"


def test_noise_alone_gives_no_suggestion():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        noise = iter((2.3 + 0.3 * torch.randn(150, generator=generator)).tolist())
        assert range_test(lambda _, noise=noise: next(noise), rates(150)).suggestion is None


def test_a_loss_that_only_grows_stops_the_test_without_a_suggestion():
    found = range_test(lambda lr: 2.0 if lr < 1e-3 else 2.0 + 1000 * lr, rates(150))
    assert found.ending == "diverged"
    assert found.suggestion is None
    assert found.points[-1].lr < 0.1


def test_a_loss_that_is_not_finite_from_the_first_step_is_an_error():
    with pytest.raises(DivergedError, match="the loss was not finite at a learning rate of 1e-07"):
        range_test(lambda _: math.nan, rates(100))


def test_rates_grow_by_the_same_factor():
    found = rates(9, lowest=1e-7, highest=10)
    assert found == pytest.approx([1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10])


def test_smoothing_leaves_a_line_a_line_and_a_minimum_in_its_place():
    lr = rates(81)
    straight = smoothed(lr, [math.log10(rate) for rate in lr])
    assert straight[20:60] == pytest.approx([math.log10(rate) for rate in lr][20:60])
    bowl = smoothed(lr, [(math.log10(rate) + 3) ** 2 for rate in lr])
    assert lr[bowl.index(min(bowl))] == pytest.approx(1e-3)


def labelled(images: torch.Tensor, labels: torch.Tensor) -> Dataset:
    part = Images(images, labels)
    contract = DataContract("x", *images.shape[1:], 10)
    names = tuple(map(str, range(10)))
    return Dataset(part, part, names, contract, "x", "x", {"name": "x"})


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def test_black_images_teach_nothing():
    dataset = labelled(torch.zeros(640, 1, 8, 8, dtype=torch.uint8), torch.arange(640) % 10)
    found = find_lr(linear(), dataset, Recipe(), seed=0)
    assert found.suggestion is None


def test_a_network_on_digits_learns_faster_with_the_suggestion_than_with_a_hundredth_of_it():
    from cnnbuild.training.fit import fit

    digits = load_dataset(DatasetSettings(name="digits"), data_root=None)
    steps: list[tuple[int, int]] = []
    found = find_lr(linear(), digits, Recipe(), seed=0, on_step=lambda done, of: steps.append((done, of)))
    assert found.suggestion is not None
    assert steps[0] == (1, 100)
    assert len(steps) >= len(found.points)

    def loss_with(lr: float) -> float:
        recipe = Recipe.model_validate({"epochs": 2, "optimizer": {"adam": {"lr": lr}}})
        return fit(linear(), digits, recipe, seed=0).epochs[-1].train_loss

    assert loss_with(found.suggestion) < 0.5 * loss_with(found.suggestion / 100)


def test_two_tests_with_one_seed_are_the_same_to_the_bit():
    digits = load_dataset(DatasetSettings(name="digits"), data_root=None)
    first, second = (find_lr(linear(), digits, Recipe(), seed=3) for _ in range(2))
    assert first == second
    assert isinstance(first, LrRange)
