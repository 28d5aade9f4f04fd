"""What accuracy costs: who is on the Pareto front, who is dominated, and what more cost did not buy.

Ratios such as accuracy per parameter are given with the warning that belongs to them: half a network needs
only half the accuracy to have the same ratio, so that the smallest wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cnnbuild.studies.costs import MACS, MEMORY, PARAMETERS, TRAINING, Cost
from cnnbuild.studies.observation import Figure, Observation
from cnnbuild.studies.pairwise import Pairs, PairTest, pairs_of
from cnnbuild.studies.pareto import Point, front_of, points_of
from cnnbuild.studies.results import ResultRow, StudyResults

WEIGHED = (PARAMETERS, MACS, TRAINING, MEMORY)
FEW = 2  # ratios below it are told with two decimals
RATIOS: tuple[tuple[Cost, float, str], ...] = (
    (PARAMETERS, 1000, "per 1,000 parameters"),
    (TRAINING, 60, "per minute of training"),
    (MEMORY, 1, "per MiB of peak memory"),
)
"""A cost, how much of it makes the unit, and the unit in words."""


def efficiency(results: StudyResults) -> tuple[Observation, ...]:
    """What is said of accuracy and cost, on each data set at each point of the grid."""
    return tuple(one for group in results.groups for one in _of_group(group))


def _of_group(rows: Sequence[ResultRow]) -> Iterator[Observation]:
    pairs = pairs_of(rows)
    alike: dict[tuple[tuple[str, str], ...], list[tuple[Cost, tuple[Point, ...]]]] = {}
    for cost in WEIGHED:
        points = points_of(rows, cost, pairs)
        if len(points) > 1:
            key = tuple((point.architecture, point.standing) for point in points)
            alike.setdefault(key, []).append((cost, points))
    for weighed in alike.values():
        yield _fronts(rows[0], weighed, pairs)
    yield from _ratios(rows[0], rows, pairs)


def _fronts(row: ResultRow, weighed: Sequence[tuple[Cost, tuple[Point, ...]]], pairs: Pairs) -> Observation:
    """One sentence for the costs by which all architectures stand alike."""
    points = weighed[0][1]
    names = [point.architecture for point in points]
    front = front_of(points)
    costs = _listed([cost.name for cost, _ in weighed])
    sentences = [f"On {row.where}, accuracy against {costs}: {_front_sentence(front, len(points))}"]
    sentences += [_dominated(point, point.by, weighed) for point in points if point.by is not None]
    undecided = [point.architecture for point in points if point.standing == "undecided"]
    if undecided:
        verb = "lies" if len(undecided) == 1 else "lie"
        why = "but not distinguishably so" if pairs.tests else "which too few seeds can test"
        sentences.append(f"{_listed(undecided)} {verb} behind the front by the means, {why}.")
    sentences += _not_bought(front, weighed, pairs)
    figures: dict[str, Figure] = {
        "costs": ", ".join(cost.name for cost, _ in weighed),
        "front": ", ".join(point.architecture for point in front),
        "dominated": ", ".join(f"{p.architecture} by {p.by.higher}" for p in points if p.by is not None),
        "undecided": ", ".join(undecided),
        "pairs_tested": len(pairs.tests),
    }
    return Observation(
        "efficiency", " ".join(sentences), tuple(names), row.dataset, row.setting, figures=figures
    )


def _front_sentence(front: Sequence[Point], total: int) -> str:
    names = [point.architecture for point in front]
    if len(front) == total:
        both = "both" if total == 2 else "all"
        return f"{_listed(names)} are {both} on the Pareto front of the means: who costs more scores higher."
    if len(front) == 1:
        return f"by the means, {names[0]} alone is on the Pareto front: no other costs less or scores higher."
    return f"by the means, {_listed(names)} are on the Pareto front."


def _dominated(point: Point, by: PairTest, weighed: Sequence[tuple[Cost, tuple[Point, ...]]]) -> str:
    price = _listed([_ratio_text(cost, points, by.higher, point.architecture) for cost, points in weighed])
    return (
        f"{point.architecture} is dominated: {by.higher} has {price} and scored {by.points:.2f} points "
        f"higher ({_evidence(by)})."
    )


def _not_bought(
    front: Sequence[Point], weighed: Sequence[tuple[Cost, tuple[Point, ...]]], pairs: Pairs
) -> Iterator[str]:
    """Neighbours on the front of which the dearer one is not distinguishably more accurate."""
    for cheap, dear in pairwise(front):
        test = pairs.of(cheap.architecture, dear.architecture)
        if test is not None and not test.is_clear:
            price = _listed(
                [_ratio_text(cost, points, dear.architecture, cheap.architecture) for cost, points in weighed]
            )
            yield (
                f"That {dear.architecture} has {price} of {cheap.architecture} bought no distinguishable "
                f"accuracy: {test.points:+.2f} points ({_evidence(test)})."
            )


def _evidence(test: PairTest) -> str:
    p = "p < 0.001" if test.p < 0.001 else f"p = {test.p:.3f}"
    corrected = f", Holm over {test.pairs} pairs" if test.pairs > 1 else ""
    return f"95 % CI {test.low:+.2f} to {test.high:+.2f}, {p}{corrected}, {test.seeds} seeds"


def _ratio_text(cost: Cost, points: Sequence[Point], one: str, other: str) -> str:
    """What the first costs in terms of the second, such as "0.52 times the parameters"."""
    amounts = {point.architecture: point.cost.value for point in points}
    ratio = amounts[one] / amounts[other] if amounts[other] else 1.0
    return f"{ratio:.2f} times {cost.times}" if ratio < FEW else f"{ratio:.2g} times {cost.times}"


def _ratios(row: ResultRow, rows: Sequence[ResultRow], pairs: Pairs) -> Iterator[Observation]:
    """Accuracy per cost, with the warning; and whether it says more than which network is smallest."""
    told: list[str] = []
    figures: dict[str, Figure] = {}
    names: tuple[str, ...] = ()
    only_size = True
    for cost, unit, words in RATIOS:
        points = [point for point in points_of(rows, cost, pairs) if point.cost.value > 0]
        if len(points) < 2:
            continue
        ratios = [100 * point.accuracy.mean / (point.cost.value / unit) for point in points]
        names = names or tuple(point.architecture for point in points)
        only_size = only_size and ratios == sorted(ratios, reverse=True)  # points are the cheapest first
        listed = ", ".join(
            f"{point.architecture} {_number(ratio)}" for point, ratio in zip(points, ratios, strict=True)
        )
        told.append(f"{words}: {listed}")
        for point, ratio in zip(points, ratios, strict=True):
            figures[f"{point.architecture}: points {words}"] = round(ratio, 6)
    if not told:
        return
    warning = (
        "Such ratios favour tiny models: half a network needs only half the accuracy for the same ratio. "
        "They are no ranking; the Pareto front is"
    )
    repeated = ", and here they only repeat the order of size." if only_size else "."
    sentence = f"Points of accuracy on {row.where} {'; '.join(told)}. {warning}{repeated}"
    yield Observation("efficiency", sentence, names, row.dataset, row.setting, figures=figures)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _listed(words: Sequence[str]) -> str:
    """The words as a sentence lists them.

    >>> _listed(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
