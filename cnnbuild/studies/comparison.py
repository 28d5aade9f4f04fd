"""What may be said of runs of several studies side by side: differences, and what speaks against them.

The first group that is named is what the others are compared with. No sentence says that one is better: that
needs a study, which fixes before what is compared and how often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnbuild.studies.compared_runs import (
    ARCHITECTURE,
    BEGINS,
    ComparedRun,
    Group,
    differing,
    grouped,
    values_of,
)
from cnnbuild.studies.starting import start_in_words
from cnnbuild.studies.statistics import PairedDifference, holm_confidences, interval_of, paired_difference

FEWEST_SEEDS = 3
"""With fewer there is no interval: the same as in a study's findings."""
MOST_LISTED = 8
"""Seeds that are named one by one."""
NOTABLE_RATIO = 1.1  # parameters closer than this count as equal


@dataclass(frozen=True)
class Pair:
    """A group against the first one.

    `sentence` says what was seen, `warnings` and `confounders` what speaks against concluding from it. The
    difference is in points of accuracy, `second` minus `first`, over `shared_seeds`; `low` and `high` are its
    interval, at the level that Holm's correction over all pairs gives it.
    """

    first: Group
    second: Group
    shared_seeds: tuple[int, ...]
    sentence: str
    warnings: tuple[str, ...] = ()
    confounders: tuple[str, ...] = ()
    difference_points: float | None = None
    low_points: float | None = None
    high_points: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Groups of runs, in what they differ, and each against the first; `left_out` are words on other runs."""

    groups: tuple[Group, ...]
    differing: tuple[str, ...]
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...] = ()


def compare(runs: Sequence[ComparedRun], *, unfinished: int = 0) -> Comparison:
    """The comparison of runs, of which `unfinished` more have not ended."""
    groups = grouped(runs)
    left_out = [f"{unfinished} more {'has' if unfinished == 1 else 'have'} not ended"] if unfinished else []
    left_out += [f"{group.letter}: {note}" for group in groups for note in group.notes]
    if not groups:
        return Comparison((), (), (), tuple(left_out))
    first, *others = groups
    tested = {group.letter: _difference(first, group) for group in others}
    p_values = [one.p for one in tested.values() if one is not None]
    confidences = iter(holm_confidences(p_values))
    pairs = []
    for group in others:
        difference = tested[group.letter]
        if difference is None:
            pairs.append(_untested(first, group))
        else:
            pairs.append(_tested(first, group, difference, next(confidences), len(p_values)))
    return Comparison(tuple(groups), tuple(differing(groups)), tuple(pairs), tuple(left_out))


def _difference(first: Group, second: Group) -> PairedDifference | None:
    """The paired difference in points, where there may be one."""
    if _same_images(first, second) and len(_shared(first, second)) >= FEWEST_SEEDS:
        images = min(run.test_images for group in (first, second) for run in group.runs if run.accuracy)
        return paired_difference(_points(second), _points(first), step=100 / max(images, 1))
    return None


def _same_images(first: Group, second: Group) -> bool:
    return first.tested.tested_on == second.tested.tested_on


def _shared(first: Group, second: Group) -> list[int]:
    """The seeds with which both trained."""
    return sorted(first.accuracies.keys() & second.accuracies.keys())


def _points(group: Group) -> dict[int, float]:
    return {seed: 100 * accuracy for seed, accuracy in group.accuracies.items()}


def _tested(
    first: Group, second: Group, difference: PairedDifference, confidence: float, family: int
) -> Pair:
    low, high = interval_of(difference, confidence=confidence)
    corrected = f", corrected for {family} comparisons" if family > 1 else ""
    told = "which includes 0: not resolved" if low <= 0 <= high else "which does not include 0"
    sentence = (
        f"{second.called} minus {first.called}: {difference.mean:+.2f} points over {difference.n} shared "
        f"seeds (95 % CI {low:+.2f} to {high:+.2f}{corrected}), {told}."
    )
    return Pair(
        first,
        second,
        tuple(_shared(first, second)),
        sentence,
        confounders=confounders(first, second),
        difference_points=difference.mean,
        low_points=low,
        high_points=high,
    )


def _untested(first: Group, second: Group) -> Pair:
    """What may be said without an interval."""
    a, b = first.called, second.called
    for group in (first, second):
        if not group.accuracies:
            faults = ", ".join(dict.fromkeys(run.fault for run in group.runs))
            sentence = f"No comparison of {b} with {a}: no run of {group.letter} trained ({faults})."
            return Pair(first, second, (), sentence, confounders=confounders(first, second))
    if not _same_images(first, second):
        sentence = f"No difference of {b} and {a} is given: they were tested on different images."
        return Pair(first, second, (), sentence, (_of_images(first, second),), confounders(first, second))
    shared = _shared(first, second)
    if not shared:
        seeds = ", ".join(f"{g.letter} with {_listed(sorted(g.accuracies))}" for g in (first, second))
        sentence = f"No difference of {b} and {a} is given: they share no seed ({seeds})."
        return Pair(first, second, (), sentence, confounders=confounders(first, second))
    differences = [_points(second)[seed] - _points(first)[seed] for seed in shared]
    count = "one seed" if len(shared) == 1 else f"{len(shared)} seeds"
    shown = " and ".join(f"{one:+.2f}" for one in differences)
    sentence = (
        f"Descriptive only ({count}): {b} minus {a} was {shown} points. Training again with another seed "
        "could change this order."
    )
    mean = sum(differences) / len(differences)
    return Pair(first, second, tuple(shared), sentence, (), confounders(first, second), mean)


def _of_images(first: Group, second: Group) -> str:
    """In what the test images of two groups differ."""
    told = []
    for group in (first, second):
        run = group.tested
        fingerprint = values_of(group, "fingerprint")
        told.append(f"{group.letter} {run.test_images:,} images of {run.stored.dataset} ({fingerprint})")
    return "Different test images: " + ", ".join(told)


def confounders(first: Group, second: Group) -> tuple[str, ...]:
    """What differs between two groups beside the architecture, and what happened to their runs."""
    found = []
    names = differing((first, second))
    of_architecture = [name for name in names if name in ARCHITECTURE or name.startswith("vars.")]
    besides = [name for name in names if name not in of_architecture and name != BEGINS]
    if besides:
        told = ", ".join(f"{name} {values_of(first, name)} / {values_of(second, name)}" for name in besides)
        how = "besides the architecture in" if of_architecture else "in"
        found.append(f"They differ {how}: {told}.")
    found += _starts(first, second)
    if ratio := _ratio_of_parameters(first, second):
        found.append(ratio)
    for group in (first, second):
        lost = [run for run in group.runs if run.accuracy is None]
        if lost and group.accuracies:
            verb = "is" if len(lost) == 1 else "are"
            faults = ", ".join(dict.fromkeys(run.fault for run in lost))
            count = f"{len(lost)} of {len(group.runs)} runs of {group.letter}"
            found.append(f"{count} did not train ({faults}) and {verb} left out.")
    shared = _shared(first, second)
    if shared and (first.seeds != shared or second.seeds != shared):
        told = ", ".join(f"{group.letter} has {_listed(group.seeds)}" for group in (first, second))
        found.append(f"Only shared seeds are compared: {told}.")
    return tuple(found)


def _starts(first: Group, second: Group) -> list[str]:
    """With which weights two groups begin, where these are not drawn for both."""
    if not any(group.runs[0].start for group in (first, second)):
        return []
    told = "; ".join(f"{group.letter} begins with {_start(group)}" for group in (first, second))
    return [f"{told}."]


def _start(group: Group) -> str:
    """With what a group begins, and what of it is frozen."""
    frozen = str(group.first.about.get("recipe.freeze") or "[]")
    return start_in_words(group.runs[0].start) + (f", {frozen} frozen" if frozen != "[]" else "")


def _ratio_of_parameters(first: Group, second: Group) -> str:
    one, other = first.first.parameters, second.first.parameters
    if not one or not other or max(one, other) < NOTABLE_RATIO * min(one, other):
        return ""
    larger, smaller = (first, second) if one > other else (second, first)
    ratio = max(one, other) / min(one, other)
    return f"{larger.letter} has {ratio:.1f} times the parameters of {smaller.letter}."


def _listed(seeds: Sequence[int]) -> str:
    """Seeds in words, such as "seeds 0-4" or "seed 3"."""
    word = "seed" if len(seeds) == 1 else "seeds"
    return f"{word} {seeds_text(seeds)}"


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds as a table shows them.

    >>> seeds_text([0, 1, 2, 3]), seeds_text([4, 7])
    ('0-3', '4, 7')

    Of many the first are listed.
    """
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]}-{seeds[-1]}"
    listed = ", ".join(str(seed) for seed in seeds[:MOST_LISTED])
    return f"{listed}, … ({len(seeds)} of them)" if len(seeds) > MOST_LISTED else listed
