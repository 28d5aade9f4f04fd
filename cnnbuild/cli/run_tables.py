"""The texts of `cnnbuild runs`: the list, as wide as the window allows, and one run in full."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence

from cnnbuild.cli.columns import GAP, aligned
from cnnbuild.cli.terminal import counted
from cnnbuild.studies.run_query import COLUMNS, Value, value_of
from cnnbuild.studies.stored_run import STATES, StoredRun
from cnnbuild.texts import escaped

HEADS = {
    "dataset": "data set",
    "test_accuracy": "test %",
    "validation_accuracy": "val. %",
    "test_loss": "test loss",
    "planned_epochs": "of epochs",
    "macs": "MACs",
}
LISTED = (
    "id", "study", "architecture", "dataset", "seed", "setting", "state", "test_accuracy", "epochs",
    "seconds", "ended",
)  # fmt: skip
"""The columns of a list; those that no run has a value for are left out."""
LEAST_NEEDED = ("ended", "seconds", "epochs", "study", "dataset", "setting")
"""Where the window is too narrow, these go first."""
ALWAYS = ("id", "state")


def list_text(runs: Sequence[StoredRun], columns: Sequence[str] | None, *, width: int | None) -> str:
    """One line per run; `width` columns wide at the most, None for as wide as it is.

    Of the columns that nobody asked for, those are left out that are empty or do not fit.
    """
    chosen = (
        list(columns)
        if columns is not None
        else [
            column
            for column in LISTED
            if column in ALWAYS or any(value_of(run, column) is not None for run in runs)
        ]
    )
    cells = {column: [HEADS.get(column, column), *(cell(run, column) for run in runs)] for column in chosen}
    hidden: list[str] = []
    for column in LEAST_NEEDED if columns is None and width is not None else ():
        if _width(cells, chosen) > (width or 0) and column in chosen:
            chosen.remove(column)
            hidden.append(column)
    numbers = {HEADS.get(column, column) for column in chosen if _is_number(column)}
    lines = aligned(list(zip(*(cells[column] for column in chosen), strict=True)), numbers)
    notes = [summary(runs)]
    if hidden:
        names = ", ".join(HEADS.get(name, name) for name in reversed(hidden))
        notes.append(f"Not shown in so narrow a window: {names}; --columns chooses.")
    return "\n".join([*lines, "", *notes])


def summary(runs: Sequence[StoredRun]) -> str:
    """How many runs there are, and in which state."""
    counts = Counter(run.state for run in runs)
    states = ", ".join(f"{counts[state]:,} {state.replace('_', ' ')}" for state in STATES if counts[state])
    text = f"{len(runs):,} run{'' if len(runs) == 1 else 's'}: {states}"
    if forgotten := sum(not run.asked for run in runs):
        verb = "is" if forgotten == 1 else "are"
        text += f"; {forgotten:,} of them {verb} not asked for by their study any more (--where asked=no)"
    for study in dict.fromkeys(run.study_folder for run in runs if run.plan_lost):
        text += f"; {study / 'study.json'} cannot be read: which runs the study asks for is not known until "
        text += "it is started again"
    return text


def csv_text(runs: Sequence[StoredRun], columns: Sequence[str]) -> str:
    """The runs as CSV, numbers as they are."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(
        ["" if (v := value_of(run, column)) is None else v for column in columns] for run in runs
    )
    return text.getvalue().rstrip("\n")


def json_text(runs: Sequence[StoredRun], columns: Sequence[str]) -> str:
    """The runs as JSON."""
    told = [{column: value_of(run, column) for column in columns} for run in runs]
    return json.dumps({"schema": 1, "runs": told}, indent=1, ensure_ascii=False)


def cell(run: StoredRun, column: str) -> str:
    """A value as people read it."""
    value = value_of(run, column)
    if column == "epochs" and run.state in {"pending", "running"} and value is not None:
        return f"{value}/{run.planned_epochs}" if run.planned_epochs else str(value)
    if column == "seed":
        return "" if value is None else str(value)
    if column == "seconds" and isinstance(value, float):
        return f"{value:,.1f}"
    if column == "ended":
        return str(value)[:16].replace("T", " ") if value else ""
    return _shown(value, fraction=COLUMNS.get(column) == "fraction")


def _shown(value: Value, *, fraction: bool = False) -> str:
    if value is None:
        return ""
    if fraction and isinstance(value, float):
        return f"{100 * value:.2f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"
    return escaped(value)


def _is_number(column: str) -> bool:
    return COLUMNS.get(column) in {"number", "fraction"}


def _width(cells: dict[str, list[str]], columns: Sequence[str]) -> int:
    widths = [max(map(len, cells[column])) for column in columns]
    return sum(widths) + len(GAP) * (len(widths) - 1)


def failures_text(runs: Sequence[StoredRun], limit: int = 5) -> list[str]:
    """Why runs have no result, the first few of them."""
    failed = [run for run in runs if run.reason and run.state not in {"done", "running"}]
    lines = [f"{run.id}: {run.state.replace('_', ' ')}: {escaped(run.reason)}" for run in failed[:limit]]
    more = len(failed) - limit
    return [*lines, f"and {counted(more, 'more')} without a result"] if more > 0 else lines
