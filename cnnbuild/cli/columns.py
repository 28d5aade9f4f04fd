"""Rows of texts as columns side by side."""

from __future__ import annotations

from collections.abc import Collection, Sequence

GAP = "  "


def aligned(rows: Sequence[Sequence[str]], numbers: Collection[str]) -> list[str]:
    """Rows as columns, below the heads of the first row; those with heads in `numbers` are flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if head in numbers else cell.ljust(width)
            for cell, head, width in zip(row, rows[0], widths, strict=True)
        ]
        lines.append(GAP.join(cells).rstrip())
    return lines
