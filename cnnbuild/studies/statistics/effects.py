"""How large a difference is: standardised, as a probability, as a share of the errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from cnnbuild.studies.statistics.counts import wilson_interval
from cnnbuild.studies.statistics.samples import CONFIDENCE

FEWEST_FOR_RELIABLE = 29
"""Runs that tell P(A > B) = 0.75 from 0.5, both errors 5 % (Bouthillier et al. 2021, after Noether 1987)."""
RELIABLE_SHARE = 0.75
_HALVINGS = 60  # of an interval within 0..1: more than a float has bits


@dataclass(frozen=True, slots=True)
class Superiority:
    """P(A > B): how often a run of A scores higher than one of B, ties half, with its interval."""

    share: float
    low: float
    high: float
    runs: int

    @property
    def is_reliable(self) -> bool:
        """Whether one is higher in a meaningful share of runs, and statistically more often than not.

        The criterion of Bouthillier et al. 2021, arXiv:2103.03098, in either direction; from 29 runs on.
        """
        up = self.share >= RELIABLE_SHARE and self.low > 0.5
        down = self.share <= 1 - RELIABLE_SHARE and self.high < 0.5
        return self.runs >= FEWEST_FOR_RELIABLE and (up or down)


def hedges_g_of_pairs(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Hedges' g of paired runs: the mean difference in units of the average SD of both (g_av, Cumming 2012).

    So it compares with that of unpaired runs; the SD of the differences is no unit of either architecture.
    None where nothing varies, and for two runs.
    """
    return _hedges_g(first, second, (variance(first) + variance(second)) / 2, len(first) - 1)


def hedges_g_of_samples(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Hedges' g: the difference of the means in units of the pooled SD (Hedges 1981).

    None where nothing varies.
    """
    n, other_n = len(first), len(second)
    freedom = n + other_n - 2
    pooled = ((n - 1) * variance(first) + (other_n - 1) * variance(second)) / freedom
    return _hedges_g(first, second, pooled, freedom)


def _hedges_g(first: Sequence[float], second: Sequence[float], squared: float, freedom: int) -> float | None:
    if squared <= 0 or freedom < 2:
        return None
    difference = fmean(first) - fmean(second)
    # the exact factor that takes out the bias of a few runs, Hedges 1981
    factor = math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)) / math.sqrt(freedom / 2)
    return factor * difference / math.sqrt(squared)


def superiority_of_pairs(
    first: Sequence[float], second: Sequence[float], *, confidence: float = CONFIDENCE
) -> Superiority:
    """P(A > B) over runs that share seeds: the share of seeds, with Wilson's interval."""
    wins = sum(_wins(one, other) for one, other in zip(first, second, strict=True))
    low, high = wilson_interval(wins, len(first), confidence=confidence)
    return Superiority(wins / len(first), low, high, len(first))


def superiority_of_samples(
    first: Sequence[float], second: Sequence[float], *, confidence: float = CONFIDENCE
) -> Superiority:
    """P(A > B) over all pairs of runs, Mann and Whitney's, with the interval of Newcombe 2006 (method 5)."""
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    n, other_n = len(first), len(second)
    share = fmean(_wins(one, other) for one in first for other in second)
    more = (n + other_n) / 2 - 1

    def is_outside(theta: float) -> bool:
        spread = 1 + more * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (theta - share) ** 2 > z * z * theta * (1 - theta) * spread / (n * other_n)

    low = 0.0 if share == 0 else _edge(0.0, share, is_outside)
    high = 1.0 if share == 1 else _edge(1.0, share, is_outside)
    return Superiority(share, low, high, min(n, other_n))


def _edge(outside: float, inside: float, is_outside: Callable[[float], bool]) -> float:
    """Where an interval ends, between a value outside it and one inside it."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if is_outside(middle):
            outside = middle
        else:
            inside = middle
    return inside


def _wins(one: float, other: float) -> float:
    return 1.0 if one > other else 0.5 if one == other else 0.0


def relative_error_reduction(accuracy: float, baseline: float) -> float | None:
    """Which share of the baseline's errors is gone; negative where there are more. Accuracies are fractions.

    None where the baseline makes no error.

    >>> round(relative_error_reduction(0.95, 0.90), 3)
    0.5
    """
    return None if baseline >= 1 else ((1 - baseline) - (1 - accuracy)) / (1 - baseline)
