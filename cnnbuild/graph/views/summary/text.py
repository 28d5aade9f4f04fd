"""A sheet as text, in aligned columns, as wide as its window where what it may leave out suffices."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from cnnbuild.graph.views.summary.sheets import Remark, Sheet, SheetColumn

INDENT = "  "
LEAST_REMARK = 100  # columns that a sentence may have below a narrower table
LABEL_WIDTH = 12  # "parameters" and a gap

BOLD, DIM, YELLOW, RED, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
PAINT = {"notes": YELLOW, "params%": DIM, "macs%": DIM, "number": DIM, "from": DIM}


@dataclass(frozen=True)
class _Fitted:
    """A column with the cells that are shown."""

    column: SheetColumn
    cells: Sequence[str]

    @cached_property
    def width(self) -> int:
        return max(len(self.column.heading), max(map(len, self.cells), default=0))

    @property
    def gap(self) -> str:
        """What stands before it; a share stands close to what it is a share of."""
        return " " if self.column.heading == "%" else "  "

    def padded(self, cell: str) -> str:
        return cell.ljust(self.width) if self.column.align == "left" else cell.rjust(self.width)


def text_table(sheet: Sheet, *, width: int | None, colours: bool = False) -> str:
    """The sheet in lines of at most `width` characters, None for no limit; `colours` are those of terminals.

    Where it is too wide, its `reductions` are taken one after the other until it fits. What then still does
    not fit stands out: part of a number would be another number. Only reasons and sentences are broken.
    """
    fitted = _fit(sheet, width)
    total = _total(fitted)
    rule = "─" * total
    gaps = ["", *(c.gap for c in fitted[1:])]
    head = _line([c.padded(c.column.heading) for c in fitted], gaps)
    room = max(total, LEAST_REMARK) if width is None else min(width, max(total, LEAST_REMARK))
    title = f"{sheet.title}  {sheet.subtitle}"
    lines = [*textwrap.wrap(title, width or room, subsequent_indent=INDENT, break_on_hyphens=False), ""]
    lines += [f"{BOLD}{head}{PLAIN}" if colours else head, rule]
    columns = [_painted(c, sheet) if colours else [c.padded(cell) for cell in c.cells] for c in fitted]
    remarks = list(sheet.remarks)
    for at, cells in enumerate(zip(*columns, strict=True)):
        if not (reason := sheet.reasons[at]):
            lines.append(_line(cells, gaps))
            continue
        name = fitted[0].padded(fitted[0].cells[at])
        line = _line([name, reason], ("", "  "), room if width else 0)
        lines.append(f"{RED}{line}{PLAIN}" if colours else line)
        if line.endswith("…"):
            remarks.append(Remark(name.strip(), reason))
    if remarks:
        lines += [rule, *(line for remark in remarks for line in _remark(remark, room))]
    return "\n".join(lines)


def shortened_in_the_middle(name: str, limit: int) -> str:
    """A name of at most `limit` letters; its end tells most, and keeps most.

    >>> shortened_in_the_middle("encoder.stage1.block.conv_1", 16)
    'encoder…k.conv_1'
    """
    if len(name) <= limit:
        return name
    begin = max(1, (limit - 1) // 2)
    return f"{name[:begin]}…{name[len(name) - (limit - 1 - begin) :]}"


def _fit(sheet: Sheet, width: int | None) -> list[_Fitted]:
    fitted = [_Fitted(column, _indented(column, sheet)) for column in sheet.columns]
    for action, key, limit in sheet.reductions:
        if width is None or _total(fitted) <= width:
            break
        if action == "drop":
            fitted = [c for c in fitted if c.column.key != key]
            continue
        for at, c in enumerate(fitted):
            if action == "round" and c.column.key == key and c.column.rounded is not None:
                fitted[at] = _Fitted(c.column, c.column.rounded())
            elif action == "shorten" and c.column.key == key:
                fitted[at] = _Fitted(c.column, [_shortened(cell, limit) for cell in c.cells])
    return fitted


def _total(fitted: Sequence[_Fitted]) -> int:
    return sum(len(c.gap) + c.width for c in fitted) - sum(len(c.gap) for c in fitted[:1])


def _indented(column: SheetColumn, sheet: Sheet) -> Sequence[str]:
    if column.key != sheet.names:
        return column.cells
    return [INDENT * indent + cell for indent, cell in zip(sheet.indents, column.cells, strict=True)]


def _shortened(cell: str, limit: int) -> str:
    name = cell.lstrip()
    indent = len(cell) - len(name)
    return " " * indent + shortened_in_the_middle(name, max(limit - indent, 4))


def _painted(fitted: _Fitted, sheet: Sheet) -> list[str]:
    paint = PAINT.get(fitted.column.key, "")
    painted = []
    for cell, level in zip(fitted.cells, sheet.levels, strict=True):
        colour = RED if level == "fault" else BOLD if level == "heading" and not paint else paint
        padded = fitted.padded(cell)
        painted.append(f"{colour}{padded}{PLAIN}" if colour and cell else padded)
    return painted


def _line(cells: Sequence[str], gaps: Sequence[str], width: int = 0) -> str:
    """One line, cut off at a width; 0 sets no limit."""
    line = "".join(gap + cell for gap, cell in zip(gaps, cells, strict=True)).rstrip()
    return line if not width or len(line) <= width else f"{line[: width - 1]}…"


def _remark(remark: Remark, width: int) -> Iterator[str]:
    label = remark.label.ljust(LABEL_WIDTH)
    yield from textwrap.wrap(
        label + remark.text,
        width,
        subsequent_indent=" " * LABEL_WIDTH,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
