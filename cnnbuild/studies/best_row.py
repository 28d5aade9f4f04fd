"""Which architecture may be called the best of a table: only one that is told apart from every other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from cnnbuild.studies.findings.compared_rows import is_mostly_dead
from cnnbuild.studies.results import ResultRow
from cnnbuild.studies.statistics import holm, paired_difference

FEWEST_SEEDS = 3
ALPHA = 0.05


def distinguished_best(rows: Sequence[ResultRow]) -> str | None:
    """The architecture of the highest mean accuracy if no other could be as good; None otherwise.

    The winner is picked after looking, so the family of Holm's correction is all pairs. None too where a
    third of a row's runs did not train, or two have fewer than three seeds in common.
    """
    ranked = [row for row in rows if row.accuracy is not None and not is_mostly_dead(row)]
    if len(ranked) < 2 or len(ranked) < len(rows):
        return None
    best = max(ranked, key=lambda row: row.accuracy.mean if row.accuracy is not None else 0.0)
    pairs: list[tuple[ResultRow, ResultRow]] = []
    p_values: list[float] = []
    for first, second in combinations(ranked, 2):
        difference = paired_difference(first.accuracies, second.accuracies, step=_step(first, second))
        if difference is None or difference.n < FEWEST_SEEDS:
            return None
        pairs.append((first, second))
        p_values.append(difference.p)
    adjusted = zip(pairs, holm(p_values), strict=True)
    return best.architecture if all(p <= ALPHA for pair, p in adjusted if best in pair) else None


def _step(first: ResultRow, second: ResultRow) -> float:
    """The share of accuracy that one test image is worth."""
    runs = [record.run for row in (first, second) for record in row.trained]
    return 1 / min(run.test_images for run in runs if run is not None)
