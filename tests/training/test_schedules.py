"""Learning rates against torch's own schedulers, and the warm-up by hand."""

from itertools import pairwise

import pytest
import torch

from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.schedules import learning_rate

STEPS = 4  # batches in an epoch


def recipe(schedule, **rest):
    return Recipe.model_validate(
        {"epochs": 6, "optimizer": {"sgd": {"lr": 0.8}}, "schedule": schedule, **rest}
    )


def torchs(make, epochs=6):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.8)
    scheduler = make(optimizer)
    rates = []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (
            {"multi_step": {"milestones": [2, 5], "gamma": 0.5}},
            lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [2, 5], gamma=0.5),
        ),
        ({"step": {"step_size": 2}}, lambda o: torch.optim.lr_scheduler.StepLR(o, 2, gamma=0.1)),
        (
            {"cosine": {"eta_min": 0.1}},
            lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=6, eta_min=0.1),
        ),
        ("constant", lambda o: torch.optim.lr_scheduler.ConstantLR(o, factor=1.0)),
    ],
)
def test_each_epoch_begins_with_the_rate_of_torchs_scheduler(schedule, make):
    ours = [learning_rate(recipe(schedule), epoch * STEPS, STEPS) for epoch in range(6)]
    assert ours == pytest.approx(torchs(make), rel=1e-12)


def test_steps_hold_the_rate_for_whole_epochs_and_the_cosine_falls_at_every_batch():
    steps = [learning_rate(recipe({"step": {"step_size": 1}}), step, STEPS) for step in range(8)]
    assert steps == pytest.approx([0.8] * 4 + [0.08] * 4)
    cosine = [learning_rate(recipe("cosine"), step, STEPS) for step in range(24)]
    assert all(later < earlier for earlier, later in pairwise(cosine))


def test_warm_up_rises_linearly_by_batch():
    warm = recipe("constant", warmup_epochs=1)
    assert [learning_rate(warm, step, STEPS) for step in range(6)] == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 0.8, 0.8]
    )
    half = recipe("constant", warmup_epochs=0.5)
    assert [learning_rate(half, step, STEPS) for step in range(3)] == pytest.approx([0.4, 0.8, 0.8])
