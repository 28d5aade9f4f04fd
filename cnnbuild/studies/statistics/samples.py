"""The mean of a few runs, and how far it may be from the mean of all runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, stdev

CONFIDENCE = 0.95


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


@lru_cache(maxsize=4096)
def t_quantile(confidence: float, degrees_of_freedom: float) -> float:
    """How many standard errors a two-sided t interval reaches to each side."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, (1 + confidence) / 2))


def t_tail(t: float, degrees_of_freedom: float) -> float:
    """The probability that Student's t is above `t`."""
    from scipy.special import stdtr

    return float(stdtr(degrees_of_freedom, -t))
