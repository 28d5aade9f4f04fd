"""`cnnbuild compare`: runs of any studies side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnbuild.cli.options import OutputOption, print_or_write
from cnnbuild.cli.runs import InOption, WhereOption
from cnnbuild.cli.terminal import text_width
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.studies.stored_run import StoredRun


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Folders of runs or of whole studies, or the beginnings of ids or names of runs.",
            metavar="RUN...",
        ),
    ],
    where: WhereOption = None,
    in_: InOption = None,
    format_: Annotated[
        Literal["table", "json", "markdown"], typer.Option("--format", "-f", help="What to print.")
    ] = "table",
    output: OutputOption = None,
) -> None:
    """Compare runs, of one study or of several: results side by side, what differs, what may be said.

    Runs that differ in nothing but the seed are one group. The first group is what the others are compared
    with, over the seeds that both have.
    """
    from cnnbuild.cli.compare_text import comparison_json, comparison_markdown, comparison_text
    from cnnbuild.cli.runs import filtered
    from cnnbuild.studies.compared_runs import read_compared
    from cnnbuild.studies.comparison import compare as compare_runs

    named = filtered(_named(runs, in_), where)
    read = [read_compared(run) for run in named]
    ended = [run for run in read if run is not None]
    if not ended:
        raise UsageError("none of these runs has ended; there is nothing to compare")
    if len(named) == 1:
        raise UsageError(f"{named[0].folder} is one run; name another one, or the folder of a study")
    comparison = compare_runs(ended, unfinished=len(named) - len(ended))
    if format_ == "json":
        print_or_write(comparison_json(comparison), output)
    elif format_ == "markdown":
        print_or_write(comparison_markdown(comparison), output)
    else:
        print_or_write(comparison_text(comparison, width=text_width()), output)


def _named(words: list[str], folders: list[Path] | None) -> list[StoredRun]:
    """The runs that words name, each once; a folder stands for all runs below it."""
    from cnnbuild.cli.runs import chosen_runs
    from cnnbuild.studies.run_store import find_runs, run_at

    found: dict[Path, StoredRun] = {}
    for word in words:
        is_folder = Path(word).is_dir() and run_at(Path(word)) is None
        for run in find_runs([Path(word)]) if is_folder else chosen_runs([word], folders):
            found.setdefault(run.folder.absolute(), run)
    return list(found.values())
