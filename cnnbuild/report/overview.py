"""A study with a grid at one glance: accuracies and verdicts, one line for each point of the grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnnbuild.report.figures import Look
from cnnbuild.report.tables import Tone, tone_of
from cnnbuild.studies.findings import Finding
from cnnbuild.studies.results import ResultRow, StudyResults


@dataclass(frozen=True, slots=True)
class Entry:
    """What one architecture came to at one point; `note` says what is the matter with its runs."""

    text: str
    note: str = ""
    tone: Tone = "bad"


@dataclass(frozen=True, slots=True)
class Overview:
    """The points of the grid on one data set, each with an entry for each of the architectures."""

    title: str
    looks: tuple[Look, ...]
    lines: tuple[tuple[str, tuple[Entry, ...]], ...]


def accuracies_at_a_glance(results: StudyResults, looks: dict[str, Look]) -> list[Overview]:
    """The test accuracies of a study with a grid, a table for each data set; none without a grid."""
    names = [*results.study.architectures]
    return _overviews(results, looks, names, lambda row: _accuracy(row))


def verdicts_at_a_glance(
    results: StudyResults, findings: Sequence[Finding], looks: dict[str, Look]
) -> list[Overview]:
    """The verdicts on all architectures but the baseline; none without a grid."""
    found = {(one.dataset, one.setting, one.architecture): one for one in findings}
    names = [name for name in results.study.architectures if name != results.study.baseline]
    if not findings:
        return []
    return _overviews(
        results, looks, names, lambda row: _verdict(found.get((row.dataset, row.setting, row.architecture)))
    )


def _overviews(
    results: StudyResults, looks: dict[str, Look], names: Sequence[str], entry: Callable[[ResultRow], Entry]
) -> list[Overview]:
    if not results.study.settings:
        return []
    lines: dict[str, list[tuple[str, tuple[Entry, ...]]]] = {}
    titles: dict[str, str] = {}
    for group in results.groups:
        by_name = {row.architecture: row for row in group}
        dataset = group[0].dataset
        titles.setdefault(dataset, group[0].dataset_label)
        entries = tuple(entry(by_name[name]) if name in by_name else Entry("") for name in names)
        lines.setdefault(dataset, []).append((group[0].setting, entries))
    shown = tuple(looks[name] for name in names)
    return [Overview(titles[dataset], shown, tuple(of)) for dataset, of in lines.items()]


def _accuracy(row: ResultRow) -> Entry:
    note = "" if len(row.trained) == row.planned else row.status
    summary, tone = row.accuracy, tone_of(row)
    if summary is None:
        return Entry("none", note, tone)
    if summary.n <= 2 or summary.half_width is None:
        return Entry(", ".join(f"{100 * one:.2f}" for one in row.accuracies.values()), note, tone)
    return Entry(f"{100 * summary.mean:.2f} ± {100 * summary.half_width:.2f}", note, tone)


def _verdict(finding: Finding | None) -> Entry:
    if finding is None:
        return Entry("")
    if finding.difference_points is None:
        return Entry(finding.verdict)
    return Entry(f"{finding.verdict} ({finding.difference_points:+.2f})")
