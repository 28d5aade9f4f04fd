"""The tables of `cnnbuild run`: the plan, and the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cnnbuild.studies.budget import budget_text
from cnnbuild.studies.matching import Matched, matched_on, percent
from cnnbuild.studies.plan import StudyPlan

if TYPE_CHECKING:
    from cnnbuild.studies.estimate import Estimate
    from cnnbuild.studies.results import ResultRow, StudyResults

PLAIN_WIDTH = 160  # columns of a table that goes to a file or a pipe, where no window limits it
SPARED_FIRST = ("s/epoch", "batch", "input", "multiply-adds", "parameters", "seeds")


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal, or as wide as it needs where there is none."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    print_at(table, console)


def print_at(table: Table, console: Console) -> None:
    """Print a table; where the window is narrow its gaps go first, then figures, and no word is broken."""
    if console.measure(table, options=console.options.update(width=10 * PLAIN_WIDTH)).maximum > console.width:
        table.padding = 0
        for title in SPARED_FIRST:
            if _least_width(table) > console.width:
                table = _without(table, title)
    console.print(table)


def _least_width(table: Table) -> int:
    """The columns of the window below which words of a table without gaps are broken."""
    width = len(table.columns) + 1  # the lines between them
    for column in table.columns:
        texts = [Text.from_markup(str(cell)).plain for cell in (column.header, *column.cells)]
        pieces = texts if column.no_wrap else [word for text in texts for word in text.split()]
        width += max(map(cell_len, pieces), default=0)
    return width


def _without(table: Table, title: str) -> Table:
    """The table without one of its columns, and without gaps."""
    kept = [column for column in table.columns if column.header != title]
    narrower = _table("")
    narrower.title, narrower.caption, narrower.padding = table.title, table.caption, 0
    for column in kept:
        narrower.add_column(
            column.header, justify=column.justify, no_wrap=column.no_wrap, overflow=column.overflow
        )
    for cells in zip(*(column.cells for column in kept), strict=True):
        narrower.add_row(*cells)
    return narrower


def plan_table(plan: StudyPlan, estimate: Estimate | None = None) -> Table:
    """What would run: one line per architecture, data set and setting; an estimate adds the time of a run."""
    table = _table(plan.document.title)
    gridded, matched = any(cell.setting for cell in plan.cells), _chosen(plan.matched)
    _add_names(table, gridded=gridded)
    table.add_column("input", no_wrap=True)
    by_epochs = all(cell.recipe.epochs is not None for cell in plan.cells)
    columns = ["seeds", "epochs" if by_epochs else "training", "batch", "parameters", "multiply-adds"]
    columns += ["s/run"] if estimate is not None else []
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    if matched:
        table.add_column("matched by", no_wrap=True)
    groups: dict[tuple[str, str, str], list[int]] = {}
    for index, cell in enumerate(plan.cells):
        groups.setdefault((cell.architecture, cell.dataset.label, cell.setting), []).append(index)
    for key, indices in groups.items():
        cells = [plan.cells[index] for index in indices]
        first = cells[0]
        line = [
            *_names(*key, gridded=gridded),
            "x".join(str(n) for n in first.graph.contract.shape),
            _seeds([cell.seed for cell in cells]),
            str(first.recipe.epochs) if by_epochs else first.recipe.describe_length(),
            str(first.recipe.batch_size),
            f"{first.graph.parameters:,}",
            f"{first.graph.macs:,}",
        ]
        if estimate is not None:
            line.append(_seconds([estimate.per_run[index] for index in indices]))
        table.add_row(*line, *([matched.get(key, "")] if matched else []))
    table.caption = _below(matched_on(plan.matched), budget_of(plan))
    return table


def results_table(results: StudyResults) -> Table:
    """What came out: one line per architecture, data set and setting."""
    study = results.study
    table = _table(study.title)
    gridded, matched = bool(study.settings), _chosen(study.matched)
    _add_names(table, gridded=gridded)
    for column in ("seeds", "test accuracy %", "parameters", "s/epoch"):
        table.add_column(column, justify="right", no_wrap=True)
    if matched:
        table.add_column("matched by", no_wrap=True)
    table.add_column("status")
    for row in results.rows:
        seconds = row.seconds_per_epoch
        line = [
            *_names(row.architecture, row.dataset_label, row.setting, gridded=gridded),
            str(len(row.records)),
            accuracy_text(row),
            "" if row.parameters is None else f"{row.parameters:,}",
            "" if seconds is None else f"{seconds:.3g}",
        ]
        line += [matched.get((row.architecture, row.dataset, row.setting), "")] if matched else []
        table.add_row(*line, row.status)
    table.caption = _below(
        matched_on(study.matched), f"Budget of each run: {study.budget}" if study.budget else ""
    )
    return table


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", caption_justify="left")


def _below(*notes: str) -> str | None:
    """The lines below a table, None where there are none."""
    return escape("\n".join(note for note in notes if note)) or None


def budget_of(plan: StudyPlan) -> str:
    """The budget of a plan as a line, empty without one."""
    budget = plan.document.budget
    return f"Budget of each run: {budget_text(budget)}" if budget is not None else ""


def _chosen(matched: Sequence[Matched]) -> dict[tuple[str, str, str], str]:
    """What `match` chose, with how far that is from the target, by architecture, data set and setting."""
    return {
        (one.architecture, one.dataset, one.setting): escape(f"{one.choice} ({percent(one.deviation)})")
        for one in matched
    }


def _seconds(of_runs: Sequence[float | None]) -> str:
    """The longest of some runs' seconds; a question mark where one is unknown."""
    known = [one for one in of_runs if one is not None]
    return f"{max(known):,.0f}" if len(known) == len(of_runs) else "?"


def accuracy_text(row: ResultRow) -> str:
    """Mean test accuracy in per cent with its t interval; single values for one or two seeds."""
    summary = row.accuracy
    if summary is None:
        return "none"
    if summary.n <= 2 or summary.half_width is None:
        return " ".join(f"{100 * accuracy:.2f}" for accuracy in row.accuracies.values())
    return f"{100 * summary.mean:.2f} ± {100 * summary.half_width:.2f}"


def _add_names(table: Table, *, gridded: bool) -> None:
    """The columns of names; where the window is narrow, the data set is broken between its words first."""
    table.add_column("architecture", no_wrap=True, overflow="fold")
    table.add_column("data set", overflow="fold")
    if gridded:
        table.add_column("setting", overflow="fold")


def _names(architecture: str, dataset: str, setting: str, *, gridded: bool) -> list[str]:
    return [escape(name) for name in (architecture, dataset, *([setting] if gridded else []))]


def _seeds(seeds: list[int]) -> str:
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(str(seed) for seed in seeds)
