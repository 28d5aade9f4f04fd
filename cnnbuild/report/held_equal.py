"""What a study held equal on purpose, and what that left unequal: sizes by `match`, training by `budget`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnbuild.studies.matching import WORDS, Matched, matched_on, percent
from cnnbuild.studies.results import StudyResults

NOTABLE_RATIO = 1.1  # what differs by less is called equal


@dataclass(frozen=True, slots=True)
class Choice:
    """What `match` chose for one architecture, as text; `where` is its data set, where there are several."""

    architecture: str
    where: str
    choice: str
    count: str
    deviation: str


@dataclass(frozen=True, slots=True)
class HeldEqual:
    """What the page says of `match` and `budget`; all empty for a study without them."""

    sentences: tuple[str, ...]
    choices: tuple[Choice, ...]
    quantity: str


def held_equal(results: StudyResults) -> HeldEqual:
    """What was chosen so that the comparison is fair, and what the chosen networks still differ in."""
    matched, budget = results.study.matched, results.study.budget
    sentences = []
    if matched:
        sentences.append(f"{matched_on(matched)}, by a variable of each network.")
        sentences += _left_unequal(results, matched[0])
    if budget:
        sentences.append(
            f"Every run was given {budget}: networks that cost less per image may see more images for it."
            if "multiply-adds" in budget
            else f"Every run was given {budget}."
        )
    quantity = WORDS[matched[0].quantity] if matched else ""
    return HeldEqual(tuple(sentences), _choices(matched, results), quantity)


def _left_unequal(results: StudyResults, matched: Matched) -> list[str]:
    """By how much the quantity that was not matched differs, at most, between networks that are compared."""
    by_macs = matched.quantity == "parameters"
    worst, larger, smaller = 1.0, "", ""
    for group in results.groups:
        sizes = [(row.macs if by_macs else row.parameters, row.architecture) for row in group]
        known = [(size, name) for size, name in sizes if size]
        if known and (ratio := max(known)[0] / min(known)[0]) > worst:
            worst, larger, smaller = ratio, max(known)[1], min(known)[1]
    if worst < NOTABLE_RATIO:
        return []
    noun = WORDS["macs" if by_macs else "parameters"]
    return [f"This leaves the {noun} unequal: {larger} has {worst:.1f} times those of {smaller}."]


def _choices(matched: Sequence[Matched], results: StudyResults) -> tuple[Choice, ...]:
    """Each choice once: points of the grid that share it are not told apart."""
    several = len(results.study.datasets) > 1
    found: dict[tuple[str, str, str], Choice] = {}
    for one in matched:
        where = one.dataset if several else ""
        key = (one.architecture, one.dataset, one.choice)
        found.setdefault(
            key, Choice(one.architecture, where, one.choice, f"{one.count:,}", percent(one.deviation))
        )
    return tuple(found.values())
