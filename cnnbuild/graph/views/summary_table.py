"""A summary as text, in aligned columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cnnbuild.graph.receptive_field import Field
from cnnbuild.layers.base import Shape

if TYPE_CHECKING:
    from cnnbuild.graph.views.summary import Row, Summary

HEADINGS = (
    "layer",
    "type",
    "output",
    "parameters",
    "%",
    "MACs",
    "%",
    "activation",
    "RF",
    "stride",
    "start",
    "notes",
)
LEFT_ALIGNED = {0, 1, 2, 11}


def summary_table(summary: Summary) -> str:
    """The table of `cnnbuild inspect`."""
    graph, totals = summary.graph, summary.totals
    title = graph.name + (f"@{graph.variant}" if graph.variant else "")
    head = f"{title}  input {_shape(graph.contract.shape)}, {graph.contract.classes} classes"
    cells = [_cells(row) for row in summary.rows]
    widths = [max(len(line[n]) for line in [HEADINGS, *cells]) for n in range(len(HEADINGS))]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [head, "", _line(HEADINGS, widths), rule, *(_line(row, widths) for row in cells), rule]
    lines += [
        f"parameters   {totals.parameters:,}  (and {totals.buffers:,} buffer values; "
        f"{format_bytes(totals.weight_bytes)} as float32)",
        f"MACs         {totals.macs:,}  (multiply-adds of convolutions and matrix products, one image)",
        f"activations  {format_bytes(totals.activation_bytes)}  (all outputs, one image, float32)",
        f"first to see the whole input: {summary.first_to_see_everything or 'no layer'}",
    ]
    return "\n".join(lines)


def format_bytes(count: int) -> str:
    """A size for people, in binary units.

    >>> format_bytes(512), format_bytes(3 * 2**20)
    ('512 B', '3.0 MiB')
    """
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _cells(row: Row) -> tuple[str, ...]:
    size, stride, start = _field(row.receptive_field, flat=len(row.shape) == 1)
    return (
        row.name,
        row.caption,
        _shape(row.shape),
        f"{row.parameters:,}" if row.parameters else "",
        f"{row.parameter_share:.1%}".rstrip("%") if row.parameters else "",
        f"{row.macs:,}" if row.macs else "",
        f"{row.mac_share:.1%}".rstrip("%") if row.macs else "",
        format_bytes(row.activation_bytes),
        size,
        stride,
        start,
        ", ".join(row.notes),
    )


def _field(field: Field, *, flat: bool) -> tuple[str, str, str]:
    if field is None:
        return "?", "?", "?"
    if any(axis.whole.is_global for axis in field):
        if all(axis.local.is_global for axis in field):
            return "all", "", ""
        return (
            f"all ({_both(axis.local.size for axis in field)})",
            _both(axis.local.stride for axis in field),
            "",
        )
    size = _both(axis.whole.size for axis in field)
    if flat:
        return size, "", ""
    return size, _both(axis.whole.stride for axis in field), _both(axis.whole.start for axis in field)


def _both(values: Iterable[object]) -> str:
    height, width = values
    return str(height) if height == width else f"{height}x{width}"


def _shape(shape: Shape) -> str:
    return "x".join(str(size) for size in shape)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = (
        cell.ljust(width) if n in LEFT_ALIGNED else cell.rjust(width)
        for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(aligned).rstrip()
