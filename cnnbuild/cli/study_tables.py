"""The tables of `cnnbuild run`: the plan, and the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cnnbuild.studies.plan import Cell, StudyPlan

if TYPE_CHECKING:
    from cnnbuild.studies.results import ResultRow, StudyResults

PLAIN_WIDTH = 160  # columns of a table that goes to a file or a pipe, where no window limits it


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal, or as wide as it needs where there is none."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    print_at(table, console)


def print_at(table: Table, console: Console) -> None:
    """Print a table; where the window is narrow, its gaps go before its words are broken."""
    if console.measure(table, options=console.options.update(width=10 * PLAIN_WIDTH)).maximum > console.width:
        table.padding = 0
    console.print(table)


def plan_table(plan: StudyPlan) -> Table:
    """What would run: one line per architecture and data set."""
    table = Table(title=escape(plan.document.title), title_justify="left")
    _add_names(table)
    table.add_column("input", no_wrap=True)
    by_epochs = all(cell.recipe.epochs is not None for cell in plan.cells)
    for column in ("seeds", "epochs" if by_epochs else "training", "batch", "parameters", "multiply-adds"):
        table.add_column(column, justify="right", no_wrap=True)
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in plan.cells:
        groups.setdefault((cell.architecture, cell.dataset.label), []).append(cell)
    for (architecture, dataset), cells in groups.items():
        first = cells[0]
        table.add_row(
            escape(architecture),
            escape(dataset),
            "x".join(str(n) for n in first.graph.contract.shape),
            _seeds([cell.seed for cell in cells]),
            str(first.recipe.epochs) if by_epochs else first.recipe.describe_length(),
            str(first.recipe.batch_size),
            f"{first.graph.parameters:,}",
            f"{first.graph.macs:,}",
        )
    return table


def results_table(results: StudyResults) -> Table:
    """What came out: one line per architecture and data set."""
    table = Table(title=escape(results.study.title), title_justify="left")
    _add_names(table)
    for column in ("seeds", "test accuracy %", "parameters", "s/epoch"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("status")
    for row in results.rows:
        seconds = row.seconds_per_epoch
        table.add_row(
            escape(row.architecture),
            escape(row.dataset_label),
            str(len(row.records)),
            accuracy_text(row),
            "" if row.parameters is None else f"{row.parameters:,}",
            "" if seconds is None else f"{seconds:.3g}",
            row.status,
        )
    return table


def accuracy_text(row: ResultRow) -> str:
    """Mean test accuracy in per cent with its t interval; single values for one or two seeds."""
    summary = row.accuracy
    if summary is None:
        return "none"
    if summary.n <= 2 or summary.half_width is None:
        return " ".join(f"{100 * accuracy:.2f}" for accuracy in row.accuracies.values())
    return f"{100 * summary.mean:.2f} ± {100 * summary.half_width:.2f}"


def _add_names(table: Table) -> None:
    """The columns of names; where the window is narrow, the data set is broken between its words first."""
    table.add_column("architecture", no_wrap=True, overflow="fold")
    table.add_column("data set", overflow="fold")


def _seeds(seeds: list[int]) -> str:
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(str(seed) for seed in seeds)
