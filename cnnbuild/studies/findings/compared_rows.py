"""From the rows of a study to its findings: what may be tested, and what is said where nothing may."""

from __future__ import annotations

from collections.abc import Mapping

from cnnbuild.studies.confounders import confounders
from cnnbuild.studies.fairness import why_dead
from cnnbuild.studies.findings.evidence import evidence_of
from cnnbuild.studies.findings.finding import Finding
from cnnbuild.studies.findings.judgement import Judgement, difference_between, judge
from cnnbuild.studies.findings.one_seed import two_networks
from cnnbuild.studies.findings.sentences import described, sentence_of
from cnnbuild.studies.resolved_files import ResolvedFiles
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.statistics import WelchDifference, dunnett
from cnnbuild.studies.varied import varied

DEAD_SHARE = 1 / 3  # from here on an architecture's runs say more about the recipe than about it


def findings_of(results: StudyResults) -> tuple[Finding, ...]:
    """One finding for each architecture but the baseline, on each data set at each point of the grid.

    Holm's correction is over the architectures of one data set and one point: that is the family.
    """
    files = ResolvedFiles(results)
    found: list[Finding] = []
    for group in results.groups:
        rows = {row.architecture: row for row in group}
        baseline = rows.pop(results.study.baseline, None)
        if baseline is None:
            continue
        tested = {
            name: difference
            for name, row in rows.items()
            if not (is_mostly_dead(row) or is_mostly_dead(baseline))
            and (
                difference := difference_between(
                    points_of(row), points_of(baseline), step=step_between(row, baseline)
                )
            )
        }
        judged = judge(tested, results.study.equivalence_points)
        checks = _dunnett({name: rows[name] for name in judged}, baseline, judged)
        for name, row in rows.items():
            if name in judged:
                band = results.study.equivalence_points
                found.append(_with_test(files, row, baseline, judged[name], band, checks.get(name)))
            else:
                found.append(_without_test(files, row, baseline))
    return tuple(found)


def is_mostly_dead(row: ResultRow) -> bool:
    """Whether so many runs did not train, or only crippled, that nothing is said of it: a third, or all."""
    dead = sum(not health.trained or health.is_crippled for health in row.health)
    return not row.trained or dead >= DEAD_SHARE * len(row.records)


def _dunnett(
    rows: Mapping[str, ResultRow], baseline: ResultRow, judged: Mapping[str, Judgement]
) -> dict[str, float]:
    """What Dunnett's test says of a family of which no runs are paired; empty for any other."""
    unpaired = all(isinstance(one.difference, WelchDifference) for one in judged.values())
    if len(judged) < 2 or not unpaired:
        return {}
    samples = [[*points_of(row).values()] for row in rows.values()]
    return dict(zip(rows, dunnett(samples, [*points_of(baseline).values()]), strict=True))


def step_between(row: ResultRow, baseline: ResultRow) -> float:
    """The points that one test image is worth."""
    images = [r.run.test_images for one in (row, baseline) for r in one.trained if r.run is not None]
    return 100 / min(images)


def points_of(row: ResultRow) -> dict[int, float]:
    """The test accuracy of each seed that trained, in points."""
    return {seed: 100 * accuracy for seed, accuracy in row.accuracies.items()}


def _with_test(
    files: ResolvedFiles,
    row: ResultRow,
    baseline: ResultRow,
    judgement: Judgement,
    band: float,
    dunnett_p: float | None,
) -> Finding:
    evidence = evidence_of(
        judgement,
        points_of(row),
        points_of(baseline),
        step=step_between(row, baseline),
        band=band,
        dunnett_p=dunnett_p,
    )
    return Finding(
        dataset=row.dataset,
        architecture=row.architecture,
        baseline=baseline.architecture,
        verdict=judgement.verdict,
        sentence=sentence_of(row, baseline, judgement, evidence, band=band),
        confounders=confounders(row, baseline),
        difference_points=judgement.difference.mean,
        low_points=judgement.low,
        high_points=judgement.high,
        p=judgement.p,
        setting=row.setting,
        seeds=evidence.seeds,
        varied=varied(files, row, baseline),
        evidence=evidence,
    )


def _without_test(files: ResolvedFiles, row: ResultRow, baseline: ResultRow) -> Finding:
    a, b, data = row.architecture, baseline.architecture, row.where
    unrun = [one for one in (row, baseline) if not one.records]
    dead = [one for one in (row, baseline) if is_mostly_dead(one)]
    if unrun:
        sentence = f"No comparison of {a} with {b} on {data}: {unrun[0].architecture} has no finished runs."
    elif dead:
        sentence = f"No comparison of {a} with {b} on {data}: {why_dead(dead)}"
    elif row.accuracies.keys() & baseline.accuracies.keys():
        return _descriptive(files, row, baseline)
    else:
        sentence = f"No comparison of {a} with {b} on {data}: no seed was trained with both."
    return Finding(row.dataset, a, b, "no comparison", sentence, setting=row.setting)


def _descriptive(files: ResolvedFiles, row: ResultRow, baseline: ResultRow) -> Finding:
    common = sorted(row.accuracies.keys() & baseline.accuracies.keys())
    differences = [points_of(row)[seed] - points_of(baseline)[seed] for seed in common]
    count = "one seed" if len(common) == 1 else f"{len(common)} seeds"
    return Finding(
        dataset=row.dataset,
        architecture=row.architecture,
        baseline=baseline.architecture,
        verdict="descriptive",
        sentence=described(row, baseline, differences, seeds=count),
        confounders=confounders(row, baseline),
        difference_points=sum(differences) / len(differences),
        setting=row.setting,
        seeds=len(common),
        varied=varied(files, row, baseline),
        networks=two_networks(files, row, baseline, common[0]) if len(common) == 1 else None,
    )
