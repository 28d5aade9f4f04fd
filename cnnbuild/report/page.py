"""The page of a study: one self-contained file, from records alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cnnbuild.report.chapters import (
    BESIDE_FINDINGS,
    BESIDE_HEALTH,
    PageChapter,
    chapters_of,
    place_of,
)
from cnnbuild.report.downloads import Download, downloads_of
from cnnbuild.report.figures import looks_of
from cnnbuild.report.held_equal import held_equal
from cnnbuild.report.log_tails import log_tails
from cnnbuild.report.manifest import manifest_of, recipes_of, seeds_in_words
from cnnbuild.report.overview import accuracies_at_a_glance, verdicts_at_a_glance
from cnnbuild.report.page_shell import page_templates
from cnnbuild.report.sections import section_of
from cnnbuild.report.study_blocks import blocks_of, is_drawn, live_blocks_of, that_fit
from cnnbuild.report.tables import run_lines
from cnnbuild.report.under_way import under_way
from cnnbuild.studies.files import write_result
from cnnbuild.studies.findings import evidence_in_words
from cnnbuild.studies.findings.methods import methods_of
from cnnbuild.studies.findings_file import write_findings
from cnnbuild.studies.observation import Observation, Topic
from cnnbuild.studies.results import StudyResults, read_results
from cnnbuild.studies.soundness import soundness_of
from cnnbuild.studies.study_findings import StudyFindings, study_findings

MAX_UNFOLDED = 4  # tables of a grid that are shown one below the other; more are folded
MAX_UNFOLDED_FINDINGS = 8
MAX_UNFOLDED_RUNS = 60


def write_report(folder: Path, *, out: Path | None = None, reload_seconds: int | None = None) -> Path:
    """Write `report.html` into the folder of a study, or `out`, and give its path. Nothing is trained again.

    Findings and results go beside it: `findings.json`, `results.json`, `table.csv`, `.md` and `.tex`.
    With `reload_seconds` the page is that of a study that runs, and reads itself again after so many.

    Raises:
        UsageError: the folder holds no study, or a damaged one.
        RunError: a file cannot be written.
    """
    results = read_results(folder)
    findings = study_findings(results)
    downloads = downloads_of(results, findings)
    page = folder / "report.html" if out is None else out
    write_result(page, _html(results, findings, downloads, reload_seconds))
    if out is None:
        write_findings(results, findings)
        for download in downloads:
            write_result(folder / download.name, download.text)
    return page


def render_page(
    results: StudyResults, findings: StudyFindings | None = None, *, reload_seconds: int | None = None
) -> str:
    """The page as HTML; the same records give the same page. `findings`: where they are known already."""
    findings = study_findings(results) if findings is None else findings
    return _html(results, findings, downloads_of(results, findings), reload_seconds)


def _html(
    results: StudyResults,
    findings: StudyFindings,
    downloads: Sequence[Download],
    reload_seconds: int | None,
) -> str:
    looks = looks_of(results.study.architectures)
    lines = run_lines(results)
    unsound = [line for line in lines if line.ended and not line.trained]
    make = blocks_of if reload_seconds is None else live_blocks_of
    blocks = make(results, findings, looks)
    shown = that_fit(blocks)
    chapters = chapters_of(shown, findings.observations)
    return (
        page_templates()
        .get_template("report.html.j2")
        .render(
            study=results.study,
            reload_seconds=reload_seconds,
            entries=_contents(chapters),
            looks=list(looks.values()),
            sections=[section_of(rows, looks) for rows in results.groups],
            folded=len(results.groups) > MAX_UNFOLDED,
            drawn=is_drawn(results),
            equal=held_equal(results),
            accuracies=accuracies_at_a_glance(results, looks),
            verdicts=verdicts_at_a_glance(results, findings.comparisons, looks),
            findings=[(finding, evidence_in_words(finding)) for finding in findings.comparisons],
            folded_findings=len(findings.comparisons) > MAX_UNFOLDED_FINDINGS,
            observed_beside=_about(findings.observations, BESIDE_FINDINGS),
            observed_health=_about(findings.observations, BESIDE_HEALTH),
            warned=_warned(findings.observations),
            chapters=chapters,
            lines=lines,
            most_unfolded=MAX_UNFOLDED_RUNS,
            unsound=unsound,
            suspect=[line for line in lines if line.trained and line.condition != "trained"],
            soundness=soundness_of(results),
            unfinished=len(results.missing),
            under_way=under_way(results) if reload_seconds else [],
            log_tails=log_tails(results, unsound),
            manifest=manifest_of(list(results.records.values())),
            recipes=recipes_of(results.rows),
            seeds_in_words=seeds_in_words(results),
            methods=methods_of(results, findings.comparisons),
            left_out=len(blocks) - len(shown),
            downloads=downloads,
        )
    )


def _contents(chapters: Sequence[PageChapter]) -> list[tuple[str, str]]:
    """What the table of contents leads to, with its words."""
    before = [("findings", "Findings"), ("health", "Health"), ("results", "Results")]
    after = [("runs", "Runs"), ("methods", "Methods"), ("manifest", "Manifest"), ("downloads", "Downloads")]
    return [*before, *((chapter.id, chapter.title) for chapter in chapters), *after]


def _about(observations: Sequence[Observation], topics: Sequence[Topic]) -> list[Observation]:
    return [one for one in observations if one.topic in topics]


def _warned(observations: Sequence[Observation]) -> list[tuple[str, str]]:
    """Where below the findings a warning stands: the id and the words of its part of the page."""
    found = dict.fromkeys(place_of(one.topic) for one in observations if one.level == "warning")
    return [place for place in found if place[0] != "findings"]
