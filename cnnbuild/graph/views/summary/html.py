"""A sheet as HTML: a page that needs no other file, or a fragment for notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from cnnbuild.graph.views.summary.html_parts import FRAGMENT_STYLE, PAGE_STYLE, SORTING
from cnnbuild.graph.views.summary.sheets import Sheet, SheetColumn

SHARES = frozenset({"params%", "macs%"})


def html_page(sheet: Sheet) -> str:
    """A whole page, light or dark as the reader's system is; a click on a heading sorts the rows by it."""
    title = escape(f"{sheet.title} {sheet.subtitle}")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            f"<style>{FRAGMENT_STYLE}{PAGE_STYLE}</style>",
            "</head>",
            "<body>",
            *_table(sheet, sortable=True),
            f"<script>{SORTING}</script>",
            "</body>",
            "</html>",
        ]
    )


def html_fragment(sheet: Sheet) -> str:
    """The table alone with its style, which touches nothing else on the page that it stands in."""
    return "\n".join([f"<style>{FRAGMENT_STYLE}</style>", *_table(sheet, sortable=False)])


def _table(sheet: Sheet, *, sortable: bool) -> Iterator[str]:
    yield '<div class="cnnbuild-table">'
    yield "<table>"
    yield f"<caption><strong>{escape(sheet.title)}</strong> {escape(sheet.subtitle)}</caption>"
    yield "<thead><tr>"
    for column in sheet.columns:
        label = escape(column.heading)
        inside = f'<button type="button">{label}</button>' if sortable else label
        yield f'<th scope="col" class="{column.align}" title="{escape(column.meaning)}">{inside}</th>'
    yield "</tr></thead>"
    yield "<tbody>"
    columns = [_cells(column, sheet) for column in sheet.columns]
    for level, reason, cells in zip(sheet.levels, sheet.reasons, zip(*columns, strict=True), strict=True):
        told = f'<td class="left" colspan="{len(cells) - 1}">{escape(reason)}</td>'
        yield f'<tr class="{level}">' + (cells[0] + told if reason else "".join(cells)) + "</tr>"
    yield "</tbody>"
    yield "</table>"
    if sheet.remarks:
        yield "<dl>"
        for remark in sheet.remarks:
            yield f"<dt>{escape(remark.label)}</dt><dd>{escape(remark.text)}</dd>"
        yield "</dl>"
    yield "</div>"


def _cells(column: SheetColumn, sheet: Sheet) -> Iterator[str]:
    """The cells of a column; the name of a line is the heading of its row.

    A share darkens its whole cell, the more the nearer it comes to the largest of a plain row: most are too
    small for a bar.
    """
    shares = [
        raw
        for raw, level in zip(column.raw(), sheet.levels, strict=True)
        if column.key in SHARES and level == "row" and isinstance(raw, float)
    ]
    largest = max(shares, default=0.0) or 1.0
    for cell, raw, indent in zip(column.cells, column.raw(), sheet.indents, strict=True):
        value = "" if isinstance(raw, str) else f' data-value="{raw}"'
        if column.key == sheet.names:
            depth = f' style="--indent:{indent}"' if indent else ""
            full = f' data-name="{escape(str(raw))}"' if indent else ""
            yield f'<th scope="row" class="left name"{depth}{full}>{escape(cell)}</th>'
        elif column.key in SHARES and isinstance(raw, float) and cell:
            part = f"--share:{min(raw / largest, 1):.3f}"
            yield f'<td class="right share" style="{part}"{value}>{escape(cell)}</td>'
        else:
            yield f'<td class="{column.align}"{value}>{escape(cell)}</td>'
