"""Which architectures of one data set can be told apart: every pair of them, corrected for all pairs.

The comparisons with the baseline are `findings`; these are for whoever asks "which is dominated", where the
pair is chosen after looking, and so every pair has to pay for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from cnnbuild.studies.findings import FEWEST_SEEDS
from cnnbuild.studies.findings.compared_rows import is_mostly_dead, points_of, step_between
from cnnbuild.studies.results import ResultRow
from cnnbuild.studies.statistics import (
    CONFIDENCE,
    PairedDifference,
    holm,
    holm_confidences,
    interval_of,
    paired_difference,
)


@dataclass(frozen=True, slots=True)
class PairTest:
    """How much higher `higher` scored than `lower`, in points; interval and p value are corrected by Holm.

    `pairs` is how many pairs the correction is for.
    """

    higher: str
    lower: str
    seeds: int
    points: float
    low: float
    high: float
    p: float
    pairs: int

    @property
    def is_clear(self) -> bool:
        """Whether the corrected interval excludes 0."""
        return self.low > 0


@dataclass(frozen=True, slots=True)
class Pairs:
    """The tests of all pairs of a data set's architectures; a pair that could not be tested has none."""

    tests: Mapping[frozenset[str], PairTest]

    def of(self, one: str, other: str) -> PairTest | None:
        """The test of two architectures, whichever scored higher."""
        return self.tests.get(frozenset((one, other)))

    def clearly(self, higher: str, lower: str) -> PairTest | None:
        """The test that shows the first to be more accurate than the second; None where none does."""
        test = self.of(higher, lower)
        return test if test is not None and test.is_clear and test.higher == higher else None


def is_comparable(row: ResultRow) -> bool:
    """Whether enough of an architecture's runs trained for its mean to be about the architecture."""
    return bool(row.accuracies) and not is_mostly_dead(row)


def pairs_of(rows: Sequence[ResultRow]) -> Pairs:
    """The paired t test of each two architectures over the seeds they share, Holm over all that were tested.

    Left out are architectures of which a third of the runs or more did not train, and pairs with fewer than
    three seeds in common.
    """
    found: list[tuple[ResultRow, ResultRow, PairedDifference]] = []
    for one, other in combinations([row for row in rows if is_comparable(row)], 2):
        if len(one.accuracies.keys() & other.accuracies.keys()) >= FEWEST_SEEDS:
            difference = paired_difference(points_of(one), points_of(other), step=step_between(one, other))
            if difference is not None:
                found.append((one, other, difference))
    p_values = [difference.p for _, _, difference in found]
    corrected = zip(found, holm(p_values), holm_confidences(p_values, confidence=CONFIDENCE), strict=True)
    tests = [_test(*which, p, confidence, len(found)) for which, p, confidence in corrected]
    return Pairs({frozenset((test.higher, test.lower)): test for test in tests})


def _test(
    one: ResultRow,
    other: ResultRow,
    difference: PairedDifference,
    p: float,
    confidence: float,
    pairs: int,
) -> PairTest:
    low, high = interval_of(difference, confidence=confidence)
    names, mean = (one.architecture, other.architecture), difference.mean
    if mean < 0:
        names, mean, low, high = (names[1], names[0]), -mean, -high, -low
    return PairTest(*names, difference.n, mean, low, high, p, pairs)
