"""What speaks against a run that learned, the weightiest first."""

from __future__ import annotations

from cnnbuild.studies.health.condition import Health
from cnnbuild.studies.health.failures import Look
from cnnbuild.studies.health.signs import Signs, guesses_at_last, jumps_in_evaluation
from cnnbuild.studies.health.thresholds import (
    DEAD_LAYER,
    LARGE_GAP,
    PARTLY_DEAD,
    RISEN_TRAINED,
    RISEN_UNTRAINED,
)
from cnnbuild.studies.health.wording import (
    DRAWN_WEIGHTS,
    MORE_STATISTICS,
    SMALLER_RATE,
    alike,
    dead_units,
    jump,
    large_steps,
    percent,
    risen,
)
from cnnbuild.training.record import Evaluation, RunRecord


def _began_alike(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    if not (told := alike(run)):
        return None
    return Health(
        "suspect", f"it learned, but {told}", DRAWN_WEIGHTS, "units that begin alike", is_crippled=True
    )


def _dead_layer(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    dead = signs.dead_at_last
    if dead is None or dead.share < DEAD_LAYER:
        return None
    evidence = f"it learned, but {dead_units(dead)}"
    if signs.risen >= RISEN_UNTRAINED:
        evidence += f"; {risen(signs)}"
    return Health("suspect", evidence, SMALLER_RATE, "rate too high", is_crippled=True)


def _rose_and_fell(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    if signs.risen < RISEN_TRAINED:
        return None
    return Health("suspect", f"it learned, but {risen(signs)}", SMALLER_RATE, "rate too high")


def _fell_back(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:
    if signs.last is None or signs.tested is None or signs.tested is signs.last:
        return None
    if not guesses_at_last(run, test, signs):
        return None
    evidence = (
        f"it was tested with the weights of epoch {signs.tested.epoch}; after epoch {signs.last.epoch} it "
        f"names no more training images rightly than guessing ({percent(signs.last.train_accuracy)})"
    )
    return Health("suspect", evidence, SMALLER_RATE, "rate too high")


def _large_updates(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    if not signs.steps_are_large:
        return None
    return Health("suspect", f"it learned, but {large_steps(signs)}", SMALLER_RATE, "rate too high")


def _evaluation_of_trained(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    tested = signs.tested
    if tested is None or not jumps_in_evaluation(tested):
        return None
    evidence = f"it learned, but {jump(tested.running_loss, tested.train_loss)}"
    return Health("suspect", evidence, MORE_STATISTICS, "evaluation unlike training")


def _gap(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    if signs.tested is None or signs.tested.train_accuracy - test.accuracy <= LARGE_GAP:
        return None
    evidence = (
        f"{percent(signs.tested.train_accuracy)} of the training images are named rightly, but "
        f"{percent(test.accuracy)} of the test images"
    )
    advice = "try more images, augmentation, weight decay or dropout; compare the test images with the others"
    return Health("suspect", evidence, advice, "large gap")


def _partly_dead(run: RunRecord, test: Evaluation, signs: Signs) -> Health | None:  # noqa: ARG001
    dead = signs.dead_at_last
    if dead is None or dead.share < PARTLY_DEAD:
        return None
    return Health("suspect", f"it learned, but {dead_units(dead)}", SMALLER_RATE, "partly dead")


LOOKS: tuple[Look, ...] = (
    _began_alike,
    _dead_layer,
    _rose_and_fell,
    _fell_back,
    _large_updates,
    _evaluation_of_trained,
    _gap,
    _partly_dead,
)
