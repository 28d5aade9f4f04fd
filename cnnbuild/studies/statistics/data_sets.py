"""Architectures over several data sets, one number for each (Demsar 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnbuild.studies.statistics.exact_tests import doubled_ranks, sign_flip_p

FEWEST_DATA_SETS = 6
"""With five the smallest p value of the signed-rank test is 0.0625."""


@dataclass(frozen=True, slots=True)
class ManySets:
    """Friedman's test: mean ranks of the architectures (1 is the best), and the p value of equal ones."""

    mean_ranks: tuple[float, ...]
    p: float


def signed_rank_p(differences: Sequence[float]) -> float:
    """The exact two-sided p value of Wilcoxon's signed-rank test (Wilcoxon 1945).

    Differences of zero are left out, equal ones share their ranks.

    >>> signed_rank_p([1, 2, 3, 4, 5, 6]), signed_rank_p([0, 0])
    (0.03125, 1.0)
    """
    kept = [one for one in differences if one != 0]
    ranks = doubled_ranks([abs(one) for one in kept])
    return sign_flip_p([rank if one > 0 else -rank for one, rank in zip(kept, ranks, strict=True)])


def friedman(scores: Sequence[Sequence[float]]) -> ManySets:
    """Whether architectures rank alike over data sets; `scores` has a row of accuracies for each data set.

    Friedman's statistic with ties, in the form of Iman and Davenport 1980, which is less conservative.
    """
    from scipy.special import fdtrc

    sets, networks = len(scores), len(scores[0])
    ranks = [[rank / 2 for rank in doubled_ranks([-score for score in row])] for row in scores]
    means = tuple(sum(column) / sets for column in zip(*ranks, strict=True))
    middle = (networks + 1) / 2
    between = sets * sum((mean - middle) ** 2 for mean in means)
    total = sum((rank - middle) ** 2 for row in ranks for rank in row)
    within = total - between
    if total == 0:
        return ManySets(means, 1.0)
    if within <= 0:
        return ManySets(means, 0.0)
    f = (sets - 1) * between / within
    return ManySets(means, float(fdtrc(networks - 1, (networks - 1) * (sets - 1), f)))
