"""One quantity over the epochs of several runs: their mean, and where a loss turned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import TypeAlias

from cnnbuild.studies.record import CellRecord
from cnnbuild.training.record import EpochRecord

GROWTH = 0.05  # what SageMaker Debugger's rule LossNotDecreasing calls a rise
FEWEST_EPOCHS = 3

Value: TypeAlias = Callable[[EpochRecord], float | None]
Line: TypeAlias = tuple[tuple[int, float], ...]
"""Epochs, counted from 1, with a value each."""


@dataclass(frozen=True, slots=True)
class Series:
    """Mean, smallest and largest of `runs` runs over the epochs that all of them have.

    `tails` are the further epochs of single runs: a mean over those that are left would jump where one ends.
    Each begins with the last epoch of the mean.
    """

    runs: int
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    tails: tuple[Line, ...] = ()

    @property
    def last_epoch(self) -> int:
        """The last epoch of any run."""
        return max(self.epochs[-1], *(tail[-1][0] for tail in self.tails), 0)


def line_of(record: CellRecord, value: Value) -> Line:
    """The values of one run, without the epochs that have none."""
    epochs = record.run.epochs if record.run is not None else ()
    return tuple((epoch.epoch, found) for epoch in epochs if (found := value(epoch)) is not None)


def series_of(records: Sequence[CellRecord], value: Value) -> Series | None:
    """The runs together; None where no epoch has a value, or no epoch is common to all."""
    lines = [line for record in records if (line := line_of(record, value))]
    if not lines:
        return None
    by_run = [dict(line) for line in lines]
    common = sorted(set.intersection(*(set(run) for run in by_run)))
    if not common:
        return None
    columns = [[run[epoch] for run in by_run] for epoch in common]
    last = common[-1]
    tails = [tuple(point for point in line if point[0] >= last) for line in lines]
    return Series(
        runs=len(lines),
        epochs=tuple(common),
        mean=tuple(fmean(column) for column in columns),
        low=tuple(min(column) for column in columns),
        high=tuple(max(column) for column in columns),
        tails=tuple(tail for tail in tails if len(tail) > 1),
    )


@dataclass(frozen=True, slots=True)
class Onset:
    """The epoch after which a mean loss grew, and by which share of its lowest value until the end."""

    epoch: int
    growth: float


def onset_of(series: Series) -> Onset | None:
    """Where a loss turned: the lowest 3-epoch median of the mean, if the last one is at least 5 % higher.

    None where it did not, or where there are fewer than three epochs. At both ends, where an epoch has one
    neighbour, the median is over two epochs.
    """
    if len(series.epochs) < FEWEST_EPOCHS:
        return None
    mean = series.mean
    smooth = [median(mean[max(0, at - 1) : at + 2]) for at in range(len(mean))]
    lowest = min(range(len(smooth)), key=smooth.__getitem__)
    if smooth[lowest] <= 0 or smooth[-1] < (1 + GROWTH) * smooth[lowest]:
        return None
    return Onset(series.epochs[lowest], smooth[-1] / smooth[lowest] - 1)
