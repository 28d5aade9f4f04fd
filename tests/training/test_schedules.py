"""Learning rates against torch's own schedulers stepping by themselves; warm-up and budgets by hand."""

import json
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as torchs

from cnnbuild.lang.recipe import Plateau, Recipe, ScheduleChoice
from cnnbuild.training.schedules import PlateauState, learning_rate

STEPS = 4  # steps of an epoch
EPOCHS = 6
TOTAL = STEPS * EPOCHS
LR = 0.8


def recipe(schedule, **rest):
    budget = {} if rest.keys() & {"steps", "seconds"} else {"epochs": EPOCHS}
    return Recipe.model_validate({"optimizer": {"sgd": {"lr": LR}}, "schedule": schedule, **budget, **rest})


def rates_of_torch(make, count, *, arguments=lambda _: ()):
    """The rate of each of `count` steps; between two of them a scheduler's `step` takes `arguments(number)`."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    scheduler = make(optimizer)
    rates = []
    for number in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if number < count - 1:
            scheduler.step(*arguments(number))
    return rates


def rates(schedule, count=TOTAL, **rest):
    return [learning_rate(recipe(schedule, **rest), step, STEPS) for step in range(count)]


BY_EPOCH = [
    ("constant", lambda o: torchs.ConstantLR(o, factor=1.0)),
    (
        {"multi_step": {"milestones": [2, 5], "gamma": 0.5}},
        lambda o: torchs.MultiStepLR(o, [2, 5], gamma=0.5),
    ),
    ({"multi_step": {"milestones": [1]}}, lambda o: torchs.MultiStepLR(o, [1])),
    ({"step": {"step_size": 2}}, lambda o: torchs.StepLR(o, 2)),
    ({"step": {"step_size": 1, "gamma": 0.7}}, lambda o: torchs.StepLR(o, 1, gamma=0.7)),
    ({"exponential": {"gamma": 0.9}}, lambda o: torchs.ExponentialLR(o, 0.9)),
]
BY_STEP = [
    ("cosine", lambda o: torchs.CosineAnnealingLR(o, TOTAL)),
    ({"cosine": {"eta_min": 0.1}}, lambda o: torchs.CosineAnnealingLR(o, TOTAL, eta_min=0.1)),
    ("polynomial", lambda o: torchs.PolynomialLR(o, TOTAL)),
    ({"polynomial": {"power": 2.5}}, lambda o: torchs.PolynomialLR(o, TOTAL, power=2.5)),
    (
        {"linear": {"start_factor": 1.0, "end_factor": 0.0}},
        lambda o: torchs.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=TOTAL),
    ),
    (
        {"linear": {"start_factor": 0.25, "end_factor": 0.75}},
        lambda o: torchs.LinearLR(o, start_factor=0.25, end_factor=0.75, total_iters=TOTAL),
    ),
]


@pytest.mark.parametrize(("schedule", "make"), BY_EPOCH)
def test_a_schedule_by_epochs_has_the_rates_of_torchs_and_holds_them(schedule, make):
    expected = [rate for rate in rates_of_torch(make, EPOCHS) for _ in range(STEPS)]
    assert rates(schedule) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("schedule", "make"), BY_STEP)
def test_a_schedule_by_steps_has_the_rates_of_torchs_stepped_at_every_step(schedule, make):
    assert rates(schedule) == pytest.approx(rates_of_torch(make, TOTAL), rel=1e-10, abs=1e-15)


@pytest.mark.parametrize(
    "settings", [{"t_0": 2}, {"t_0": 1, "t_mult": 2}, {"t_0": 2, "t_mult": 3, "eta_min": 0.1}]
)
def test_a_cosine_with_restarts_begins_anew_as_torchs_does(settings):
    names = {"t_0": "T_0", "t_mult": "T_mult", "eta_min": "eta_min"}
    given = {names[name]: value for name, value in settings.items()}
    expected = rates_of_torch(
        lambda o: torchs.CosineAnnealingWarmRestarts(o, **given),
        TOTAL,
        arguments=lambda number: ((number + 1) / STEPS,),
    )
    assert rates({"cosine_restarts": settings}) == pytest.approx(expected, rel=1e-10)
    assert expected.count(LR) >= 2


@pytest.mark.parametrize("total", [3, 5, 24, 97])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"anneal_strategy": "linear"},
        {"pct_start": 0.5, "div_factor": 10.0, "final_div_factor": 100.0},
        {"three_phase": True},
        {"three_phase": True, "anneal_strategy": "linear", "pct_start": 0.4},
        {"pct_start": 0.0},
        {"pct_start": 1.0},
    ],
)
def test_one_cycle_has_the_rates_of_torchs_with_lr_at_its_peak(settings, total):
    expected = rates_of_torch(
        lambda o: torchs.OneCycleLR(o, LR, total_steps=total, cycle_momentum=False, **settings), total
    )
    assert rates({"one_cycle": settings}, total, steps=total) == pytest.approx(expected, rel=1e-9)


def test_where_torch_divides_by_zero_the_peak_is_reached_at_once():
    # two steps, half of them up: torch's first phase has no length
    assert rates({"one_cycle": {"pct_start": 0.5}}, 2, steps=2) == pytest.approx([LR, LR / 25 / 1e4])


def test_the_triangle_is_the_interpolation_between_its_three_corners():
    settings = {"start": 0.2, "peak": 0.25, "end": 0.07}
    expected = LR * np.interp(np.arange(TOTAL), [0, TOTAL // 4, TOTAL], [0.2, 1, 0.07])
    assert rates({"triangular": settings}) == pytest.approx(expected.tolist(), rel=1e-12)
    assert rates("triangular")[0] == pytest.approx(0.2 * LR)


def losses_of_a_run(seed, count=60):
    generator = np.random.default_rng(seed)
    falling = np.exp(-np.arange(count) / 10) + 0.5
    return (falling + generator.normal(0, 0.05, count)).tolist()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "settings",
    [
        {"patience": 2},
        {"patience": 0, "factor": 0.5, "threshold": 0.01},
        {"patience": 1, "cooldown": 3, "factor": 0.3},
        {"patience": 0, "min_lr": 0.05},
        {"patience": 0, "factor": 0.01},
    ],
)
def test_a_plateau_reduces_where_torchs_does(settings, seed):
    losses = losses_of_a_run(seed)
    plateau = Plateau.model_validate(settings)
    described = recipe({"plateau": settings}, epochs=len(losses))
    expected = rates_of_torch(
        lambda o: torchs.ReduceLROnPlateau(o, **settings),
        len(losses),
        arguments=lambda number: (losses[number],),
    )
    state, ours = PlateauState(), []
    for epoch, loss in enumerate(losses):
        ours.append(learning_rate(described, epoch * STEPS, STEPS, reductions=state.reductions))
        state = PlateauState(
            **json.loads(json.dumps(asdict(state.after(plateau, loss))))
        )  # as in a checkpoint
    assert ours == pytest.approx(expected, rel=1e-12)
    assert len(set(expected)) >= 2


def test_every_schedule_is_compared_here_with_torchs():
    compared = {*(ScheduleChoice.model_validate(s).name for s, _ in [*BY_EPOCH, *BY_STEP])}
    compared |= {"cosine_restarts", "one_cycle", "triangular", "plateau"}
    assert compared == set(ScheduleChoice.model_fields)


def test_steps_hold_the_rate_for_whole_epochs_and_the_cosine_falls_at_every_batch():
    assert rates({"step": {"step_size": 1}}, 8) == pytest.approx([0.8] * 4 + [0.08] * 4)
    assert all(later < earlier for earlier, later in pairwise(rates("cosine")))


def test_warm_up_rises_linearly_by_batch():
    assert rates("constant", 6, warmup_epochs=1) == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])
    assert rates("constant", 3, warmup_epochs=0.5) == pytest.approx([0.4, 0.8, 0.8])


def test_a_run_by_steps_ends_its_schedule_with_its_last_step():
    assert rates("polynomial", 5, steps=5) == pytest.approx([0.8, 0.64, 0.48, 0.32, 0.16])
    # the engine may know better, such as when the last step is left out
    assert learning_rate(recipe("polynomial"), 2, STEPS, total_steps=4) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("schedule", "elapsed", "expected"),
    [
        ("polynomial", 0.25, 0.6),
        ("cosine", 0.5, 0.4),
        ("cosine", 1.2, 0.0),
        ({"triangular": {"start": 0.0, "peak": 0.5, "end": 0.0}}, 0.75, 0.4),
        ({"one_cycle": {"anneal_strategy": "linear", "pct_start": 0.5, "div_factor": 2.0}}, 0.25, 0.6),
        ({"one_cycle": {"pct_start": 0.5}}, 0.5, 0.8),
        ({"one_cycle": {"pct_start": 0.5}}, 1.0, 0.8 / 25 / 1e4),
    ],
)
def test_a_run_of_some_seconds_is_as_far_as_its_time_is_used_up(schedule, elapsed, expected):
    timed = recipe(schedule, seconds=60.0)
    assert learning_rate(timed, 123, STEPS, elapsed=elapsed) == pytest.approx(expected, rel=1e-9)


def test_a_run_of_some_seconds_still_counts_epochs_by_its_steps():
    timed = recipe({"step": {"step_size": 1}}, seconds=60.0)
    assert [learning_rate(timed, step, STEPS, elapsed=0.0) for step in (3, 4)] == pytest.approx([0.8, 0.08])
    with pytest.raises(ValueError, match="needs `elapsed`"):
        learning_rate(timed, 0, STEPS)
