"""The figures of a run's health in words, and what is advised in several places."""

from __future__ import annotations

from cnnbuild.studies.health.signs import DeadLayer, Signs, is_above_chance, size_and_majority_share
from cnnbuild.training.record import LARGE_LOSS, Evaluation, RunRecord, loss_text

RANGE_TEST = "`cnnbuild train ... --find-lr` looks for a learning rate"
SMALLER_RATE = f"try a learning rate ten times smaller, or warm-up; {RANGE_TEST}"
LARGER_RATE = f"try a larger learning rate, or more epochs; {RANGE_TEST}"
MORE_STATISTICS = (
    "give batch_norm more steps to gather its statistics (more epochs, or a larger momentum), or try a "
    "smaller learning rate"
)


DRAWN_WEIGHTS = (
    "draw its weights at random, such as with `init: {weight: kaiming_normal}` in place of zeros or a "
    "constant: units that begin alike get the same gradients, and are worth one"
)


def chance(test: Evaluation, signs: Signs) -> str:
    """How few images were named rightly, with the training loss beside that of guessing."""
    total, share = size_and_majority_share(test)
    above = "hardly above" if is_above_chance(test) else "not above"
    evidence = (
        f"test accuracy {percent(test.accuracy)} of {total:,} images, "
        f"{above} the {percent(share)} of always naming the largest class"
    )
    if signs.last is None:
        return evidence
    final = _short(signs.last.running_loss)
    return f"{evidence}; last training loss {final}, guessing gives {signs.guessing:.3f}"


def dead_units(dead: DeadLayer) -> str:
    """The share of dead units of a layer."""
    return f"{100 * dead.share:.0f} % of the units of {dead.name} ({dead.kind}) give 0 on every image"


def alike(run: RunRecord) -> str:
    """Which layer has units that training did not tell apart; empty where none has."""
    if not run.alike_layers:
        return ""
    first, more = run.alike_layers[0], len(run.alike_layers) - 1
    others = f", and those of {more} more {'layer' if more == 1 else 'layers'}" if more else ""
    return (
        f"all {first.units} units of {first.name} began with the same weights and still have the same{others}"
    )


def risen(signs: Signs) -> str:
    """How far the loss rose."""
    largest = signs.largest if signs.largest is not None else 0.0
    return f"its loss rose to {largest:.3g}, {signs.risen:.3g} times what it began with"


def large_steps(signs: Signs) -> str:
    """How far the last steps change the weights."""
    ratio = f"{signs.last_update:.1e}"
    return f"its last steps change the weights by {ratio} of their size, where about 1e-3 is usual"


def jump(running: float, evaluated: float) -> str:
    """How the loss in training differs from that in evaluation mode."""
    return (
        f"the loss of training images is {loss_text(running)} in training and {loss_text(evaluated)} in "
        "evaluation mode, in which batch_norm uses the statistics that it gathered"
    )


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{100 * share:.2f} %"


def _short(loss: float) -> str:
    return f"{loss:.3f}" if loss < LARGE_LOSS else loss_text(loss)
