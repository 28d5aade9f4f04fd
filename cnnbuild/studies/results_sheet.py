"""The results of a study as notebooks show them: a line per architecture, and what may be concluded below."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cnnbuild.graph.views.summary.sheets import Remark, Sheet, SheetColumn
from cnnbuild.studies.findings import findings_of
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.store import CSV_COLUMNS, csv_row

if TYPE_CHECKING:
    from pandas import DataFrame

FEWEST_FOR_INTERVAL = 3
MOST_LINES, MOST_FINDINGS = 40, 12


def results_sheet(results: StudyResults) -> Sheet:
    """The table of a study, with its findings as remarks; of a large one the beginning."""
    rows = results.rows[:MOST_LINES]
    findings = findings_of(results)
    remarks = [Remark(one.verdict, one.sentence) for one in findings[:MOST_FINDINGS]]
    if len(findings) > MOST_FINDINGS:
        remarks.append(Remark("more", f"{len(findings) - MOST_FINDINGS} findings, in the report"))
    if len(rows) < len(results.rows):
        remarks.append(Remark("shown", f"{len(rows)} of {len(results.rows)} rows"))
    remarks.append(Remark("report", str(results.folder / "report.html")))
    ended = len(results.study.cells) - len(results.missing)
    return Sheet(
        title=results.study.title,
        subtitle=f"{ended} of {len(results.study.cells)} runs ended",
        names="architecture",
        columns=_columns(rows),
        levels=tuple("row" for _ in rows),
        indents=(0,) * len(rows),
        remarks=tuple(remarks),
    )


def run_frame(results: StudyResults) -> DataFrame:
    """A row per run that ended, with the columns of `results.csv` and the point of the grid.

    Raises:
        UsageError: pandas is not installed.
    """
    from cnnbuild.data_frames import data_frame

    rows = []
    for cell in results.study.cells:
        record = results.records.get(cell.folder)
        if record is not None:
            row = csv_row(cell.folder, record)
            known = [row.get(name) for name in CSV_COLUMNS]
            rows.append([*known, cell.setting])
    return data_frame((*CSV_COLUMNS, "setting"), rows)


def accuracy_text(row: ResultRow) -> str:
    """The accuracy in per cent: the mean with the half width of its interval, or each of one or two seeds.

    A half width that reaches over 0 or 100 % is shown as it is: it says how little is known.
    """
    summary = row.accuracy
    if summary is None:
        return ""
    if summary.n < FEWEST_FOR_INTERVAL or summary.half_width is None:
        return ", ".join(f"{100 * accuracy:.2f}" for accuracy in row.accuracies.values())
    return f"{100 * summary.mean:.2f} ± {100 * summary.half_width:.2f}"


def _columns(rows: tuple[ResultRow, ...]) -> tuple[SheetColumn, ...]:
    def column(
        key: str, heading: str, meaning: str, text: Callable[[ResultRow], str], *, is_text: bool = False
    ) -> SheetColumn:
        cells = tuple(text(row) for row in rows)
        return SheetColumn(key, heading, meaning, "left" if is_text else "right", cells, lambda: cells)

    several = len({row.where for row in rows}) > 1
    return (
        column("architecture", "architecture", "its name in the study", lambda r: r.architecture),
        *(
            [column("data", "data", "data set and setting", lambda r: r.where, is_text=True)]
            if several
            else ()
        ),
        column("accuracy", "test %", "mean over the seeds that trained, 95 % t interval", accuracy_text),
        column("seeds", "seeds", "runs that trained", lambda r: str(len(r.accuracies))),
        column("params", "params", "numbers that are learned", lambda r: _count(r.parameters)),
        column("macs", "MACs", "multiply-adds for one image", lambda r: _count(r.macs)),
        column("seconds", "s/epoch", "training, without evaluation", _seconds),
        column("runs", "runs", "what became of the runs", lambda r: r.status, is_text=True),
    )


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _seconds(row: ResultRow) -> str:
    return "" if row.seconds_per_epoch is None else f"{row.seconds_per_epoch:.3g}"
