"""A summary as comma-separated values (RFC 4180): one header line, then one line per node."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from cnnbuild.graph.views.summary.columns import COLUMNS, columns_named
from cnnbuild.graph.views.summary.entries import Entry
from cnnbuild.graph.views.summary.lines import flat_lines_of

if TYPE_CHECKING:
    from cnnbuild.graph.views.summary.summary import Summary


def summary_csv(summary: Summary) -> str:
    """The lines of a summary with raw integers, every column where its view names none.

    A value that does not exist, such as the stride of a flat tensor, is empty.

    Raises:
        UsageError: the view asks for a column that does not exist.
    """
    headers, rows = raw_table(summary)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headers)
    writer.writerows(rows)
    return text.getvalue()


def raw_table(summary: Summary) -> tuple[list[str], list[list[object]]]:
    """The headers and the lines with raw values, "" for one that does not exist.

    Raises:
        UsageError: the view asks for a column that does not exist.
    """
    columns = columns_named(summary.view.columns or tuple(COLUMNS))
    entries = [Entry(summary, line) for line in flat_lines_of(summary.graph, summary.view)]
    rows: list[list[object]] = [[v for column in columns for v in column.raw(entry)] for entry in entries]
    return [header for column in columns for header in column.headers], rows
