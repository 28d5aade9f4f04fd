"""Counts of test images: about these trained networks on this test set, never about architectures."""

from __future__ import annotations

import math

from cnnbuild.studies.statistics.samples import CONFIDENCE

AT_CHANCE_ALPHA = 1e-3


def wilson_interval(successes: float, total: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval for a share, e.g. of test images a network got right (Wilson 1927).

    Half a success is a tie.
    """
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    share = successes / total
    centre = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return (centre - half) / scale, (centre + half) / scale


def is_at_chance(correct: int, total: int, majority_share: float) -> bool:
    """Whether a count is not above what always naming the largest class gives.

    The one-sided exact binomial test at 1e-3: of 10,000 images in 10 equal classes, 1,094 right are at
    chance.
    """
    from scipy.stats import binomtest

    return float(binomtest(correct, total, majority_share, alternative="greater").pvalue) >= AT_CHANCE_ALPHA


def mcnemar_p(first_only: int, second_only: int) -> float:
    """The exact two-sided p value of McNemar's test (McNemar 1947).

    `first_only` and `second_only` count the images that only one of two networks got right. It compares two
    trained networks: of 780 pairs of one small network with other seeds it called 60 % different.

    >>> mcnemar_p(0, 5), mcnemar_p(3, 3)
    (0.0625, 1.0)
    """
    from scipy.stats import binomtest

    total = first_only + second_only
    return 1.0 if total == 0 else float(binomtest(first_only, total, 0.5).pvalue)
