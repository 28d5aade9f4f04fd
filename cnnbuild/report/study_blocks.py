"""All figures of a study's page, from its records and findings, as many as a page can hold."""

from __future__ import annotations

from collections.abc import Sequence

from cnnbuild.report.block import Block
from cnnbuild.report.comparison.blocks import MOST_DRAWN, comparison_blocks
from cnnbuild.report.figures import Look
from cnnbuild.report.run_figures.blocks import run_blocks
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.study_findings import StudyFindings

MOST_DRAWN_LIVE = 4  # data sets and settings with figures while a study runs, whose cores are for training
MOST_BYTES = 4_200_000  # of figures: with its tables and downloads a page stays below 5 MB


def is_drawn(results: StudyResults) -> bool:
    """Whether the study is small enough for figures of each data set and setting."""
    return len(results.groups) <= MOST_DRAWN


def blocks_of(results: StudyResults, findings: StudyFindings, looks: dict[str, Look]) -> list[Block]:
    """The figures of the page of a study; those of single runs only where `is_drawn`."""
    blocks = comparison_blocks(results, findings, looks)
    return [*blocks, *run_blocks(results, looks)] if is_drawn(results) else blocks


def live_blocks_of(results: StudyResults, findings: StudyFindings, looks: dict[str, Look]) -> list[Block]:
    """The figures of the page of a study that runs: comparisons alone, and none for a large grid."""
    few = len(results.groups) <= MOST_DRAWN_LIVE
    return comparison_blocks(results, findings, looks) if few else []


def that_fit(blocks: Sequence[Block], *, most_bytes: int = MOST_BYTES) -> list[Block]:
    """The figures that a page can hold, in their order; those with the most pixels are left out first."""
    by_worth = sorted(range(len(blocks)), key=lambda index: (blocks[index].bytes_of_images, index))
    left, kept = most_bytes, set()
    for index in by_worth:
        left -= len(blocks[index].body.encode())
        if left >= 0:
            kept.add(index)
    return [block for index, block in enumerate(blocks) if index in kept]
