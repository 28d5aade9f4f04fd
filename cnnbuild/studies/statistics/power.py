"""How many seeds would be enough."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

from cnnbuild.studies.statistics.samples import CONFIDENCE

POWER = 0.8
MAX_SEEDS_NEEDED = 1000


def seeds_needed(difference: float, sd: float, *, alpha: float = 1 - CONFIDENCE) -> int | None:
    """The smallest number of paired seeds that would show a difference of this size with 80 % power.

    From the noncentral t distribution; `sd` is that of the differences. None where there is no difference, or
    no number up to 1,000 is enough.
    """
    return _smallest(difference, sd, lambda n: (n - 1, math.sqrt(n)), alpha)


def seeds_needed_unpaired(
    difference: float, sd: float, other_sd: float, *, alpha: float = 1 - CONFIDENCE
) -> int | None:
    """The same for runs that share no seed: how many each of both architectures would need.

    `sd` and `other_sd` are those of the runs of either.
    """
    together = math.sqrt((sd**2 + other_sd**2) / 2)
    return _smallest(difference, together, lambda n: (2 * n - 2, math.sqrt(n / 2)), alpha)


def _smallest(
    difference: float, sd: float, design: Callable[[int], tuple[int, float]], alpha: float
) -> int | None:
    """`design` gives the degrees of freedom of n seeds, and by what they multiply the effect."""
    if difference == 0:
        return None
    if sd == 0:
        return 2
    effect = abs(difference) / sd

    def is_enough(n: int) -> bool:
        freedom, scale = design(n)
        return _power(freedom, effect * scale, alpha) >= POWER

    counts = range(2, MAX_SEEDS_NEEDED + 1)
    index = bisect_left(counts, True, key=is_enough)  # power grows with n
    return counts[index] if index < len(counts) else None


@lru_cache(maxsize=4096)
def _power(degrees_of_freedom: int, noncentrality: float, alpha: float) -> float:
    """The probability that a two-sided t test at `alpha` shows the effect."""
    from scipy.special import nctdtr, stdtrit

    critical = float(stdtrit(degrees_of_freedom, 1 - alpha / 2))
    power = float(1 - nctdtr(degrees_of_freedom, noncentrality, critical))
    return (
        power
        if math.isfinite(power)
        else _power_of_large_effects(degrees_of_freedom, noncentrality, critical)
    )


def _power_of_large_effects(degrees_of_freedom: int, noncentrality: float, critical: float) -> float:
    """The same by the normal approximation of the noncentral t (Abramowitz and Stegun 1964, 26.7.10).

    scipy gives NaN for some noncentralities above 35, where hardly anything is left to be found.
    """
    shrunk = critical * (1 - 1 / (4 * degrees_of_freedom))
    spread = math.sqrt(1 + critical**2 / (2 * degrees_of_freedom))
    return NormalDist().cdf((noncentrality - shrunk) / spread)
