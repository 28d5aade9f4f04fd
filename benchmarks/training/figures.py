"""Medians, quartiles, ratios and the interval of a paired difference."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of the rounds."""

    median: float
    lower: float
    upper: float
    count: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean difference with the bounds of its confidence interval."""

    mean: float
    low: float
    high: float
    pairs: int

    def within(self, margin: float) -> bool:
        """Whether the whole interval lies within +-`margin`."""
        return -margin <= self.low and self.high <= margin


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles, interpolated linearly between the values (numpy's default); of one value, itself.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("no value to take a median of")
    if len(values) == 1:
        return Spread(values[0], values[0], values[0], 1)
    lower, middle, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(middle, lower, upper, len(values))


def paired_interval(ours: Sequence[float], theirs: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """The mean of `ours` - `theirs`, pair by pair, with its interval by Student's t.

    Raises:
        ValueError: there are not at least two pairs.
    """
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    if len(differences) < 2:
        raise ValueError("an interval needs at least two pairs")
    mean = statistics.fmean(differences)
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    half = float(stats.t.ppf((1 + confidence) / 2, len(differences) - 1)) * error
    return Interval(mean, mean - half, mean + half, len(differences))
