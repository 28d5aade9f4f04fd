"""From the record of a run to its condition."""

from __future__ import annotations

from collections.abc import Iterable

from cnnbuild.studies.health import failures, suspicions
from cnnbuild.studies.health.condition import Health
from cnnbuild.studies.health.failures import Look
from cnnbuild.studies.health.signs import (
    Signs,
    guesses_at_last,
    is_above_chance,
    rise_before_the_end,
    signs_of,
    size_and_majority_share,
)
from cnnbuild.studies.health.thresholds import EXTREME_RATE, FEW_STEPS, LITTLE_ABOVE_CHANCE, RISEN_UNTRAINED
from cnnbuild.studies.health.wording import RANGE_TEST, SMALLER_RATE, chance
from cnnbuild.training.record import Evaluation, RunRecord


def diverged(run: RunRecord, reason: str) -> Health:
    """The condition of a run whose loss left the finite numbers."""
    signs = signs_of(run)
    largest = f"{reason}; its largest finite loss was {run.largest_loss:.3g}" if run.largest_loss else reason
    if run.largest_loss is None and not run.epochs:
        return Health(
            "diverged",
            f"{reason}, before any weight had changed: no learning rate did it",
            "look for values that are not finite in the images, their normalisation (a deviation of 0), the "
            "initial weights and in layers that divide or take logarithms and roots",
            "non-finite values",
        )
    rise = rise_before_the_end(run)
    too_soon = signs.steps <= FEW_STEPS
    if rise >= RISEN_UNTRAINED or (too_soon and _rate(run) > EXTREME_RATE):
        return Health("diverged", largest, SMALLER_RATE, "rate too high")
    if run.loss_curve is None:  # a record from before there was one does not tell
        return Health("diverged", largest, SMALLER_RATE)
    if run.execution.get("precision") == "fp16":
        advice = "try precision: bf16 or fp32, since fp16 ends at 65,504; then look for damaged images"
    else:
        advice = "look for damaged images, and for layers that divide or take logarithms and roots"
    evidence = f"{largest}: it had not risen before, as it does when the learning rate is too high"
    return Health("diverged", evidence, advice, "non-finite values")


def untrained(run: RunRecord, test: Evaluation) -> Health | None:
    """Why a finished run did not learn, None where it did."""
    signs = signs_of(run)
    if is_above_chance(test) and not _is_by_luck(run, test, signs):
        return _first(failures.LOOKS_ABOVE_CHANCE, run, test, signs)
    return _first(failures.LOOKS, run, test, signs) or Health(
        "at chance",
        chance(test, signs),
        f"train for more epochs, or with another learning rate: {RANGE_TEST}",
        "not learned yet" if signs.way is not None else None,
    )


def suspect(run: RunRecord, test: Evaluation) -> Health | None:
    """What speaks against a run that learned, None where nothing does."""
    return _first(suspicions.LOOKS, run, test, signs_of(run))


def _is_by_luck(run: RunRecord, test: Evaluation, signs: Signs) -> bool:
    """Whether the little above chance has a loss that guessing undercuts, or was lost again."""
    _, share = size_and_majority_share(test)
    if test.accuracy >= LITTLE_ABOVE_CHANCE * share or signs.tested is None:
        return False
    return signs.tested.train_loss > signs.guessing or guesses_at_last(run, test, signs)


def _first(looks: Iterable[Look], run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:
    return next((found for look in looks if (found := look(run, test, signs)) is not None), None)


def _rate(run: RunRecord) -> float:
    """The largest learning rate of the recipe, 0 where it names none."""
    optimizer = run.recipe.get("optimizer")
    chosen = optimizer.values() if isinstance(optimizer, dict) else ()
    rates = [one.get("lr") for one in chosen if isinstance(one, dict)]
    return max((float(rate) for rate in rates if isinstance(rate, int | float)), default=0.0)
