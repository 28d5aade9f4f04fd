"""What the record of a run shows of its training, in the few numbers that its condition is told from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from cnnbuild.studies.health.thresholds import EVALUATION_JUMP, LARGE_UPDATE
from cnnbuild.studies.statistics import is_at_chance
from cnnbuild.training.observations import Column, GradientFlow
from cnnbuild.training.record import EpochRecord, Evaluation, RunRecord

CANNOT_DIE = {"LeakyReLU", "PReLU", "RReLU", "ELU", "SELU", "CELU", "Softplus"}
"""Watched activations that pass a gradient on even where they give 0; all others then pass none."""

LAST_POINTS = 3  # of the loss curve's at most 200, in which a loss that blows up has risen
MIN_PROBE_IMAGES = 2_000  # as many training images, or all, are evaluated after each epoch
SMALLEST = 1e-45  # below which float32 knows no number


@dataclass(frozen=True, slots=True)
class DeadLayer:
    """The activation of a network with the largest share of dead units."""

    name: str
    kind: str
    share: float


@dataclass(frozen=True, slots=True)
class Flow:
    """Gradients and updates of one epoch.

    `ratio` is the mean absolute gradient of the first layer over that of the last; `first_norm` the L2 norm
    of the first layer's; `update` the median over layers of update over weight, among those that moved, and
    `last_update` that of the last step that was looked at.
    """

    ratio: float | None
    first_norm: float | None
    update: float | None
    last_update: float | None


@dataclass(frozen=True, slots=True)
class Signs:
    """The numbers of one run; None where the record does not hold them.

    `guessing` is the loss of naming each class with its share of the test images. `begin` is the larger of
    that and of the first training loss. `way` is the median update over weight of all epochs, times the
    steps. `tested` is the epoch whose weights were tested.
    """

    guessing: float
    begin: float
    largest: float | None
    steps: int
    last: EpochRecord | None
    tested: EpochRecord | None
    first_flow: Flow | None
    last_flow: Flow | None
    dead_at_first: DeadLayer | None
    dead_at_last: DeadLayer | None
    way: float | None
    update: float | None

    @property
    def last_update(self) -> float:
        """Update over weight of the last step that was looked at."""
        flow = self.last_flow
        return 0.0 if flow is None or flow.last_update is None else flow.last_update

    @property
    def steps_are_large(self) -> bool:
        """Whether steps still throw the weights about at the end; the first ones of many a sound run do."""
        return self.last_update > LARGE_UPDATE

    @property
    def risen(self) -> float:
        """How many times the loss at the start, or of guessing, the largest loss was."""
        return 0.0 if self.largest is None else self.largest / self.begin


def signs_of(run: RunRecord) -> Signs:
    """The numbers of a run, finished or not."""
    guessing = _guessing(run)
    curve = run.loss_curve
    begin = max(guessing, curve.mean[0]) if curve is not None and curve.mean else guessing
    flows = [_flow(epoch.gradients) for epoch in run.epochs if epoch.gradients is not None]
    updates = [flow.update for flow in flows if flow.update is not None]
    update = median(updates) if updates else None
    steps = _steps(run)
    tested = next((epoch for epoch in run.epochs if epoch.epoch == run.selected_epoch), None)
    return Signs(
        guessing=guessing,
        begin=begin,
        largest=run.largest_loss,
        steps=steps,
        last=run.epochs[-1] if run.epochs else None,
        tested=tested,
        first_flow=flows[0] if flows else None,
        last_flow=flows[-1] if flows else None,
        dead_at_first=_dead(run, run.epochs[0]) if run.epochs else None,
        dead_at_last=_dead(run, run.epochs[-1]) if run.epochs else None,
        way=None if update is None else update * steps,
        update=update,
    )


def size_and_majority_share(evaluation: Evaluation) -> tuple[int, float]:
    """How many images there are, and the share of the largest class."""
    per_class = [sum(row) for row in evaluation.confusion]
    total = sum(per_class)
    return total, max(per_class) / total


def is_above_chance(evaluation: Evaluation) -> bool:
    """Whether more images were named rightly than always naming the largest class gives."""
    total, share = size_and_majority_share(evaluation)
    correct = sum(row[index] for index, row in enumerate(evaluation.confusion))
    return not is_at_chance(correct, total, share)


def jumps_in_evaluation(epoch: EpochRecord) -> bool:
    """Whether the network is clearly worse in evaluation mode than it was while it trained."""
    return epoch.train_loss - epoch.running_loss > EVALUATION_JUMP


def guesses_at_last(run: RunRecord, test: Evaluation, signs: Signs) -> bool:
    """Whether after the last epoch not more training images were named rightly than guessing would."""
    if signs.last is None:
        return False
    _, share = size_and_majority_share(test)
    images = probe_images(run)
    return is_at_chance(round(signs.last.train_accuracy * images), images, share)


def probe_images(run: RunRecord) -> int:
    """On how many training images the accuracy was measured after each epoch."""
    return min(run.train_images, max(MIN_PROBE_IMAGES, run.validation_images))


def rise_before_the_end(run: RunRecord) -> float:
    """How many times what it had been the loss was before it left the finite numbers.

    Either the largest loss over the one at the start, or the last losses over the median of those before
    them: a loss that has long been small and comes back to where it began has risen, too.
    """
    signs = signs_of(run)
    curve = run.loss_curve
    if curve is None or len(curve.mean) <= LAST_POINTS:
        return signs.risen
    before, last = median(curve.mean[:-LAST_POINTS]), max(curve.largest[-LAST_POINTS:])
    is_high = before > 0 and last > signs.guessing / 2
    return max(signs.risen, last / before) if is_high else signs.risen


def _guessing(run: RunRecord) -> float:
    """The entropy of the classes' shares: ln of their number where all are equally frequent."""
    if run.test is None:
        return math.log(max(2, len(run.class_names)))
    sizes = [sum(row) for row in run.test.confusion]
    total = sum(sizes)
    entropy = -sum(size / total * math.log(size / total) for size in sizes if size)
    return entropy if entropy > 0 else math.log(2)


def _steps(run: RunRecord) -> int:
    curve = run.loss_curve
    return curve.steps_per_point * len(curve.mean) if curve is not None else 0


def _flow(gradients: GradientFlow) -> Flow:
    first, last = _ends(gradients.mean_abs)
    ratio = first / last if first is not None and last is not None and last > SMALLEST else None
    return Flow(
        ratio=ratio,
        first_norm=_ends(gradients.norm)[0],
        update=_median_of_moved(gradients.update_ratio),
        last_update=_median_of_moved(gradients.last_update_ratio),
    )


def _median_of_moved(ratios: Column) -> float:
    """The median over the layers that moved, 0 where none did."""
    moved = [ratio for ratio in ratios if ratio is not None and ratio > 0]
    return median(moved) if moved else 0.0


def _ends(column: Column) -> tuple[float | None, float | None]:
    return (column[0], column[-1]) if column else (None, None)


def _dead(run: RunRecord, epoch: EpochRecord) -> DeadLayer | None:
    """The layer with the largest share of dead units, among those whose units can die."""
    if epoch.dead_units is None:
        return None
    found = [
        DeadLayer(layer.name, layer.kind, share)
        for layer, share in zip(run.activation_layers, epoch.dead_units.dead, strict=False)
        if layer.kind not in CANNOT_DIE
    ]
    return max(found, key=lambda one: one.share, default=None)
