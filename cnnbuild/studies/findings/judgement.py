"""The decision: from scores by seed to a verdict for each architecture of a family. Numbers only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.studies.statistics import (
    CONFIDENCE,
    Difference,
    equivalence_p,
    holm,
    holm_confidences,
    interval_of,
    paired_difference,
    welch_difference,
)

FEWEST_SEEDS = 3
ALPHA = 1 - CONFIDENCE

TestedVerdict: TypeAlias = Literal[
    "better", "worse", "small but real", "real, size unclear", "equivalent", "not resolved"
]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One architecture against the baseline; p values and intervals are corrected over the family.

    `inner_low` to `inner_high` is the interval of the two one-sided tests, at `inner_confidence`.
    """

    difference: Difference
    verdict: TestedVerdict
    p: float
    confidence: float
    low: float
    high: float
    equivalence_p: float
    inner_confidence: float
    inner_low: float
    inner_high: float
    family: int


def difference_between(
    scores: Mapping[int, float], baseline: Mapping[int, float], *, step: float
) -> Difference | None:
    """The difference of two architectures' scores, by seed; None where there are too few to test.

    Paired from three shared seeds on. With fewer, but three runs of each, they are compared by Welch's test.
    """
    if len(scores.keys() & baseline.keys()) >= FEWEST_SEEDS:
        return paired_difference(scores, baseline, step=step)
    if min(len(scores), len(baseline)) >= FEWEST_SEEDS:
        return welch_difference([*scores.values()], [*baseline.values()], step=step)
    return None


def judge(differences: Mapping[str, Difference], band: float) -> dict[str, Judgement]:
    """The verdicts on a family of differences from one baseline; within `band` none matters in practice.

    Holm's correction is over the family, once over the tests of difference and once over those of
    equivalence: of any one comparison only one of the two can be wrong.
    """
    found = list(differences.values())
    p_values = [one.p for one in found]
    adjusted, confidences = holm(p_values), holm_confidences(p_values)
    within = [equivalence_p(one, band) for one in found]
    adjusted_within, levels = holm(within), holm_confidences(within)
    judged = {}
    for index, (name, difference) in enumerate(differences.items()):
        low, high = interval_of(difference, confidence=confidences[index])
        inner_confidence = 1 - 2 * (1 - levels[index])
        inner_low, inner_high = interval_of(difference, confidence=inner_confidence)
        judged[name] = Judgement(
            difference,
            _verdict(low, high, band, is_equivalent=adjusted_within[index] < ALPHA),
            adjusted[index],
            confidences[index],
            low,
            high,
            adjusted_within[index],
            inner_confidence,
            inner_low,
            inner_high,
            len(found),
        )
    return judged


def _verdict(low: float, high: float, band: float, *, is_equivalent: bool) -> TestedVerdict:
    if low > band:
        return "better"
    if high < -band:
        return "worse"
    if low > 0 or high < 0:
        return "small but real" if -band < low and high < band else "real, size unclear"
    return "equivalent" if is_equivalent else "not resolved"
