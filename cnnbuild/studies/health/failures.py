"""Why a finished run did not learn: what the figures of its record show, the weightiest first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from cnnbuild.studies.health.condition import Health
from cnnbuild.studies.health.signs import Signs, jumps_in_evaluation, probe_images, size_and_majority_share
from cnnbuild.studies.health.thresholds import (
    CLEAR_GAP,
    DEAD_LAYER,
    HARDLY_FALLEN,
    RISEN_UNTRAINED,
    SHORT_WAY,
    SMALL_UPDATE,
    VANISHING_NORM,
    VANISHING_RATIO,
)
from cnnbuild.studies.health.wording import (
    DRAWN_WEIGHTS,
    LARGER_RATE,
    MORE_STATISTICS,
    SMALLER_RATE,
    alike,
    chance,
    dead_units,
    jump,
    large_steps,
    percent,
    risen,
)
from cnnbuild.training.record import Evaluation, RunRecord

Look: TypeAlias = Callable[[RunRecord, Evaluation, Signs], Health | None]
"""Looks at a run for one cause; None where it is not that."""


def _test_unlike_training(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:
    validation = signs.tested.validation_accuracy if signs.tested is not None else None
    if validation is None or run.validation_images == 0:
        return None
    total, share = size_and_majority_share(test)
    if not _is_clear(validation - test.accuracy, share, run.validation_images, total):
        return None
    evidence = f"{chance(test, signs)}; but {percent(validation)} of the validation images"
    advice = "compare the test images and their labels with those to train on: they are not of one kind"
    return Health("at chance", evidence, advice, "test unlike training")


def _labels(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:
    if signs.last is None:
        return None
    learned = signs.last.train_accuracy
    total, share = size_and_majority_share(test)
    if not _is_clear(learned - test.accuracy, max(share, test.accuracy), probe_images(run), total):
        return None
    by_heart = f"but {percent(learned)} of the images it was trained on, which it learns by heart"
    evidence = f"{chance(test, signs)}; {by_heart}"
    advice = "look at images with their labels, which may belong to others"
    return Health("at chance", evidence, advice, "labels do not fit")


def _began_alike(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:
    if not (told := alike(run)):
        return None
    return Health("at chance", f"{chance(test, signs)}; {told}", DRAWN_WEIGHTS, "units that begin alike")


def _died(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    dead = signs.dead_at_last
    if dead is None or dead.share < DEAD_LAYER:
        return None
    evidence = f"{chance(test, signs)}; {dead_units(dead)}"
    never = signs.first_flow is not None and signs.first_flow.first_norm == 0
    at_first = signs.dead_at_first is not None and signs.dead_at_first.share >= DEAD_LAYER
    if never and at_first and signs.risen < RISEN_UNTRAINED:
        evidence += ", and no gradient ever came to the first layer"
        advice = "look at the initial biases and weights: the learning rate did not do it"
        return Health("died", evidence, advice, "dead from the start")
    if signs.risen >= RISEN_UNTRAINED:
        evidence += f"; {risen(signs)}"
    advice = f"{SMALLER_RATE}; batch_norm, or leaky_relu, makes it rarer"
    return Health("died", evidence, advice, "rate too high")


def _blown_up(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    if signs.risen < RISEN_UNTRAINED:
        return None
    evidence = f"{chance(test, signs)}; {risen(signs)}, and it never came back"
    return Health("diverged", evidence, SMALLER_RATE, "rate too high")


def _vanishing(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:
    flow = signs.first_flow
    if flow is None or flow.ratio is None or flow.first_norm is None:
        return None
    if flow.ratio >= VANISHING_RATIO or flow.first_norm >= VANISHING_NORM:
        return None
    first, last = run.parameter_layers[0], run.parameter_layers[-1]
    evidence = (
        f"{chance(test, signs)}; the mean absolute gradient of {first}, the first layer, was "
        f"{flow.ratio:.1e} of that of {last}, the last, in the first epoch "
        f"(vanishing: below {VANISHING_RATIO:g})"
    )
    advice = "try batch_norm after each layer, residual connections, kaiming_normal weights, or fewer layers"
    return Health("vanishing", evidence, advice, "vanishing gradients")


def _too_slow(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    if signs.way is None or signs.update is None or signs.last is None:
        return None
    small = signs.update < SMALL_UPDATE or signs.way < SHORT_WAY
    if not small or signs.risen >= RISEN_UNTRAINED or signs.last.train_loss < HARDLY_FALLEN * signs.guessing:
        return None
    evidence = (
        f"test accuracy {percent(test.accuracy)}; a step changed the weights by {signs.update:.1e} of their "
        f"size, at most {signs.way:.1e} in all {signs.steps:,} steps; "
        f"training loss {signs.last.train_loss:.3f}, guessing gives {signs.guessing:.3f}"
    )
    return Health("learning rate too small", evidence, LARGER_RATE, "rate too small")


def _too_fast(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    if not signs.steps_are_large:
        return None
    evidence = f"{chance(test, signs)}; {large_steps(signs)}"
    return Health("at chance", evidence, SMALLER_RATE, "rate too high")


def _evaluation(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    last = signs.last
    if last is None or not jumps_in_evaluation(last):
        return None
    evidence = f"{chance(test, signs)}; {jump(last.running_loss, last.train_loss)}"
    return Health("at chance", evidence, MORE_STATISTICS, "evaluation unlike training")


def _is_clear(difference: float, share: float, first: int, second: int) -> bool:
    """Whether one accuracy is above another by more than chance brings about."""
    error = math.sqrt(share * (1 - share) * (1 / first + 1 / second))
    return difference > CLEAR_GAP * error


LOOKS: tuple[Look, ...] = (
    _test_unlike_training,
    _labels,
    _began_alike,
    _died,
    _blown_up,
    _vanishing,
    _too_slow,
    _too_fast,
    _evaluation,
)
LOOKS_ABOVE_CHANCE: tuple[Look, ...] = (_too_slow,)
"""Weights that never moved may be above chance by luck: images of a class are alike, and fall together."""
