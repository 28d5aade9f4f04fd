"""How the findings of a study were arrived at, in sentences that could stand in a paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnbuild.studies.findings.finding import Evidence, Finding
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.statistics import FEWEST_FOR_RELIABLE


def methods_of(results: StudyResults, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Tests, families, seeds and the band of a study; only of what was used in it."""
    return (*_design(results), *_tests(results, findings), *_exclusions(findings))


def _design(results: StudyResults) -> Iterator[str]:
    study = results.study
    seeds = sorted({row.planned for row in results.rows})
    count = " or ".join(str(n) for n in seeds)
    runs = "run" if seeds == [1] else "runs"
    yield (
        f"{len(study.architectures)} architectures, {count} {runs} of each on each data set"
        f"{' and setting' if study.settings else ''}; runs differ in their seed, which decides initial "
        "weights, dropout, the order of the images and their augmentation."
    )


def _tests(results: StudyResults, findings: Sequence[Finding]) -> Iterator[str]:
    study, tested = results.study, [one.evidence for one in findings if one.evidence is not None]
    if not tested:
        yield "No differences were tested: that takes three seeds that trained for both architectures."
        return
    yield (
        f"Each architecture is compared with {study.baseline}, the baseline that the study names, on each "
        "data set by itself. Differences are of test accuracy, in points, with t intervals."
    )
    if any(one.paired for one in tested):
        yield (
            "Runs with the same seed see the same images in the same order: the paired t test on their "
            "differences, whose standard deviation is taken to be at least one test image."
        )
    if not all(one.paired for one in tested):
        yield "Where runs share fewer than three seeds: Welch's t test, which allows unequal variances."
    yield from _families(tested)
    band = study.equivalence_points
    yield (
        f"Within {band:g} points a difference makes none in practice. More accurate: the corrected 95 % "
        "interval lies beyond that band. Small but real: it lies beyond 0. Equivalent: two one-sided tests "
        "at 5 % (Schuirmann 1987), corrected likewise. Else not resolved; seeds needed are those for 80 % "
        "power at the same level."
    )
    if any(one.reliable for one in tested):
        yield (
            f"Reliably more accurate: from {FEWEST_FOR_RELIABLE} seeds on, higher in at least three of four, "
            "with an interval above one half (Bouthillier et al. 2021)."
        )
    yield (
        "P(A > B) is the share of shared seeds (or of all pairs of runs) in which A scored higher, with "
        "Wilson's (or Newcombe's) interval. Checks by tests without a distribution decide nothing."
    )


def _families(tested: Sequence[Evidence]) -> Iterator[str]:
    largest = max(one.family for one in tested)
    if largest > 1:
        yield (
            f"Holm's correction over the architectures of one data set and setting, up to {largest} "
            "comparisons; intervals are drawn at the level that it leaves to each (Serlin 1993)."
        )


def _exclusions(findings: Sequence[Finding]) -> Iterator[str]:
    yield (
        "A run whose test accuracy is not above the share of the largest class (exact binomial test at "
        "0.001), or that diverged, did not train and is left out; where that is a third of an architecture's "
        "runs, there is no comparison."
    )
    if any(one.networks is not None for one in findings):
        yield (
            "With one seed, Wilson's intervals and McNemar's exact test are about the two trained networks "
            "on this test part, not about their architectures."
        )
