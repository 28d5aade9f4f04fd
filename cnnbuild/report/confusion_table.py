"""Confusion matrices as tables that can be read aloud, for few classes; rows are true classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cnnbuild.report.block import Block
from cnnbuild.report.figures import Look
from cnnbuild.report.page_shell import page_templates
from cnnbuild.studies.results import ResultRow

LEAST_SHOWN_SHARE = 0.005  # smaller shares of a confusion matrix stay without colour
MOST_CLASSES = 20  # a larger matrix is no longer read as a table


@dataclass(frozen=True, slots=True)
class Square:
    """One cell of a confusion matrix: a count, and the share of its row."""

    count: int
    share: float
    correct: bool

    @property
    def shade(self) -> str:
        """The share of the row as the style of the cell, empty where it would not be seen."""
        return f"--share:{self.share:.2f}" if self.share >= LEAST_SHOWN_SHARE else ""


@dataclass(frozen=True, slots=True)
class Confusion:
    """A confusion matrix summed over the trained runs of a row; rows are true classes."""

    look: Look
    runs: int
    classes: tuple[str, ...]
    squares: tuple[tuple[Square, ...], ...]
    worst: str


def confusion_blocks(index: int, rows: Sequence[ResultRow], looks: dict[str, Look]) -> list[Block]:
    """The confusion matrices of section `index`, one per architecture with a trained run."""
    blocks = []
    for number, row in enumerate(rows):
        if not row.trained:
            continue
        matrix = _confusion(row, looks[row.architecture])
        body = page_templates().get_template("confusion.html.j2").render(matrix=matrix, where=row.where)
        runs = f"{matrix.runs} run{'s' if matrix.runs != 1 else ''}"
        worst = f" Most frequent mistakes: {matrix.worst}." if matrix.worst else ""
        caption = (
            f"Test images, summed over the {runs} that trained. Rows are true classes, columns what the "
            f"network said; the shade is the share of the row.{worst}"
        )
        blocks.append(
            Block(
                name=f"confusion{index}-{number}",
                chapter="confusion",
                title=f"Confusion of {row.architecture}",
                body=Markup(body),  # noqa: S704 - a template with autoescape
                caption=caption,
                section=row.where,
            )
        )
    return blocks


def _confusion(row: ResultRow, look: Look) -> Confusion:
    runs = [record.run for record in row.trained if record.run is not None]
    tests = [run.test for run in runs if run.test is not None]
    classes = runs[0].class_names
    size = range(len(classes))
    counts = [[sum(test.confusion[i][j] for test in tests) for j in size] for i in size]
    squares = tuple(
        tuple(Square(count, count / (sum(line) or 1), i == j) for j, count in enumerate(line))
        for i, line in enumerate(counts)
    )
    mistakes = sorted(
        ((counts[i][j], i, j) for i in size for j in size if i != j and counts[i][j]), reverse=True
    )
    worst = ", ".join(f"{classes[i]} taken for {classes[j]} ({count})" for count, i, j in mistakes[:3])
    return Confusion(look, len(tests), classes, squares, worst)
