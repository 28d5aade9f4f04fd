"""A sheet as a table in GitHub's Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cnnbuild.graph.views.summary.sheets import Sheet, SheetColumn

INDENT = "&nbsp;" * 4
_SIGNS = re.compile(r"([\\`*_\[\]|~])")


def markdown_table(sheet: Sheet) -> str:
    """The sheet with its title above and its remarks as a list below; headings are bold."""
    columns = [_cells(column, sheet) for column in sheet.columns]
    lines = [f"**{markdown_escaped(sheet.title)}** {markdown_escaped(sheet.subtitle)}", ""]
    lines += [
        _row([markdown_escaped(column.heading) for column in sheet.columns]),
        _row(["--:" if column.align == "right" else ":--" for column in sheet.columns]),
    ]
    for cells, reason in zip(zip(*columns, strict=True), sheet.reasons, strict=True):
        lines.append(_row([cells[0], markdown_escaped(reason), *cells[2:]] if reason else cells))
    if sheet.remarks:
        lines += [
            "",
            *(f"- **{markdown_escaped(r.label)}**: {markdown_escaped(r.text)}" for r in sheet.remarks),
        ]
    return "\n".join(lines)


def _cells(column: SheetColumn, sheet: Sheet) -> list[str]:
    cells = []
    for cell, level, indent in zip(column.cells, sheet.levels, sheet.indents, strict=True):
        text = markdown_escaped(cell)
        if column.key == sheet.names and text:
            text = f"`{cell.replace('|', chr(92) + '|')}`" if "`" not in cell else text
        if level == "heading" and text:
            text = f"**{text}**"
        cells.append(INDENT * indent + text if column.key == sheet.names else text)
    return cells


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def markdown_escaped(text: str) -> str:
    """A text in which nothing is left that Markdown or HTML would read as a sign."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SIGNS.sub(r"\\\1", text)
