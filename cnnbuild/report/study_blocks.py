"""All figures of a study's page, from its records and findings, in no order but that of their makers."""

from __future__ import annotations

from cnnbuild.report.block import Block
from cnnbuild.report.comparison import comparison_blocks
from cnnbuild.report.confusion_table import MOST_CLASSES, confusion_blocks
from cnnbuild.report.figures import Look
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.study_findings import StudyFindings

MOST_SECTIONS = 12  # with figures: more would make a slow page of which nobody looks at all


def is_drawn(results: StudyResults) -> bool:
    """Whether the study is small enough for figures of each data set and setting."""
    return len(results.groups) <= MOST_SECTIONS


def blocks_of(results: StudyResults, findings: StudyFindings, looks: dict[str, Look]) -> list[Block]:
    """The figures of the page of a study."""
    blocks = comparison_blocks(results, findings, looks)
    for index, rows in enumerate(results.groups if is_drawn(results) else ()):
        runs = [record.run for row in rows for record in row.records if record.run is not None]
        if runs and "confusion" in results.study.analyses and len(runs[0].class_names) <= MOST_CLASSES:
            blocks += confusion_blocks(index, rows, looks)
    return blocks
