"""Tests without a distribution: every way in which signs or names could have fallen, counted exactly.

They check what the t tests say. Values are whole numbers (test images, or twice a rank), so that all outcomes
are counted by adding one value after the other, for any number of runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

TOLERANCE = 1e-9  # probabilities are sums of floats


def sign_flip_p(differences: Sequence[int]) -> float:
    """The exact two-sided p value of the mean of paired differences, all signs being equally likely.

    With n pairs it is at least 2 / 2^n. None of the differences is dropped; zeros change nothing.

    >>> sign_flip_p([1, 2, 3]), sign_flip_p([5, -5])
    (0.25, 1.0)
    """
    import numpy as np

    sizes = [abs(one) for one in differences]
    reach = sum(sizes)
    chance = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    for size in sizes:
        chance = (np.roll(chance, size) + np.roll(chance, -size)) / 2  # the ends are empty until they are due
    far = np.abs(np.arange(-reach, reach + 1)) >= abs(sum(differences))
    return min(1.0, float(chance[far].sum()))


def rank_sum_p(first: Sequence[float], second: Sequence[float]) -> float:
    """The exact two-sided p value of the Mann-Whitney test, ties sharing their ranks.

    >>> round(rank_sum_p([1, 2, 3], [4, 5, 6]), 9), rank_sum_p([1, 4], [2, 3])
    (0.1, 1.0)
    """
    import numpy as np

    ranks = doubled_ranks([*first, *second])
    ways = _ways(ranks, len(first))
    sums = np.arange(len(ways))
    middle = len(first) * sum(ranks) / len(ranks)
    far = np.abs(sums - middle) >= abs(sum(ranks[: len(first)]) - middle) - TOLERANCE
    return min(1.0, float(ways[far].sum() / ways.sum()))


def _ways(ranks: Sequence[int], chosen: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """In how many ways `chosen` of the ranks have each sum."""
    import numpy as np

    ways = np.zeros((chosen + 1, sum(ranks) + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = ways[chosen]
    return found


def doubled_ranks(values: Sequence[float]) -> list[int]:
    """Twice the rank of each value, counted from 1; equal values share the mean of theirs.

    >>> doubled_ranks([0.3, 0.1, 0.3])
    [5, 2, 5]
    """
    ordered = sorted(values)
    first = {value: ordered.index(value) for value in set(values)}
    return [2 * first[value] + 1 + ordered.count(value) for value in values]
