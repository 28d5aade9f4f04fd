"""Which architecture may be called the best of a table: only one that is told apart from every other."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

from cnnbuild.studies.pairwise import pairs_of
from cnnbuild.studies.results import ResultRow

ALPHA = 0.05


def distinguished_best(rows: Sequence[ResultRow]) -> str | None:
    """The architecture of the highest mean accuracy if no other could be as good; None otherwise.

    The winner is picked after looking, so the family of Holm's correction is all pairs. None too where a
    third of a row's runs did not train, or two have fewer than three seeds in common.
    """
    tests = pairs_of(rows).tests
    if len(rows) < 2 or len(tests) < comb(len(rows), 2):
        return None
    best = max(rows, key=lambda row: row.accuracy.mean if row.accuracy is not None else 0.0).architecture
    return best if all(test.p <= ALPHA for pair, test in tests.items() if best in pair) else None
