"""A sheet as a table in LaTeX, with the rules of booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cnnbuild.graph.views.summary.sheets import Sheet, SheetColumn

LATEX_COLUMNS = ("layer", "op", "out", "params", "macs", "rf", "stride")
"""What fits the page of an article."""

LONG = 45  # lines that fit one page
_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "…": r"\ldots{}",
}
_SIGN = re.compile("[" + re.escape("".join(_SIGNS)) + "]")
_NEGATIVE = re.compile(r"-(\d[\d,.x]*)")


def latex_table(sheet: Sheet) -> str:
    """The sheet as a `tabular`, or as a `longtable` where it is longer than a page.

    The title and the remarks are comments: what of them is worth a caption, its author knows.
    """
    environment = "longtable" if len(sheet.levels) > LONG else "tabular"
    alignment = "".join("r" if column.align == "right" else "l" for column in sheet.columns)
    columns = [_cells(column, sheet) for column in sheet.columns]
    lines = [
        f"% {sheet.title}: {sheet.subtitle}",
        *(f"% {remark.label}: {remark.text}" for remark in sheet.remarks),
        rf"% needs \usepackage{{booktabs{',longtable' if environment == 'longtable' else ''}}}",
        rf"\begin{{{environment}}}{{@{{}}{alignment}@{{}}}}",
        r"\toprule",
        _row([latex_escaped(column.heading) for column in sheet.columns]),
        r"\midrule",
        *([r"\endhead"] if environment == "longtable" else []),
        *_body(sheet, columns),
        r"\bottomrule",
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines)


def _body(sheet: Sheet, columns: Sequence[Sequence[str]]) -> Iterator[str]:
    for at, (cells, level, indent) in enumerate(
        zip(zip(*columns, strict=True), sheet.levels, sheet.indents, strict=True)
    ):
        if at and level == "heading" and not indent:
            yield r"\addlinespace"
        reason, others = sheet.reasons[at], len(cells) - 1
        told = rf"\multicolumn{{{others}}}{{l}}{{{latex_escaped(reason)}}}"
        yield _row([cells[0], told] if reason else cells)


def _cells(column: SheetColumn, sheet: Sheet) -> list[str]:
    cells = []
    for cell, level, indent in zip(column.cells, sheet.levels, sheet.indents, strict=True):
        text = f"${cell}$" if _NEGATIVE.fullmatch(cell) else latex_escaped(cell)
        if column.key == sheet.names and text:
            text = rf"\texttt{{{text}}}"
        if level == "heading" and text:
            text = rf"\textbf{{{text}}}"
        cells.append(r"\quad " * indent + text if column.key == sheet.names else text)
    return cells


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def latex_escaped(text: str) -> str:
    r"""A text in which nothing is left that TeX would obey.

    >>> print(latex_escaped("conv_1 & 50%"))
    conv\_1 \& 50\%
    """
    return _SIGN.sub(lambda sign: _SIGNS[sign[0]], text)
