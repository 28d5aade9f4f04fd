"""How far training images are named better than test images, and from which epoch on training did harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from cnnbuild.studies.observation import Figure, Observation
from cnnbuild.studies.observers.observed_runs import ObservedRuns, mean, mean_of, observed_runs
from cnnbuild.studies.results import StudyResults
from cnnbuild.training.record import EpochRecord, RunRecord

GAP, GAP_ABOVE = 0.10, 0.07  # training minus test accuracy, and where training is above HIGH: AutoTrainer
HIGH = 0.9
WINDOW = 3  # epochs whose median validation loss is looked at, so that no single epoch decides
RISE = 0.05  # of the lowest validation loss, by which it must have risen until the end: LossNotDecreasing

SHOWN_POINTS = 0.05  # of accuracy, from which on one decimal shows a change


@dataclass(frozen=True, slots=True)
class Onset:
    """The epoch of the lowest validation loss (median of three epochs), and what came after it.

    Losses and accuracies are medians of three epochs as well; `lost` is the accuracy then minus at the end.
    """

    epoch: int
    lowest: float
    final: float
    lost: float

    @property
    def is_clear(self) -> bool:
        """Whether the loss rose by so much that it is no accident."""
        return self.final > (1 + RISE) * self.lowest


def observe_overfitting(results: StudyResults) -> tuple[Observation, ...]:
    """A sentence for each architecture with a large gap, or a validation loss that rose again."""
    found = (_observe(group) for group in observed_runs(results))
    return tuple(one for one in found if one is not None)


def onset_of(run: RunRecord) -> Onset | None:
    """Where the validation loss of a run was lowest, None without a validation part or enough epochs."""
    epochs = [epoch for epoch in run.epochs if epoch.validation_loss is not None]
    if len(epochs) < WINDOW + 2:
        return None
    losses = _medians([epoch.validation_loss or 0.0 for epoch in epochs])
    accuracies = _medians([epoch.validation_accuracy or 0.0 for epoch in epochs])
    at = min(range(len(losses)), key=losses.__getitem__)
    return Onset(epochs[at].epoch, losses[at], losses[-1], accuracies[at] - accuracies[-1])


def _medians(values: Sequence[float]) -> list[float]:
    """The median of each value and its neighbours; at the ends, of those that there are."""
    half = WINDOW // 2
    return [median(values[max(0, i - half) : i + half + 1]) for i in range(len(values))]


def _observe(group: ObservedRuns) -> Observation | None:
    tested = [(run, epoch) for run in group.trained if (epoch := _tested(run)) is not None]
    if not tested:
        return None
    train = mean([epoch.train_accuracy for _, epoch in tested])
    test = mean([run.test.accuracy for run, _ in tested if run.test is not None])
    gap = round(train - test, 6)
    is_large = gap >= (GAP_ABOVE if train > HIGH else GAP)
    onsets = [onset for run, _ in tested if (onset := onset_of(run)) is not None]
    risen = [onset for onset in onsets if onset.is_clear]
    has_risen = 2 * len(risen) > len(onsets)
    if not is_large and not has_risen:
        return None
    figures: dict[str, Figure] = {"train_accuracy": train, "test_accuracy": test, "gap": gap}
    said = []
    if is_large:
        said.append(
            f"names {100 * train:.1f} % of training images and {100 * test:.1f} % of test images rightly "
            f"(a gap of {100 * gap:.1f} points{mean_of(tested)})"
        )
    if has_risen:
        said.append(_after_onset(risen, len(onsets), figures))
    sentence = f"{group.name} {'; it '.join(said)}."
    return group.observation(
        "overfitting", sentence, level="warning" if is_large else "note", figures=figures
    )


def _after_onset(risen: Sequence[Onset], runs: int, figures: dict[str, Figure]) -> str:
    first = float(median(onset.epoch for onset in risen))
    low, end = mean([onset.lowest for onset in risen]), mean([onset.final for onset in risen])
    lost = mean([onset.lost for onset in risen])
    figures |= {"onset_epoch": first, "lowest_loss": low, "final_loss": end, "accuracy_lost": lost}
    of = "" if runs == 1 else f" (median of {len(risen)} runs)"
    if abs(100 * lost) < SHOWN_POINTS:
        change = "validation accuracy stayed as it was"
    elif lost > 0:
        change = f"validation accuracy fell by {100 * lost:.1f} points"
    else:
        change = f"validation accuracy still rose by {-100 * lost:.1f} points"
    return (
        f"had its lowest validation loss after epoch {first:g}{of}; from there to the end it rose from "
        f"{low:.3f} to {end:.3f}, while {change}"
    )


def _tested(run: RunRecord) -> EpochRecord | None:
    """The epoch whose weights were tested."""
    if run.test is None:
        return None
    return next((epoch for epoch in run.epochs if epoch.epoch == run.selected_epoch), None)
