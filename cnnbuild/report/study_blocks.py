"""All figures of a study's page, from its records and findings, in no order but that of their makers."""

from __future__ import annotations

from collections.abc import Sequence

from cnnbuild.report.block import Block
from cnnbuild.report.confusion_table import MOST_CLASSES, confusion_blocks
from cnnbuild.report.figures import Look, learning_curve
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.study_findings import StudyFindings
from cnnbuild.training.record import EpochRecord

MOST_SECTIONS = 12  # with figures: more would make a slow page of which nobody looks at all
HOW_TO_READ = (
    "Solid: validation, mean over the seeds that trained, with a band from the lowest to the highest. "
    "Dashed: training images, measured after the epoch without augmentation. "
    "Thin dots: a run that did not train."
)


def is_drawn(results: StudyResults) -> bool:
    """Whether the study is small enough for figures of each data set and setting."""
    return len(results.groups) <= MOST_SECTIONS


def blocks_of(results: StudyResults, findings: StudyFindings, looks: dict[str, Look]) -> list[Block]:
    """The figures of the page of a study."""
    del findings
    blocks: list[Block] = []
    for index, rows in enumerate(results.groups if is_drawn(results) else ()):
        runs = [record.run for row in rows for record in row.records if record.run is not None]
        if runs:
            blocks += _curves(index, rows, looks)
        if runs and "confusion" in results.study.analyses and len(runs[0].class_names) <= MOST_CLASSES:
            blocks += confusion_blocks(index, rows, looks)
    return blocks


def _curves(index: int, rows: Sequence[ResultRow], looks: dict[str, Look]) -> list[Block]:
    data = rows[0].where
    accuracy = learning_curve(
        rows,
        looks,
        name=f"accuracy{index}-svg",
        title=f"Accuracy over the epochs on {data}",
        label="accuracy (%)",
        train=lambda epoch: 100 * epoch.train_accuracy,
        validation=_validation_accuracy,
    )
    loss = learning_curve(
        rows,
        looks,
        name=f"loss{index}-svg",
        title=f"Loss over the epochs on {data}",
        label="loss (logarithmic)",
        train=lambda epoch: epoch.train_loss,
        validation=lambda epoch: epoch.validation_loss,
        logarithmic=True,
    )
    return [
        Block(f"accuracy{index}", "curves", "Accuracy over the epochs", accuracy, HOW_TO_READ, section=data),
        Block(f"loss{index}", "curves", "Loss over the epochs", loss, HOW_TO_READ, section=data),
    ]


def _validation_accuracy(epoch: EpochRecord) -> float | None:
    return None if epoch.validation_accuracy is None else 100 * epoch.validation_accuracy
