"""The learning rate as a function of the position in a run, and what a plateau has seen so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import assert_never

from cnnbuild.lang.recipe import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    Linear,
    MultiStep,
    OneCycle,
    Plateau,
    Polynomial,
    Recipe,
    ScheduleSettings,
    Step,
    Triangular,
)

SMALLEST_REDUCTION = 1e-8  # torch's `eps`: a smaller change of the learning rate is not made


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a run a step is: `epochs` since its start, and `progress`, the fraction of the run before it.

    `progress` is 0 at the first step and would be 1 at the step after the last. `total_steps` is None
    where nobody knows it, which is so in a run of some seconds.
    """

    epochs: float
    progress: float
    total_steps: int | None = None

    @property
    def finished(self) -> int:
        """How many epochs are over."""
        return int(self.epochs)


def learning_rate(
    recipe: Recipe,
    step: int,
    steps_per_epoch: int,
    *,
    total_steps: int | None = None,
    reductions: int = 0,
    elapsed: float | None = None,
) -> float:
    """The learning rate of `step`, counted from 0 over the whole run.

    `multi_step`, `step`, `exponential` and `plateau` change between epochs, as torch's schedulers do when
    stepped once per epoch; the others change at every step. Warm-up multiplies by (step + 1) / steps of the
    warm-up. Only the learning rate changes, never the momentum.

    Args:
        recipe: Its optimiser's `lr`, its schedule, warm-up and budget.
        step: Steps of the optimiser that were made before this one.
        steps_per_epoch: Steps of a whole epoch.
        total_steps: Steps of the whole run; what the recipe says where it is not given.
        reductions: How often a `plateau` was met so far: `PlateauState.reductions`.
        elapsed: The fraction of the budget that was used up before this step, for a run of some seconds.

    Raises:
        ValueError: the run is one of seconds, and `elapsed` is not given.
    """
    base = recipe.optimizer.chosen.lr
    position = _position(recipe, step, steps_per_epoch, total_steps, elapsed)
    lr = scheduled(recipe.schedule.chosen, base, position, reductions=reductions)
    warmup_steps = round(recipe.warmup_epochs * steps_per_epoch)
    return lr * min(1.0, (step + 1) / warmup_steps) if warmup_steps else lr


def _position(
    recipe: Recipe, step: int, steps_per_epoch: int, total_steps: int | None, elapsed: float | None
) -> Position:
    epochs = step / steps_per_epoch
    if recipe.epochs is not None and total_steps is None:
        total_steps = recipe.epochs * steps_per_epoch
    if recipe.steps is not None and total_steps is None:
        total_steps = recipe.steps
    if total_steps is not None:
        return Position(epochs, min(1.0, step / total_steps), total_steps)
    if elapsed is None:
        raise ValueError("a run of some seconds needs `elapsed`")
    return Position(epochs, min(1.0, max(0.0, elapsed)))


def scheduled(schedule: ScheduleSettings, base: float, position: Position, *, reductions: int = 0) -> float:
    """What a schedule makes of the learning rate `base` at some position, without warm-up."""
    progress, finished = position.progress, position.finished
    match schedule:
        case Constant():
            return base
        case MultiStep(milestones=milestones, gamma=gamma):
            return base * gamma ** sum(milestone <= finished for milestone in milestones)
        case Step(step_size=step_size, gamma=gamma):
            return base * gamma ** (finished // step_size)
        case Exponential(gamma=gamma):
            return base * gamma**finished
        case Cosine(eta_min=eta_min):
            return _half_cosine(base, eta_min, progress)
        case CosineRestarts(eta_min=eta_min):
            return _half_cosine(base, eta_min, _since_restart(schedule, position.epochs))
        case Polynomial(power=power):
            return float(base * (1 - progress) ** power)
        case Linear(start_factor=start, end_factor=end):
            return base * (start + (end - start) * progress)
        case OneCycle():
            return _one_cycle(schedule, base, position)
        case Triangular(start=start, peak=peak, end=end):
            if progress < peak:
                return base * (start + (1 - start) * progress / peak)
            return base * (1 + (end - 1) * (progress - peak) / (1 - peak))
        case Plateau():
            return _reduced(schedule, base, reductions)
        case _:
            assert_never(schedule)


def _half_cosine(begin: float, end: float, share: float) -> float:
    """From `begin` at share 0 to `end` at share 1."""
    return end + (begin - end) * (1 + math.cos(math.pi * share)) / 2


def _since_restart(schedule: CosineRestarts, epochs: float) -> float:
    """The fraction of the present cosine that is over."""
    length = schedule.t_0
    while epochs >= length:
        epochs -= length
        length *= schedule.t_mult
    return epochs / length


def _one_cycle(schedule: OneCycle, base: float, position: Position) -> float:
    """`OneCycleLR` with `max_lr = base`: its phases end at steps, the last with the last step of the run.

    Where the number of steps is not known, the phases end at the same fractions of the run.
    """
    begin = base / schedule.div_factor
    end = begin / schedule.final_div_factor
    rise = schedule.pct_start
    if position.total_steps is None:
        now, unit, offset = position.progress, 1.0, 0.0
    else:  # steps counted from 0: the last of N is N - 1
        now, unit, offset = position.progress * position.total_steps, float(position.total_steps), 1.0
    phases = [(rise * unit - offset, begin, base), (unit - offset, base, end)]
    if schedule.three_phase:
        phases[1:] = [(2 * rise * unit - 2 * offset, base, begin), (unit - offset, begin, end)]
    since = 0.0
    for until, first, last in phases:
        if now <= until or until == phases[-1][0]:
            share = 1.0 if until <= since else min(1.0, (now - since) / (until - since))
            if schedule.anneal_strategy == "linear":
                return first + (last - first) * share
            return _half_cosine(first, last, share)
        since = until
    return end


def _reduced(schedule: Plateau, base: float, reductions: int) -> float:
    lr = base
    for _ in range(reductions):
        lower = max(lr * schedule.factor, schedule.min_lr)
        if lr - lower > SMALLEST_REDUCTION:
            lr = lower
    return lr


@dataclass(frozen=True, slots=True)
class PlateauState:
    """What `plateau` has seen of the validation loss; plain numbers, which a run keeps in its checkpoint.

    `best` is the lowest loss so far, `waited` the epochs without a better one, `cooldown` the epochs that
    are still not counted, `reductions` how often the learning rate was reduced.
    """

    best: float | None = None
    waited: int = 0
    cooldown: int = 0
    reductions: int = 0

    def after(self, schedule: Plateau, loss: float) -> PlateauState:
        """The state after one more epoch, by `ReduceLROnPlateau`'s rule (mode min, threshold mode rel)."""
        if self.best is None or loss < self.best * (1 - schedule.threshold):
            seen = replace(self, best=loss, waited=0)
        else:
            seen = replace(self, waited=self.waited + 1)
        if seen.cooldown > 0:
            seen = replace(seen, cooldown=seen.cooldown - 1, waited=0)
        if seen.waited > schedule.patience:
            return replace(seen, waited=0, cooldown=schedule.cooldown, reductions=seen.reductions + 1)
        return seen
