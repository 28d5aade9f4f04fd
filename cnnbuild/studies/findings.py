"""What may be concluded: sentences on a fixed ladder, each with its scope and what speaks against it.

From the bottom: no comparison (runs that did not train), descriptive only (one or two seeds), not resolved,
equivalent within the band, small but real, better here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.lang.recipe import length_in_words
from cnnbuild.studies.fairness import confounders, why_dead
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.statistics import (
    PairedDifference,
    holm,
    holm_confidences,
    interval_of,
    paired_difference,
    seeds_needed,
)

Verdict: TypeAlias = Literal[
    "better", "worse", "small but real", "equivalent", "not resolved", "descriptive", "no comparison"
]
FEWEST_SEEDS = 3
DEAD_SHARE = 1 / 3  # from here on an architecture's runs say more about the recipe than about it
TOST_CONFIDENCE = 0.9  # two one-sided tests at 5 % are one interval at 90 %


@dataclass(frozen=True, slots=True)
class Finding:
    """A comparison of one architecture with the baseline, in words; `confounders` stand beside it."""

    dataset: str
    architecture: str
    baseline: str
    verdict: Verdict
    sentence: str
    confounders: tuple[str, ...] = ()
    difference_points: float | None = None
    low_points: float | None = None
    high_points: float | None = None
    p: float | None = None
    setting: str = ""


def findings_of(results: StudyResults) -> tuple[Finding, ...]:
    """One finding for each architecture but the baseline, on each data set at each point of the grid.

    Holm's correction is over the architectures of one data set and one point: that is the family.
    """
    found: list[Finding] = []
    for group in results.groups:
        rows = {row.architecture: row for row in group}
        baseline = rows.pop(results.study.baseline, None)
        if baseline is None:
            continue
        family = {name: _difference(row, baseline) for name, row in rows.items()}
        tested = [name for name, difference in family.items() if difference is not None]
        p_values = [d.p for d in family.values() if d is not None]
        adjusted = dict(zip(tested, holm(p_values), strict=True))
        confidences = dict(zip(tested, holm_confidences(p_values), strict=True))
        for name, row in rows.items():
            difference = family[name]
            if difference is None:
                found.append(_without_test(row, baseline))
            else:
                band = results.study.equivalence_points
                found.append(
                    _with_test(
                        row, baseline, difference, adjusted[name], confidences[name], len(tested), band
                    )
                )
    return tuple(found)


def _difference(row: ResultRow, baseline: ResultRow) -> PairedDifference | None:
    """In points, and only where it may be tested."""
    if _mostly_dead(row) or _mostly_dead(baseline):
        return None
    common = row.accuracies.keys() & baseline.accuracies.keys()
    if len(common) < FEWEST_SEEDS:
        return None
    return paired_difference(_points(row), _points(baseline), step=_step(row, baseline))


def _step(row: ResultRow, baseline: ResultRow) -> float:
    """The points that one test image is worth."""
    images = [r.run.test_images for one in (row, baseline) for r in one.trained if r.run is not None]
    return 100 / min(images)


def _points(row: ResultRow) -> dict[int, float]:
    return {seed: 100 * accuracy for seed, accuracy in row.accuracies.items()}


def _mostly_dead(row: ResultRow) -> bool:
    dead = len(row.records) - len(row.trained)
    return not row.trained or dead >= DEAD_SHARE * len(row.records)


def _without_test(row: ResultRow, baseline: ResultRow) -> Finding:
    a, b, data = row.architecture, baseline.architecture, row.where
    unrun = [one for one in (row, baseline) if not one.records]
    if unrun:
        sentence = f"No comparison of {a} with {b} on {data}: {unrun[0].architecture} has no finished runs."
        return Finding(row.dataset, a, b, "no comparison", sentence, setting=row.setting)
    dead = [one for one in (row, baseline) if _mostly_dead(one)]
    if dead:
        sentence = f"No comparison of {a} with {b} on {data}: {why_dead(dead)}"
        return Finding(row.dataset, a, b, "no comparison", sentence, setting=row.setting)
    return _descriptive(row, baseline)


def _descriptive(row: ResultRow, baseline: ResultRow) -> Finding:
    a, b, data = row.architecture, baseline.architecture, row.where
    common = sorted(row.accuracies.keys() & baseline.accuracies.keys())
    if not common:
        sentence = f"No comparison of {a} with {b} on {data}: no seed was trained with both."
        return Finding(row.dataset, a, b, "no comparison", sentence, setting=row.setting)
    differences = [_points(row)[seed] - _points(baseline)[seed] for seed in common]
    shown = " and ".join(f"{difference:+.2f}" for difference in differences)
    count = "one seed" if len(common) == 1 else f"{len(common)} seeds"
    sentence = (
        f"Descriptive only ({count}): on {data}, with this recipe ({_length(row)}), "
        f"{a} minus {b} was {shown} points. "
        "Training again with another seed could change this order."
    )
    mean = sum(differences) / len(differences)
    return Finding(
        row.dataset, a, b, "descriptive", sentence, confounders(row, baseline), mean, setting=row.setting
    )


def _with_test(
    row: ResultRow,
    baseline: ResultRow,
    difference: PairedDifference,
    p: float,
    confidence: float,
    family: int,
    band: float,
) -> Finding:
    low, high = interval_of(difference, confidence=confidence)
    verdict = _verdict(difference, low, high, band)
    sentence = _sentence(verdict, row, baseline, difference, (low, high), p, family, band)
    return Finding(
        row.dataset,
        row.architecture,
        baseline.architecture,
        verdict,
        sentence,
        confounders(row, baseline),
        difference.mean,
        low,
        high,
        p,
        row.setting,
    )


def _verdict(difference: PairedDifference, low: float, high: float, band: float) -> Verdict:
    if low > band:
        return "better"
    if high < -band:
        return "worse"
    if low > 0 or high < 0:
        return "small but real"
    inner_low, inner_high = interval_of(difference, confidence=TOST_CONFIDENCE)
    return "equivalent" if -band < inner_low and inner_high < band else "not resolved"


def _sentence(
    verdict: Verdict,
    row: ResultRow,
    baseline: ResultRow,
    difference: PairedDifference,
    interval: tuple[float, float],
    p: float,
    family: int,
    band: float,
) -> str:
    a, b = row.architecture, baseline.architecture
    scope = f"On {row.where}, with this recipe ({_length(row)}, {difference.n} seeds)"
    corrected = f", corrected for {family} comparisons" if family > 1 else ""
    low, high = interval
    shown = f"95 % CI {low:+.2f} to {high:+.2f}{corrected}, {'Holm ' if family > 1 else ''}p {_p(p)}"
    more = "higher" if difference.mean > 0 else "lower"
    scored = f"{scope}, {a} scored {abs(difference.mean):.2f} points {more} than {b} ({shown})"
    match verdict:
        case "better":
            return f"{scored}: evidence that {a} is more accurate here."
        case "worse":
            return f"{scored}: evidence that {b} is more accurate here."
        case "small but real":
            return (
                f"{scored}: statistically distinguishable from no difference, "
                f"but not shown to be more than the {band:g} points that matter here."
            )
        case "equivalent":
            inner = interval_of(difference, confidence=TOST_CONFIDENCE)
            return (
                f"{scope}, {a} and {b} are equivalent within {band:g} points: the difference is "
                f"{difference.mean:+.2f} points (90 % CI {inner[0]:+.2f} to {inner[1]:+.2f})."
            )
        case _:
            needed = seeds_needed(difference.mean, difference.sd)
            hint = (
                f" About {needed} seeds per architecture would be needed to show a difference of this size."
                if needed is not None
                else " No practical number of seeds would show a difference of this size."
            )
            if f"{abs(difference.mean):.2f}" == "0.00":
                hint = ""  # there is no difference to be shown
            return (
                f"Not resolved: on {scope[3:]}, "
                f"{a} minus {b} was {difference.mean:+.2f} points ({shown}), which includes 0.{hint}"
            )


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _length(row: ResultRow) -> str:
    return " or ".join(sorted({length_in_words(record.recipe) for record in row.records}))
