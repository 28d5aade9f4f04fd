"""The learning-rate range test (Smith 2017): train while the rate grows, and see where the loss falls.

The rate rises exponentially, step by step, from far too small to far too large. The network is spoilt by it
and is thrown away. One test is one random order of the images: a hint where to begin, no measurement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from torch import Tensor, nn

from cnnbuild.data.augment import augment
from cnnbuild.data.batches import shuffled_batches
from cnnbuild.data.dataset import Dataset
from cnnbuild.errors import DivergedError
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.allocator import kept_memory
from cnnbuild.training.devices import chosen
from cnnbuild.training.failures import failures_told
from cnnbuild.training.machine import choose_device
from cnnbuild.training.run import Run, prepare_run
from cnnbuild.training.seeding import derived_seed, seeded
from cnnbuild.training.steps import take_step
from cnnbuild.training.threads import worthwhile_threads

LOWEST, HIGHEST = 1e-7, 10.0
MIN_STEPS, MAX_STEPS = 100, 200  # an epoch where it lies between
BEGINNING = 0.1  # share of the steps whose rates are too small to change anything
SMOOTHING_DECADES = 0.2  # standard deviation of the window over which losses are averaged
RUNNING_AVERAGE = 0.8  # for the decision to stop, which cannot look ahead
TOO_HIGH = 1.5  # times the loss of the beginning
WORTH_NAMING = 0.05  # share of that loss by which it must fall
CLEAR_OF_NOISE = 8.0  # and standard errors: the lowest of a hundred means is looked at

Ending: TypeAlias = Literal["diverged", "reached the highest rate"]


@dataclass(frozen=True, slots=True)
class RangePoint:
    """One step: its learning rate, the loss of its batch, and the mean loss around it."""

    lr: float
    loss: float
    smoothed: float


@dataclass(frozen=True, slots=True, repr=False)
class LrRange:
    """What a range test found.

    `steepest` is the rate where the smoothed loss falls fastest over the logarithm of the rate, `lowest` the
    one where it is lowest; `suggestion` is the geometric mean of `steepest` and a tenth of `lowest`. All
    three are None where the loss never fell. `beginning` is the loss at rates too small to change anything.
    """

    points: tuple[RangePoint, ...]
    ending: Ending
    beginning: float
    steepest: float | None
    lowest: float | None

    def __repr__(self) -> str:
        """What was found; not all the points."""
        if self.suggestion is None:
            return f"LrRange(the loss never fell, {len(self.points)} steps)"
        found = f"steepest={self.steepest:.2g}, lowest={self.lowest:.2g}"
        return f"LrRange(suggestion={self.suggestion:g}, {found}, {len(self.points)} steps)"

    @property
    def suggestion(self) -> float | None:
        """Where to begin, rounded to one digit."""
        if self.steepest is None or self.lowest is None:
            return None
        return _one_digit(math.sqrt(self.steepest * self.lowest / 10))

    def to_dict(self) -> dict[str, object]:
        """The same as JSON-safe data."""
        return {
            "suggestion": self.suggestion,
            "steepest": self.steepest,
            "lowest": self.lowest,
            "beginning": self.beginning,
            "ending": self.ending,
            "points": [{"lr": p.lr, "loss": p.loss, "smoothed": p.smoothed} for p in self.points],
        }


def find_lr(
    module: nn.Module,
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    head_weights: Mapping[str, float] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> LrRange:
    """A range test with the recipe's optimiser, batch size, augmentation and data; its schedule is left out.

    `module` is spoilt. `on_step` is told the number of the step and of all steps.

    Raises:
        RunError: the network has no parameters or the wrong output.
        DataError: too few images for the validation part.
        UsageError: the recipe names a device that is not here.
    """
    device = choose_device(recipe.device)
    run = prepare_run(module, dataset, recipe, seed=seed, device=device, head_weights=head_weights or {})
    steps = min(MAX_STEPS, max(MIN_STEPS, run.steps_per_epoch))
    batches = _batches(run, steps)
    done = 0

    def step(lr: float) -> float:
        nonlocal done
        done += 1
        if on_step is not None:
            on_step(done, steps)
        return _train_step(run, next(batches), lr, done - 1)

    image, _ = run.train.batch(run.fitted[:1])
    with (
        failures_told(recipe, None),
        chosen(device, run.execution.precision),
        kept_memory(),
        worthwhile_threads(module, image, recipe.batch_size),
        seeded(derived_seed(seed, "dropout")),
    ):
        module.train()
        run.frozen.hold()
        return range_test(step, rates(steps))


def rates(steps: int, *, lowest: float = LOWEST, highest: float = HIGHEST) -> list[float]:
    """Learning rates from `lowest` to `highest`, each the same multiple of the one before."""
    return [lowest * (highest / lowest) ** (number / (steps - 1)) for number in range(steps)]


def range_test(step: Callable[[float], float], learning_rates: list[float]) -> LrRange:
    """What comes of taking one step at each rate; `step` gives the loss before its update.

    Raises:
        DivergedError: the loss is not finite from the first step on.
    """
    losses: list[float] = []
    ending: Ending = "reached the highest rate"
    first = max(2, round(len(learning_rates) * BEGINNING))
    average = 0.0
    for number, lr in enumerate(learning_rates):
        loss = step(lr)
        if not math.isfinite(loss):
            ending = "diverged"
            break
        losses.append(loss)
        average = loss if number == 0 else RUNNING_AVERAGE * average + (1 - RUNNING_AVERAGE) * loss
        if number >= first and average > TOO_HIGH * _mean(losses[:first]):
            ending = "diverged"
            break
    if len(losses) < first:
        raise DivergedError(f"the loss was not finite at a learning rate of {learning_rates[len(losses)]:g}")
    return _judged(learning_rates[: len(losses)], losses, first, ending)


def smoothed(learning_rates: list[float], losses: list[float]) -> list[float]:
    """The mean loss around each rate, weighted by a Gaussian over the logarithm of the rate.

    It looks to both sides, so that a minimum stays where it is.
    """
    places = [math.log10(lr) for lr in learning_rates]
    found: list[float] = []
    for place in places:
        weights = [math.exp(-0.5 * ((other - place) / SMOOTHING_DECADES) ** 2) for other in places]
        found.append(sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights))
    return found


def _judged(learning_rates: list[float], losses: list[float], first: int, ending: Ending) -> LrRange:
    curve = smoothed(learning_rates, losses)
    points = tuple(map(RangePoint, learning_rates, losses, curve))
    beginning = _mean(losses[:first])
    noise = math.sqrt(sum((loss - beginning) ** 2 for loss in losses[:first]) / (first - 1) / first)
    bottom = min(range(len(curve)), key=curve.__getitem__)
    fall = beginning - curve[bottom]
    if bottom == 0 or fall < max(WORTH_NAMING * abs(beginning), CLEAR_OF_NOISE * noise):
        return LrRange(points, ending, beginning, None, None)
    slopes = [
        (after - before) / math.log(up / down)
        for (before, after), (down, up) in zip(
            pairwise(curve[: bottom + 1]), pairwise(learning_rates[: bottom + 1]), strict=True
        )
    ]
    fastest = min(range(len(slopes)), key=slopes.__getitem__)
    between = math.sqrt(learning_rates[fastest] * learning_rates[fastest + 1])
    return LrRange(points, ending, beginning, between, learning_rates[bottom])


def _batches(run: Run, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Images and labels of shuffled batches, epoch after epoch."""
    epoch, left = 0, steps
    while left > 0:
        epoch += 1
        lists = [run.fitted[batch.to(run.device)] for batch in _shuffled(run)][:left]
        left -= len(lists)
        yield from run.train.batches(lists, epoch=epoch)


def _shuffled(run: Run) -> Iterator[Tensor]:
    return shuffled_batches(len(run.fitted), run.recipe.batch_size, run.order)


def _train_step(run: Run, batch: tuple[Tensor, Tensor], lr: float, number: int) -> float:
    """One step of the recipe's optimiser at a rate; the loss before it."""
    for group in run.optimizer.param_groups:
        group["lr"] = lr
    images, targets = augment(*batch, run.recipe.augment, run.order, classes=run.classes)
    return float(take_step(run, images, targets, number))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _one_digit(value: float) -> float:
    """The nearest number with one digit.

    >>> _one_digit(0.00234)
    0.002
    """
    return float(f"{value:.0e}")
