"""Accuracy against a cost: who is on the Pareto front, and who is distinguishably behind it.

The front is that of the means: an architecture is on it where no other costs no more and scores no less. A
mean that lies behind the front is only called dominated where that can be told: one other architecture costs
surely no more (counted exactly; of what is measured, each of its runs no more than any run of the other), and
its accuracy is higher by the paired t test, corrected by Holm for all pairs of architectures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeAlias

from cnnbuild.studies.costs import Amount, Cost
from cnnbuild.studies.pairwise import Pairs, PairTest, is_comparable
from cnnbuild.studies.results import ResultRow
from cnnbuild.studies.statistics import Summary

Standing: TypeAlias = Literal["front", "dominated", "undecided"]
MATCHED_RATIO = 1.1  # costs closer than this count as equal


@dataclass(frozen=True, slots=True)
class Point:
    """An architecture by its cost and its accuracy (a fraction); `by` shows who dominates it."""

    architecture: str
    cost: Amount
    accuracy: Summary
    standing: Standing
    by: PairTest | None = None


def points_of(rows: Sequence[ResultRow], cost: Cost, pairs: Pairs) -> tuple[Point, ...]:
    """The architectures whose cost and accuracy are known, the cheapest first.

    Left out are those of which a third of the runs or more did not train.
    """
    placed = [
        (row.architecture, amount, row.accuracy)
        for row in rows
        if is_comparable(row) and row.accuracy is not None and (amount := cost.of(row)) is not None
    ]
    placed.sort(key=lambda one: (one[1].value, -one[2].mean))
    points = []
    for name, amount, accuracy in placed:
        rivals = [one for one in placed if one[0] != name]
        is_front = not any(_is_ahead(rival, (name, amount, accuracy)) for rival in rivals)
        cheaper = [rival for rival in rivals if cost.is_surely_no_more(rival[1], amount)]
        shown = [test for rival, _, _ in cheaper if (test := pairs.clearly(rival, name)) is not None]
        by = max(shown, key=lambda test: test.points, default=None) if not is_front else None
        standing: Standing = "front" if is_front else "undecided" if by is None else "dominated"
        points.append(Point(name, amount, accuracy, standing, by))
    return tuple(points)


def front_of(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points on the front, the cheapest first."""
    return tuple(point for point in points if point.standing == "front")


def matched_pairs(points: Sequence[Point]) -> tuple[tuple[Point, Point], ...]:
    """Pairs whose costs are within 10 % of each other: their accuracies compare at equal cost."""
    return tuple(
        (one, other)
        for one, other in combinations(points, 2)
        if other.cost.value <= MATCHED_RATIO * one.cost.value
    )


def _is_ahead(one: tuple[str, Amount, Summary], other: tuple[str, Amount, Summary]) -> bool:
    """Whether the means of the first are no worse in both, and better in one."""
    cost, mean = other[1].value - one[1].value, one[2].mean - other[2].mean
    return cost >= 0 and mean >= 0 and (cost > 0 or mean > 0)
