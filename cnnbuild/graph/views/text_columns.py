"""Columns of text whose cells are broken between words, so that a table fits its window."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

GAP = 2


def wrapped_rows(
    rows: Sequence[Sequence[str]], width: int, *, indent: int = 0, rigid: Sequence[int] = (0,)
) -> Iterator[str]:
    """The lines of some rows; columns other than the `rigid` ones are narrowed until all fit the width.

    >>> list(wrapped_rows([("a", "one two three")], 8))
    ['a  one', '   two', '   three']
    """
    widths = column_widths(rows, width - indent, rigid=rigid)
    for row in rows:
        yield from wrapped_row(row, widths, indent=indent)


def wrapped_row(row: Sequence[str], widths: Sequence[int], *, indent: int = 0) -> Iterator[str]:
    """The lines of one row."""
    cells = [_broken(cell, width) for cell, width in zip(row, widths, strict=True)]
    for line in range(max(map(len, cells))):
        parts = (
            (cell[line] if line < len(cell) else "").ljust(width)
            for cell, width in zip(cells, widths, strict=True)
        )
        yield f"{' ' * indent}{(' ' * GAP).join(parts)}".rstrip()


def column_widths(rows: Sequence[Sequence[str]], width: int, *, rigid: Sequence[int] = (0,)) -> list[int]:
    """Widths with which rows fit: what is too much is taken from the widest columns, bar the `rigid`."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))] if rows else []
    room = width - GAP * (len(widths) - 1)
    flexible = [n for n in range(len(widths)) if n not in rigid]
    while flexible and sum(widths) > room and max(widths[n] for n in flexible) > 1:
        widths[max(flexible, key=lambda n: widths[n])] -= 1
    return widths


def _broken(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 1), break_long_words=False, break_on_hyphens=False) or [""]
