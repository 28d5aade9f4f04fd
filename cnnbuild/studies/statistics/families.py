"""Several comparisons with one baseline: how sure each may be, so that all together are as sure as one."""

from __future__ import annotations

from collections.abc import Sequence

from cnnbuild.studies.statistics.samples import CONFIDENCE


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


def dunnett(samples: Sequence[Sequence[float]], control: Sequence[float]) -> tuple[float, ...]:
    """Dunnett's adjusted p values of samples against a control (Dunnett 1955), in the order given.

    For runs that share no seed. It takes all samples to vary equally, which architectures do not: where one
    of them varies three times as much, docs/statistics.md shows how often it is wrong. So it is a check, and
    Welch's test with Holm's correction decides. Where nothing varies, all are 1.
    """
    from scipy.stats import dunnett as of_scipy

    if all(len(set(values)) == 1 for values in (control, *samples)):
        return tuple(1.0 for _ in samples)
    found = of_scipy(*samples, control=control, rng=0)  # it integrates with random points
    return tuple(float(min(1.0, max(0.0, p))) for p in found.pvalue)
