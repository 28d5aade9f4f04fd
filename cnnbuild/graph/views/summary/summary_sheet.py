"""A summary as a sheet: its lines, the columns that were asked for, and the footer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.summary.captions import sizes
from cnnbuild.graph.views.summary.columns import TABLE_COLUMNS, Column, Raw, columns_named
from cnnbuild.graph.views.summary.entries import Entry
from cnnbuild.graph.views.summary.footer import footer
from cnnbuild.graph.views.summary.lines import lines_of
from cnnbuild.graph.views.summary.sheets import Reduction, Sheet, SheetColumn
from cnnbuild.graph.views.summary.summary import Summary
from cnnbuild.graph.views.summary.text import text_table
from cnnbuild.texts import escaped

REDUCTIONS: tuple[Reduction, ...] = (
    ("round", "macs", 0),
    ("round", "act", 0),
    ("round", "kept", 0),
    ("round", "notes", 0),
    ("drop", "start", 0),
    ("round", "params", 0),
    ("shorten", "layer", 32),
    ("drop", "from", 0),
    ("drop", "stride", 0),
    ("shorten", "layer", 26),
    ("drop", "act", 0),
    ("drop", "number", 0),
    ("drop", "params%", 0),
    ("shorten", "layer", 22),
    ("drop", "macs%", 0),
    ("shorten", "op", 15),
    ("shorten", "layer", 18),
    ("shorten", "layer", 16),
    ("shorten", "layer", 14),
    ("drop", "notes", 0),
    ("shorten", "layer", 10),
    ("drop", "op", 0),
)
"""What a narrow window does without, least missed first."""

SOUND_COLUMNS = ("number", "layer", "op", "from", "out", "params", "rf", "notes")
BEFORE_FAULT = 40  # lines that are shown before a fault: it should stay on the screen with them


def summary_sheet(summary: Summary, columns: tuple[str, ...] | None = None) -> Sheet:
    """The table of a summary, with the columns of its view, else those given, else the usual ones.

    Columns that are empty are left out, unless the view asks for them; such a table is never made narrower.

    Raises:
        UsageError: the view asks for a column that does not exist.
    """
    asked = summary.view.columns
    chosen = columns_named(asked or columns or TABLE_COLUMNS)
    entries = entries_of(summary)
    made = [_column(column, entries) for column in chosen]
    return Sheet(
        title=escaped(summary.title),
        subtitle=_subtitle(summary),
        names="layer",
        columns=tuple(column for column in made if asked or any(column.cells)),
        levels=tuple("heading" if entry.line.is_open else "row" for entry in entries),
        indents=tuple(entry.line.indent for entry in entries),
        remarks=tuple(footer(summary)),
        reductions=() if asked else REDUCTIONS,
    )


def entries_of(summary: Summary) -> list[Entry]:
    """The lines of a summary with what they say."""
    return [Entry(summary, line) for line in lines_of(summary.graph, summary.view)]


def rows_before_fault(graph: Graph, *, width: int, colours: bool = False) -> str:
    """The last sound nodes of a network that is not whole, without shares and totals."""
    summary = Summary(graph)
    entries = entries_of(summary)
    hidden = len(entries) - BEFORE_FAULT
    shown = entries[-BEFORE_FAULT:]
    made = [_column(column, shown) for column in columns_named(SOUND_COLUMNS)]
    sheet = Sheet(
        title=escaped(summary.title),
        subtitle=_subtitle(summary) + (f"; {hidden} lines before these" if hidden > 0 else ""),
        names="layer",
        columns=tuple(column for column in made if any(column.cells)),
        levels=tuple("heading" if entry.line.is_open else "row" for entry in shown),
        indents=tuple(entry.line.indent for entry in shown),
        remarks=(),
        reductions=REDUCTIONS,
    )
    return text_table(sheet, width=width, colours=colours)


def _column(column: Column, entries: Sequence[Entry]) -> SheetColumn:
    def cells_of(text: Callable[[Entry], str]) -> tuple[str, ...]:
        return tuple(text(entry) for entry in entries)

    def raw() -> tuple[Raw, ...]:
        return tuple(column.raw(entry)[0] for entry in entries)

    short = column.short
    return SheetColumn(
        column.key,
        column.heading,
        column.meaning,
        column.align,
        cells_of(column.text),
        raw,
        None if short is None else lambda: cells_of(short),
    )


def _subtitle(summary: Summary) -> str:
    contract = summary.graph.contract
    parts = [f"input {sizes(contract.shape)}", f"{contract.classes} classes"]
    if (summary.batch, summary.dtype) != (1, "float32"):
        parts.append(f"batch {summary.batch}, {summary.dtype}")
    return ", ".join(parts)
