"""One quantity over the epochs of several runs: their mean, and the runs that went on after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from cnnbuild.studies.record import CellRecord
from cnnbuild.training.record import EpochRecord

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
