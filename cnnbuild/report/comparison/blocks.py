"""All blocks of comparison of a study, in the order in which the page has them."""

from __future__ import annotations

from collections.abc import Mapping

from cnnbuild.report.block import Block
from cnnbuild.report.comparison.architectures import architecture_blocks
from cnnbuild.report.comparison.forest import forest_blocks
from cnnbuild.report.comparison.learning_curves import curve_blocks
from cnnbuild.report.comparison.seed_dots import seed_dots_blocks
from cnnbuild.report.comparison.trade_offs import trade_off_blocks
from cnnbuild.report.figures.looks import Look
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.study_findings import StudyFindings

MOST_DRAWN = 12  # data sets and settings with figures of their own: more would make a slow page nobody reads


def comparison_blocks(
    results: StudyResults, findings: StudyFindings, looks: Mapping[str, Look]
) -> list[Block]:
    """Differences to the baseline, every seed, accuracy against each cost, curves, and architectures.

    A study with more than 12 data sets and settings keeps the differences and the architectures.
    """
    blocks = forest_blocks(results, findings.comparisons, looks)
    if len(results.groups) <= MOST_DRAWN:
        for index, rows in enumerate(results.groups):
            blocks += seed_dots_blocks(index, rows, looks)
            blocks += trade_off_blocks(index, rows, looks)
            blocks += curve_blocks(index, rows, looks)
    return blocks + architecture_blocks(results)
