"""What a few seeds can carry: means with t intervals, paired differences, counts against chance.

Two uncertainties are never mixed. The spread over seeds (`summarize`, `paired_difference`) is about
architectures; the interval of a count (`wilson_interval`) is about these trained networks on this test set.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

CONFIDENCE = 0.95
AT_CHANCE_ALPHA = 1e-3
POWER = 0.8
MAX_SEEDS_NEEDED = 1000


@dataclass(frozen=True, slots=True)
class Summary:
    """The mean of `n` values; `sd` and the t interval from `low` to `high` are None for one value."""

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float | None:
        """What stands behind the plus-minus sign."""
        return None if self.high is None else self.high - self.mean


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


def summarize(values: Sequence[float], *, confidence: float = CONFIDENCE) -> Summary:
    """The mean, the SD (n - 1 in the denominator) and the t interval of the mean.

    >>> summarize([0.5]).sd is None
    True
    """
    mean = fmean(values)
    if len(values) < 2:
        return Summary(1, mean, None, None, None)
    sd = stdev(values)
    half = t_quantile(confidence, len(values) - 1) * sd / math.sqrt(len(values))
    return Summary(len(values), mean, sd, mean - half, mean + half)


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
    half = t_quantile(confidence, n - 1) * sd / math.sqrt(n)
    return PairedDifference(n, mean, sd, mean - half, mean + half, _p_of(mean, sd, n))


def interval_of(difference: PairedDifference, *, confidence: float) -> tuple[float, float]:
    """The t interval of a paired difference at another confidence."""
    half = t_quantile(confidence, difference.n - 1) * difference.standard_error
    return difference.mean - half, difference.mean + half


def _p_of(mean: float, sd: float, n: int) -> float:
    """The two-sided p value of a mean of `n` differences against 0."""
    from scipy.stats import t

    if sd == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * t.sf(abs(mean) / (sd / math.sqrt(n)), n - 1))


def t_quantile(confidence: float, degrees_of_freedom: int) -> float:
    """How many standard errors a two-sided t interval reaches to each side."""
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, degrees_of_freedom))


def wilson_interval(successes: int, total: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval for a share, e.g. of test images a network got right (Wilson 1927)."""
    from scipy.stats import norm

    z = float(norm.ppf((1 + confidence) / 2))
    share = successes / total
    centre = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return (centre - half) / scale, (centre + half) / scale


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p values, in the order given (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)


def holm_confidences(p_values: Sequence[float], *, confidence: float = CONFIDENCE) -> tuple[float, ...]:
    """The confidence at which each interval must be drawn to agree with Holm's test (Serlin 1993).

    The k-th smallest p value is tested at alpha / (m - k + 1); from the first that fails on, all share its
    level. So an interval excludes 0 exactly where Holm's adjusted p value is below alpha.
    """
    alpha, m = 1 - confidence, len(p_values)
    confidences = [confidence] * m
    level, failed = alpha, False
    for rank, index in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        if not failed:
            level = alpha / (m - rank)
            failed = p_values[index] >= level
        confidences[index] = 1 - level
    return tuple(confidences)


def is_at_chance(correct: int, total: int, majority_share: float) -> bool:
    """Whether a count is not above what always naming the largest class gives.

    The one-sided exact binomial test at 1e-3: of 10,000 images in 10 equal classes, 1,094 right are at
    chance.
    """
    from scipy.stats import binomtest

    return float(binomtest(correct, total, majority_share, alternative="greater").pvalue) >= AT_CHANCE_ALPHA


def seeds_needed(difference: float, sd: float, *, alpha: float = 1 - CONFIDENCE) -> int | None:
    """The smallest number of paired seeds that would show a difference of this size with 80 % power.

    From the noncentral t distribution; None where there is no difference, or no number up to 1,000 is enough.
    """
    from scipy.stats import nct, t

    if difference == 0:
        return None
    if sd == 0:
        return 2
    effect = abs(difference) / sd

    def is_enough(n: int) -> bool:
        return bool(nct.sf(t.ppf(1 - alpha / 2, n - 1), n - 1, effect * math.sqrt(n)) >= POWER)

    counts = range(2, MAX_SEEDS_NEEDED + 1)
    index = bisect_left(counts, True, key=is_enough)  # power grows with n
    return counts[index] if index < len(counts) else None
