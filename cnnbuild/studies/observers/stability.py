"""Losses that leap, and accuracies that will not settle. How often runs fail, `failure_rates` says."""

from __future__ import annotations

from math import sqrt
from statistics import linear_regression, median

from cnnbuild.studies.health.signs import signs_of
from cnnbuild.studies.observation import Figure, Observation
from cnnbuild.studies.observers.observed_runs import ObservedRuns, mean, mean_of, observed_runs, of_runs
from cnnbuild.studies.results import StudyResults
from cnnbuild.training.record import RunRecord

WINDOW = 50  # points of the loss curve before one, whose median a spike is measured against
FEWEST_POINTS = 10
MADS = 6.0  # median absolute deviations above that median: a normal loss is beyond them once in 20,000 points
NOTABLE_SPIKE = 0.5  # times the loss of guessing: a late loss of 0.01 may leap to 0.1 by one odd image
LAST_EPOCHS = 5
UNSETTLED = 0.02  # deviation of the last validation accuracies; AutoTrainer: swings of more than 0.03


def observe_stability(results: StudyResults) -> tuple[Observation, ...]:
    """A sentence for each architecture whose training is not steady."""
    found = (_observe(group) for group in observed_runs(results))
    return tuple(one for one in found if one is not None)


def spikes_of(run: RunRecord) -> list[int]:
    """The points of the loss curve that stand out from those before them, counted from 0."""
    curve = run.loss_curve
    if curve is None:
        return []
    notable = NOTABLE_SPIKE * signs_of(run).guessing
    found = []
    for point in range(FEWEST_POINTS, len(curve.largest)):
        before = curve.largest[max(0, point - WINDOW) : point]
        middle = median(before)
        spread = median(abs(loss - middle) for loss in before)
        if curve.largest[point] - middle > max(MADS * spread, notable):
            found.append(point)
    return found


def unsettled(run: RunRecord) -> float | None:
    """The standard deviation of the last five validation accuracies about the line through them.

    An accuracy that rises does not swing: without the line, short runs that still learn would be named here.
    None of fewer than ten epochs.
    """
    known = [e.validation_accuracy for e in run.epochs if e.validation_accuracy is not None]
    if len(known) < 2 * LAST_EPOCHS:
        return None
    last = known[-LAST_EPOCHS:]
    slope, start = linear_regression(range(LAST_EPOCHS), last)
    squares = sum((shown - start - slope * epoch) ** 2 for epoch, shown in enumerate(last))
    return sqrt(squares / (LAST_EPOCHS - 2))  # two degrees of freedom went into the line


def _observe(group: ObservedRuns) -> Observation | None:
    runs = group.trained
    spiky = [run for run in runs if spikes_of(run)]
    swings = [swing for run in runs if (swing := unsettled(run)) is not None]
    figures: dict[str, Figure] = {"runs_with_spikes": len(spiky)}
    said = []
    if spiky:
        spikes = [len(spikes_of(run)) for run in spiky]
        figures["spikes"] = sum(spikes)
        leaps = "once" if spikes == [1] else f"{sum(spikes)} times"
        said.append(f"its training loss leapt {leaps} in {of_runs(len(spiky), len(runs))} that trained")
    if swings:
        figures["sd_of_last_validation_accuracies"] = mean(swings)
        if mean(swings) > UNSETTLED:
            said.append(
                f"validation accuracy still swings by {100 * mean(swings):.1f} points (standard deviation of "
                f"the last {LAST_EPOCHS} epochs about their trend{mean_of(swings)}): a smaller learning "
                "rate at the end may settle it"
            )
    if not said:
        return None
    return group.observation("stability", f"{group.name}: {'; '.join(said)}.", figures=figures)
