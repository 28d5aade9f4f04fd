"""The mean difference of two architectures over seeds: paired where runs share seeds, else Welch's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TypeAlias

from cnnbuild.studies.statistics.samples import CONFIDENCE, summarize, t_quantile, t_tail


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The mean of `n` differences between runs that share a seed: t interval and two-sided p value.

    `sd` is at least the step in which the values are measured; see `paired_difference`.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float
    p: float

    @property
    def standard_error(self) -> float:
        """SD / sqrt(n)."""
        return self.sd / math.sqrt(self.n)

    @property
    def degrees_of_freedom(self) -> float:
        """Those of the t distribution."""
        return self.n - 1


@dataclass(frozen=True, slots=True)
class WelchDifference:
    """The difference of the means of `n` and of `other_n` runs that share no seed, after Welch 1947.

    `sd` and `other_sd` are at least what the step allows; see `welch_difference`.
    """

    n: int
    other_n: int
    mean: float
    sd: float
    other_sd: float
    low: float
    high: float
    p: float

    @property
    def standard_error(self) -> float:
        """The root of both squared standard errors together."""
        return math.sqrt(self.sd**2 / self.n + self.other_sd**2 / self.other_n)

    @property
    def degrees_of_freedom(self) -> float:
        """Those of Satterthwaite 1946."""
        return _satterthwaite(self.sd, self.n, self.other_sd, self.other_n)


Difference: TypeAlias = PairedDifference | WelchDifference


def paired_difference(
    first: Mapping[int, float],
    second: Mapping[int, float],
    *,
    step: float,
    confidence: float = CONFIDENCE,
) -> PairedDifference | None:
    """`first` minus `second` over the seeds that both have; None for fewer than two such seeds.

    The paired t test. Equal seeds mean equal splits and data order, so the differences vary less than the
    runs.

    `step` is what one test image is worth. An accuracy is a count of images, so three equal differences are
    no proof that the fourth is the same: the standard deviation is taken to be at least one step. That is
    the most by which rounding two values to whole images can move their difference; and where runs vary by
    less than an image it moves all of them alike, so that more seeds do not average it away, as the smaller
    floor step / sqrt(6), the deviation of two independent roundings, would have it.
    """
    differences = [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]
    if len(differences) < 2:
        return None
    summary = summarize(differences, confidence=confidence)
    n, mean, sd = len(differences), summary.mean, max(summary.sd or 0.0, step)
    error = sd / math.sqrt(n)
    half = t_quantile(confidence, n - 1) * error
    return PairedDifference(n, mean, sd, mean - half, mean + half, _p_of(mean, error, n - 1))


def welch_difference(
    first: Sequence[float], second: Sequence[float], *, step: float, confidence: float = CONFIDENCE
) -> WelchDifference | None:
    """The mean of `first` minus that of `second`; None where one of them has fewer than two values.

    Welch's t test, which does not take both to vary equally. Each standard deviation is taken to be at least
    step / sqrt(2): then the difference of two runs varies by at least one step, as in `paired_difference`.
    """
    if min(len(first), len(second)) < 2:
        return None
    floor = step / math.sqrt(2)
    n, other_n = len(first), len(second)
    sd, other_sd = max(stdev(first), floor), max(stdev(second), floor)
    mean = fmean(first) - fmean(second)
    error = math.sqrt(sd**2 / n + other_sd**2 / other_n)
    freedom = _satterthwaite(sd, n, other_sd, other_n)
    half = t_quantile(confidence, freedom) * error
    p = _p_of(mean, error, freedom)
    return WelchDifference(n, other_n, mean, sd, other_sd, mean - half, mean + half, p)


def interval_of(difference: Difference, *, confidence: float) -> tuple[float, float]:
    """The t interval of a difference at another confidence."""
    half = t_quantile(confidence, difference.degrees_of_freedom) * difference.standard_error
    return difference.mean - half, difference.mean + half


def equivalence_p(difference: Difference, band: float) -> float:
    """The p value of two one-sided tests: how surely the difference lies within -band to +band.

    It is below alpha exactly where the interval at 1 - 2 alpha lies inside the band (Schuirmann 1987).
    """
    error, freedom = difference.standard_error, difference.degrees_of_freedom
    if error == 0:
        return 0.0 if abs(difference.mean) < band else 1.0
    return t_tail((band - abs(difference.mean)) / error, freedom)


def _satterthwaite(sd: float, n: int, other_sd: float, other_n: int) -> float:
    one, other = sd**2 / n, other_sd**2 / other_n
    if one + other == 0:
        return n + other_n - 2
    return (one + other) ** 2 / (one**2 / (n - 1) + other**2 / (other_n - 1))


def _p_of(mean: float, error: float, degrees_of_freedom: float) -> float:
    """The two-sided p value of a mean against 0."""
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return 2 * t_tail(abs(mean) / error, degrees_of_freedom)
