"""The results of a study as one table for files, in CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cnnbuild.graph.views.summary.latex import latex_escaped
from cnnbuild.graph.views.summary.markdown import markdown_escaped
from cnnbuild.studies.best_row import distinguished_best
from cnnbuild.studies.costs import MEMORY, TRAINING
from cnnbuild.studies.findings import Finding
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.results_sheet import FEWEST_FOR_INTERVAL, accuracy_text
from cnnbuild.texts import escaped

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in CSV, its heading in print, and the unit behind that."""

    key: str
    heading: str
    unit: str = ""
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row of results; `printed` are its cells in print, `exact` those of CSV."""

    printed: tuple[str, ...]
    exact: tuple[Cell, ...]
    is_best: bool


PRINTED = (
    Column("architecture", "architecture", is_text=True),
    Column("where", "data", is_text=True),
    Column("accuracy", "test accuracy", "%"),
    Column("seeds", "seeds"),
    Column("difference", "difference", "points"),
    Column("parameters", "parameters"),
    Column("macs", "multiply-adds"),
    Column("seconds_per_epoch", "training", "s/epoch"),
    Column("latency", "latency", "ms"),
    Column("memory", "memory", "MiB"),
    Column("status", "runs", is_text=True),
)
EXACT = (
    "architecture", "dataset", "setting", "planned", "trained", "status",
    "test_accuracy_mean", "test_accuracy_sd", "test_accuracy_low", "test_accuracy_high",
    "clearly_best", "difference_points", "difference_low", "difference_high", "p", "verdict",
    "parameters", "macs", "training_seconds", "seconds_per_epoch", "latency_seconds", "latency_batch_size",
    "peak_memory_bytes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResultsTable:
    """All rows of a study; `notes` say how its numbers are meant."""

    title: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    columns: tuple[Column, ...] = PRINTED

    def to_csv(self) -> str:
        """Comma-separated values with one header line: exact numbers, fractions and seconds."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(EXACT)
        writer.writerows(["" if cell is None else cell for cell in line.exact] for line in self.lines)
        return text.getvalue()

    def to_markdown(self) -> str:
        """A table in GitHub's Markdown; the best accuracy is bold where it is distinguishable from all."""
        heads = [f"{c.heading} ({c.unit})" if c.unit else c.heading for c in self.columns]
        rows = [_piped([markdown_escaped(head) for head in heads])]
        rows.append(_piped([":--" if column.is_text else "--:" for column in self.columns]))
        for line in self.lines:
            cells = [markdown_escaped(escaped(cell)) for cell in line.printed]
            rows.append(_piped(self._marked(cells, line, "**", "**")))
        notes = [f"{markdown_escaped(escaped(note))}  " for note in self.notes]
        return "\n".join([f"**{markdown_escaped(escaped(self.title))}**", "", *rows, "", *notes]) + "\n"

    def to_latex(self) -> str:
        """A `tabular` with the rules of the package booktabs; notes and title are comments."""
        alignment = "".join("l" if column.is_text else "r" for column in self.columns)
        heads = [latex_escaped(f"{c.heading} ({c.unit})" if c.unit else c.heading) for c in self.columns]
        lines = [f"% {escaped(text)}" for text in (self.title, *self.notes)]
        lines += [r"% needs \usepackage{booktabs}", rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}"]
        lines += [r"\toprule", _ampersands(heads), r"\midrule"]
        for line in self.lines:
            cells = [
                latex_escaped(escaped(cell)) if column.is_text else number_in_latex(cell)
                for cell, column in zip(line.printed, self.columns, strict=True)
            ]
            lines.append(_ampersands(self._marked(cells, line, r"\textbf{", "}")))
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"

    def _marked(self, cells: list[str], line: Line, before: str, after: str) -> list[str]:
        """The cells with the accuracy in bold, where it is the best."""
        at = next((n for n, column in enumerate(self.columns) if column.key == "accuracy"), None)
        if line.is_best and at is not None:
            cells[at] = f"{before}{cells[at]}{after}"
        return cells


def results_table(results: StudyResults, findings: Sequence[Finding]) -> ResultsTable:
    """The table of a study; columns that are empty in every row are left out in print."""
    found = {(one.dataset, one.setting, one.architecture): one for one in findings}
    lines = []
    for group in results.groups:
        best = distinguished_best(group)
        for row in group:
            finding = found.get((row.dataset, row.setting, row.architecture))
            exact = _exact(row, finding, is_best=row.architecture == best)
            lines.append(Line(_printed(row, finding), exact, row.architecture == best))
    kept = [n for n, _ in enumerate(PRINTED) if any(line.printed[n] for line in lines)]
    if len({line.printed[1] for line in lines}) == 1 and len(lines) > 1:
        kept.remove(1)  # one data set, which the title names
    shown = tuple(Line(tuple(line.printed[n] for n in kept), line.exact, line.is_best) for line in lines)
    where = f" on {results.groups[0][0].where}" if len(results.groups) == 1 else ""
    title = f"{results.study.title}: results{where}"
    return ResultsTable(title, shown, _notes(results), tuple(PRINTED[n] for n in kept))


def _notes(results: StudyResults) -> tuple[str, ...]:
    return (
        "Test accuracy: mean over the seeds that trained, from three seeds on with the half width of its "
        "95 % t interval; bold where it is told apart from every other (paired t test, Holm over all pairs).",
        f"Differences are to {results.study.baseline}, from three seeds on with intervals that are "
        "corrected for their family.",
    )


def _printed(row: ResultRow, finding: Finding | None) -> tuple[str, ...]:
    return (
        row.architecture,
        row.where,
        accuracy_text(row),
        str(len(row.accuracies)),
        _difference_text(finding),
        "" if row.parameters is None else f"{row.parameters:,}",
        "" if row.macs is None else f"{row.macs:,}",
        "" if row.seconds_per_epoch is None else f"{row.seconds_per_epoch:.3g}",
        "" if row.latency is None else f"{1000 * row.latency.median_seconds:.3g}",
        "" if (memory := MEMORY.of(row)) is None else f"{memory.value:,.0f}",
        row.status,
    )


def _difference_text(finding: Finding | None) -> str:
    if finding is None or finding.difference_points is None:
        return ""
    if finding.low_points is None or finding.high_points is None:
        return f"{finding.difference_points:+.2f}"
    return f"{finding.difference_points:+.2f} ({finding.low_points:+.2f} to {finding.high_points:+.2f})"


def _exact(row: ResultRow, finding: Finding | None, *, is_best: bool) -> tuple[Cell, ...]:
    summary, training = row.accuracy, TRAINING.of(row)
    latency = row.latency
    return (
        row.architecture,
        row.dataset_label,
        row.setting,
        row.planned,
        len(row.trained),
        row.status,
        None if summary is None else summary.mean,
        None if summary is None else summary.sd,
        None if summary is None or summary.n < FEWEST_FOR_INTERVAL else summary.low,
        None if summary is None or summary.n < FEWEST_FOR_INTERVAL else summary.high,
        "yes" if is_best else "no",
        None if finding is None else finding.difference_points,
        None if finding is None else finding.low_points,
        None if finding is None else finding.high_points,
        None if finding is None else finding.p,
        "" if finding is None else finding.verdict,
        row.parameters,
        row.macs,
        None if training is None else training.value,
        row.seconds_per_epoch,
        None if latency is None else latency.median_seconds,
        None if latency is None else latency.batch_size,
        row.peak_memory_bytes,
    )


def number_in_latex(text: str) -> str:
    r"""A cell of numbers in LaTeX, with signs as mathematics has them.

    >>> print(number_in_latex("-1.20 (-2.00 to +0.50)"))
    $-$1.20 ($-$2.00 to +0.50)
    """
    shown = latex_escaped(text).replace("±", r"$\pm$")
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", shown)


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ampersands(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
