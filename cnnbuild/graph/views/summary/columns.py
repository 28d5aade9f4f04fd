"""The columns of a summary's table: what each shows of a line, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.errors import UsageError
from cnnbuild.graph.graph import INPUT
from cnnbuild.graph.views.summary.captions import (
    both,
    format_bytes,
    number,
    percentage,
    rounded,
    rounded_bytes,
    sizes,
)
from cnnbuild.graph.views.summary.entries import Entry
from cnnbuild.texts import did_you_mean

Raw: TypeAlias = "int | float | str"
"""A value as programs read it; "" where there is none."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `text` gives the cell for people, `short` a shorter one where the table is too wide.

    `headers` name its values in CSV, and `raw` gives them, as many. `meaning` says what it shows.
    """

    key: str
    heading: str
    meaning: str
    align: Literal["left", "right"]
    text: Callable[[Entry], str]
    headers: tuple[str, ...]
    raw: Callable[[Entry], tuple[Raw, ...]]
    short: Callable[[Entry], str] | None = None


def columns_named(keys: Sequence[str]) -> tuple[Column, ...]:
    """The columns of some keys, in that order.

    Raises:
        UsageError: there is no such column, it is named twice, or none is named.
    """
    if not keys:
        raise UsageError(f"a table has columns: {', '.join(COLUMNS)}")
    for at, key in enumerate(keys):
        if key not in COLUMNS:
            hint = did_you_mean(key, COLUMNS) or f"columns: {', '.join(COLUMNS)}"
            raise UsageError(f"there is no column '{key}'; {hint}")
        if key in keys[:at]:
            raise UsageError(f"the column '{key}' is named twice")
    return tuple(COLUMNS[key] for key in keys)


def _layer_columns() -> Iterator[Column]:
    yield Column(
        "number", "#", "number of the node, in the order of computation", "right",
        lambda entry: entry.numbers,
        ("number",), lambda entry: ("" if entry.line.kind == "rest" else entry.line.first + 1,),
    )  # fmt: skip
    yield Column(
        "layer", "layer", "name, as in the state dict", "left",
        lambda entry: entry.line.name,
        ("name",), lambda entry: (entry.line.full_name,),
    )  # fmt: skip
    yield Column(
        "op", "op", "layer type, kernel, /stride, d dilation, g groups; of a level its block, copies", "left",
        lambda entry: entry.counted_operation,
        ("op", "copies"), lambda entry: (entry.operation, entry.line.copies),
    )  # fmt: skip
    yield Column(
        "from", "from", "numbers of the nodes that it takes, where that is not the row before", "right",
        _from,
        ("from",), lambda entry: (" ".join(str(source + 1) for source in entry.sources),),
    )  # fmt: skip
    yield Column(
        "in", "in", "shapes of what enters", "left", _entering, ("in",), lambda entry: (_entering(entry),)
    )
    yield Column(
        "out", "out", "shape of the output", "left", _leaving, ("out",), lambda entry: (_leaving(entry),)
    )


def _cost_columns() -> Iterator[Column]:
    yield Column(
        "params", "params", "numbers that are learned", "right",
        lambda entry: _count(entry.parameters),
        ("parameters",), lambda entry: (entry.parameters,),
        lambda entry: rounded(entry.parameters) if entry.parameters else "",
    )  # fmt: skip
    yield Column(
        "params%", "%", "share of the parameters", "right",
        lambda entry: percentage(entry.parameters, entry.summary.totals.parameters),
        ("parameter_share",), lambda entry: (_share(entry.parameters, entry.summary.totals.parameters),),
    )  # fmt: skip
    yield Column(
        "buffers", "buffers", "numbers that are saved without being learned", "right",
        lambda entry: _count(entry.buffers), ("buffers",), lambda entry: (entry.buffers,),
    )  # fmt: skip
    yield Column(
        "macs", "MACs", "multiply-adds of convolutions and matrix products, one image", "right",
        lambda entry: _count(entry.macs),
        ("macs",), lambda entry: (entry.macs,),
        lambda entry: rounded(entry.macs) if entry.macs else "",
    )  # fmt: skip
    yield Column(
        "macs%", "%", "share of the multiply-adds", "right",
        lambda entry: percentage(entry.macs, entry.summary.totals.macs),
        ("mac_share",), lambda entry: (_share(entry.macs, entry.summary.totals.macs),),
    )  # fmt: skip
    yield Column(
        "act", "act", "size of the output", "right",
        lambda entry: format_bytes(entry.activation_bytes),
        ("activation_bytes",), lambda entry: (entry.activation_bytes,),
        lambda entry: rounded_bytes(entry.activation_bytes),
    )  # fmt: skip
    yield Column(
        "kept", "kept", "what training keeps of the output for the backward pass", "right",
        lambda entry: format_bytes(entry.kept_bytes) if entry.kept_bytes else "",
        ("kept_bytes",), lambda entry: (entry.kept_bytes,),
        lambda entry: rounded_bytes(entry.kept_bytes) if entry.kept_bytes else "",
    )  # fmt: skip


def _field_columns() -> Iterator[Column]:
    yield Column(
        "rf", "RF", "receptive field: pixels of the image that one output sees along an axis", "right",
        _field, ("rf_height", "rf_width", "global"), _raw_field,
    )  # fmt: skip
    yield Column(
        "stride", "stride", "pixels between what two neighbouring outputs see", "right",
        lambda entry: both(axis.local.stride for axis in entry.placed_field) if entry.placed_field else "",
        ("stride_height", "stride_width"), _raw_stride,
    )  # fmt: skip
    yield Column(
        "start", "start", "first pixel that the first output sees, negative in the padding", "right",
        lambda entry: both(axis.local.start for axis in entry.placed_field) if entry.placed_field else "",
        ("start_height", "start_width"), _raw_start,
    )  # fmt: skip
    yield Column(
        "notes", "notes", "what is remarkable", "left",
        lambda entry: ", ".join(entry.notes), ("notes",), lambda entry: ("; ".join(entry.notes),),
        lambda entry: ", ".join(entry.short_notes),
    )  # fmt: skip
    yield Column(
        "place", "written at", "file and line", "left",
        lambda entry: ":".join(str(part) for part in _place(entry) if part), ("file", "line"), _place,
    )  # fmt: skip


def _from(entry: Entry) -> str:
    if entry.line.is_open or entry.follows:
        return ""
    return ",".join("in" if source == INPUT else str(source + 1) for source in entry.sources)


def _entering(entry: Entry) -> str:
    return " ".join(sizes(shape) for shape in entry.beginning.input_shapes) if entry.beginning else ""


def _leaving(entry: Entry) -> str:
    return sizes(entry.node.shape) if entry.node else ""


def _count(value: int) -> str:
    return f"{value:,}" if value else ""


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _field(entry: Entry) -> str:
    """The field without gates; `all` where nothing else is left."""
    if entry.field is None:
        return "?" if entry.node else ""
    return both("all" if axis.local.is_global else axis.local.size for axis in entry.field)


def _raw_field(entry: Entry) -> tuple[Raw, ...]:
    if entry.field is None:
        return "", "", ""
    is_global = any(axis.whole.is_global for axis in entry.field)
    height, width = ("" if axis.local.is_global else axis.local.size for axis in entry.field)
    return height, width, "yes" if is_global else "no"


def _raw_stride(entry: Entry) -> tuple[Raw, ...]:
    if entry.placed_field is None:
        return "", ""
    return tuple(number(axis.local.stride) for axis in entry.placed_field)


def _raw_start(entry: Entry) -> tuple[Raw, ...]:
    if entry.placed_field is None:
        return "", ""
    return tuple(axis.local.start for axis in entry.placed_field)


def _place(entry: Entry) -> tuple[Raw, ...]:
    return (entry.beginning.origin.file, entry.beginning.origin.line) if entry.beginning else ("", "")


COLUMNS: dict[str, Column] = {
    column.key: column for made in (_layer_columns, _cost_columns, _field_columns) for column in made()
}

TABLE_COLUMNS = tuple(key for key in COLUMNS if key not in {"in", "buffers", "kept", "place"})
"""What a table shows of itself, in this order."""
