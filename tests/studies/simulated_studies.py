"""Studies whose truth is known: scores drawn anew, judged by what judges real ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from cnnbuild.studies.findings import Judgement, difference_between, judge
from cnnbuild.studies.findings.compared_rows import findings_of
from cnnbuild.studies.results import StudyResults
from cnnbuild.training.record import Evaluation
from tests.studies.synthetic import cell_record, run_record, study_results

BAND = 0.5
Draw = Callable[[random.Random], float]
Scores = Mapping[str, Mapping[int, float]]
"""Points by architecture and seed; the first architecture is the baseline."""


def drawn_from(pool: Sequence[float]) -> Draw:
    """One of the values, each as likely: the values are the whole truth, so equal draws have no difference."""
    return lambda generator: generator.choice(pool)


def normal(mean: float, sd: float) -> Draw:
    return lambda generator: generator.gauss(mean, sd)


def a_study(
    generator: random.Random, draws: Mapping[str, Draw], seeds: int, *, shared: bool = True
) -> Scores:
    """Seeds that the architectures share, or of which each has its own."""
    return {
        name: {seed + (0 if shared else 1000 * n): draw(generator) for seed in range(seeds)}
        for n, (name, draw) in enumerate(draws.items())
    }


def judged(scores: Scores, *, step: float, band: float = BAND) -> dict[str, Judgement]:
    """The decision of `findings_of`, without records and sentences."""
    names = list(scores)
    differences = {
        name: difference
        for name in names[1:]
        if (difference := difference_between(scores[name], scores[names[0]], step=step)) is not None
    }
    return judge(differences, band)


def verdicts_of_findings(right: Mapping[str, Mapping[int, int]], images: int) -> list[str]:
    """The verdicts of `findings_of` on records with so many test images right."""
    return [finding.verdict for finding in findings_of(results_of(right, images))]


def results_of(right: Mapping[str, Mapping[int, int]], images: int) -> StudyResults:
    records = [
        cell_record(
            name, seed, 0, run=run_record(0, seed=seed, test_images=images, test=_test(count, images))
        )
        for name, counts in right.items()
        for seed, count in counts.items()
    ]
    return study_results(*records, baseline=next(iter(right)))


def _test(right: int, images: int) -> Evaluation:
    """A test in which `right` of the images of two equal classes were named rightly."""
    halves = (images - images // 2, images // 2)
    first = min(halves[0], right)
    rows = ((first, halves[0] - first), (halves[1] - (right - first), right - first))
    return Evaluation(0.3, right / images, (None, None), rows)
