"""The flags of `cnnbuild inspect` that say what its table shows, and in which form."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from cnnbuild.cli.options import keep_files_of_runs
from cnnbuild.cli.terminal import colours_wanted, text_width
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.graph.views.summary.lines import View
    from cnnbuild.graph.views.summary.sheets import Sheet
    from cnnbuild.graph.views.summary.summary import Summary
    from cnnbuild.graph.views.summary.sweep import Sweep

Form: TypeAlias = Literal["table", "json", "csv", "md", "latex", "html"]
DtypeName: TypeAlias = Literal["float32", "float16", "bfloat16", "float64"]
OptimizerName: TypeAlias = Literal[
    "sgd", "sgd_momentum", "adam", "adamw", "nadam", "radam", "adamax", "adagrad", "adadelta", "rmsprop",
    "rprop", "asgd", "adafactor", "lbfgs",
]  # fmt: skip
SortName: TypeAlias = Literal["macs", "params", "act", "rf"]

FORM_OF_SUFFIX: dict[str, Form] = {
    ".json": "json",
    ".csv": "csv",
    ".md": "md",
    ".tex": "latex",
    ".html": "html",
    ".txt": "table",
}

FormOption = Annotated[
    Form | None,
    typer.Option(
        "--format",
        "-f",
        help="What to print; otherwise what the suffix of -o says, otherwise a table.",
        show_default=False,
    ),
]
BatchOption = Annotated[
    int,
    typer.Option(
        "--batch",
        "-b",
        min=1,
        help="Images at once, for memory and activations.",
        metavar="N",
        rich_help_panel="Memory",
    ),
]
DtypeOption = Annotated[
    DtypeName, typer.Option("--dtype", help="Of weights and activations.", rich_help_panel="Memory")
]
OptimizerOption = Annotated[
    OptimizerName,
    typer.Option(
        "--optimizer", help="Whose state the memory of training includes.", rich_help_panel="Memory"
    ),
]
DepthOption = Annotated[
    int | None,
    typer.Option(
        "--depth",
        min=1,
        help="Make each level of names at depth N one row.",
        metavar="N",
        show_default=False,
        rich_help_panel="The table",
    ),
]
FoldOption = Annotated[
    bool | None,
    typer.Option(
        "--fold/--no-fold",
        help="Show copies that are alike once, or each by itself (otherwise once, and in CSV each).",
        show_default=False,
        rich_help_panel="The table",
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        help="Columns by name, in this order: layer,out,params. An empty list (,) shows all names.",
        metavar="A,B,…",
        show_default=False,
        rich_help_panel="The table",
    ),
]
SortOption = Annotated[
    SortName | None,
    typer.Option(
        "--sort",
        help="Put the costliest rows first, without headings.",
        show_default=False,
        rich_help_panel="The table",
    ),
]
TopOption = Annotated[
    int | None,
    typer.Option(
        "--top",
        min=1,
        help="Show the first N rows by --sort (otherwise by macs), and the others as one.",
        metavar="N",
        show_default=False,
        rich_help_panel="The table",
    ),
]


def view_asked(
    *, fold: bool | None, depth: int | None, columns: str | None, sort: SortName | None, top: int | None
) -> View:
    """What the flags say of a table; an empty list of columns prints their names, and ends the command.

    Raises:
        UsageError: a column does not exist.
        typer.Exit: the names were asked for.
    """
    from cnnbuild.graph.views.summary.lines import View

    keys = None
    if columns is not None:
        from cnnbuild.graph.views.summary.columns import COLUMNS, columns_named

        keys = tuple(key.strip().lower() for key in columns.split(",") if key.strip())
        if not keys:
            room = max(map(len, COLUMNS))
            typer.echo("\n".join(f"{key:{room}}  {column.meaning}" for key, column in COLUMNS.items()))
            raise typer.Exit(0)
        columns_named(keys)
    return View(fold, depth, keys, sort, top)


def form_asked(form: Form | None, output: Path | None) -> Form:
    """The form that is written.

    Raises:
        UsageError: the file's suffix stands for none, and `--format` says nothing.
    """
    if form is not None or output is None:
        return form or "table"
    known = FORM_OF_SUFFIX.get(output.suffix.lower())
    if known is None:
        raise UsageError(
            f"{output}: the suffix says no format; use one of {', '.join(FORM_OF_SUFFIX)}, or --format"
        )
    return known


def require_plain_view(view: View, where: str) -> None:
    """Refuse the flags that shape a table where there is nothing to shape; `where` says why.

    Raises:
        UsageError: one of them was given.
    """
    from cnnbuild.graph.views.summary.lines import View

    given = {
        "--fold/--no-fold": view.fold,
        "--depth": view.depth,
        "--columns": view.columns,
        "--sort": view.sort,
        "--top": view.top,
    }
    if view != View():
        flags = ", ".join(flag for flag, value in given.items() if value is not None)
        raise UsageError(f"{where}; leave out {flags}")


def summary_text(summary: Summary, form: Form, output: Path | None) -> str:
    """A summary in a form.

    Raises:
        UsageError: the form is JSON, and the view is not the plain one.
    """
    if form == "json":
        require_plain_view(summary.view, "json holds every node with all that is known of it")
        return summary.to_json() + "\n"
    if form == "csv":
        return summary.to_csv()
    if form == "latex":
        return summary.to_latex() + "\n"
    return _sheet_text(summary.sheet(), form, output)


def sweep_text(sweep: Sweep, form: Form, output: Path | None) -> str:
    """A table of sizes in a form."""
    if form == "json":
        import json

        return json.dumps(sweep.to_dict(), indent=2) + "\n"
    return sweep.to_csv() if form == "csv" else _sheet_text(sweep.sheet, form, output)


def _sheet_text(sheet: Sheet, form: Form, output: Path | None) -> str:
    if form == "md":
        from cnnbuild.graph.views.summary.markdown import markdown_table

        return markdown_table(sheet) + "\n"
    if form == "latex":
        from cnnbuild.graph.views.summary.latex import latex_table

        return latex_table(sheet) + "\n"
    if form == "html":
        from cnnbuild.graph.views.summary.html import html_page

        return html_page(sheet) + "\n"
    from cnnbuild.graph.views.summary.text import text_table

    if output is not None:  # no window limits a file
        return text_table(sheet, width=None) + "\n"
    return text_table(sheet, width=text_width(), colours=colours_wanted(sys.stdout)) + "\n"


def emit(text: str, output: Path | None, *, quiet: bool) -> None:
    """Print a result, or write it to the file of `-o`; line ends stay as they are.

    Raises:
        UsageError: the file cannot be written.
    """
    if output is None:
        typer.echo(text.encode() if "\r" in text else text, nl=False)
        return
    keep_files_of_runs(output)
    try:
        output.write_bytes(text.encode())
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
    if not quiet:
        typer.echo(f"written to {output}", err=True)


@contextmanager
def rows_before_faults(*, asked: bool) -> Iterator[None]:
    """Print the sound rows of a network before its faults, where a layer does not fit what enters it.

    They go to standard error: half a network is no result, and a pipe must not take it for one.
    """
    from cnnbuild.graph.elaborate import FaultyNetworkError

    try:
        yield
    except FaultyNetworkError as error:
        if asked and error.misfits and error.graph.nodes:
            from cnnbuild.graph.views.summary.summary_sheet import rows_before_fault

            colours = colours_wanted(sys.stderr)
            rows = rows_before_fault(error.graph, width=text_width(), colours=colours)
            typer.echo(f"{rows}\n", err=True)
        raise
