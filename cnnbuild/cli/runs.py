"""`cnnbuild runs`: which runs there are, one of them in full, and removing some."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.core import TyperGroup

from cnnbuild.cli.options import OutputOption, print_or_write
from cnnbuild.cli.terminal import counted, text_width
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.studies.stored_run import StoredRun

DEFAULT = Path("runs")


class ListsByDefault(TyperGroup):
    """A group of commands, of which `list` is the one that need not be named."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put `list` before arguments that name no command."""
        if args[:1] != ["--help"] and (not args or args[0] not in self.commands):
            args = ["list", *args]
        return super().parse_args(ctx, args)


runs = typer.Typer(
    name="runs",
    cls=ListsByDefault,
    help="List the runs below a folder; show one of them, or remove some.\n\n"
    "Without a command it lists: cnnbuild runs --where state=failed. Its flags are in "
    "`cnnbuild runs list --help`.\n\nExample: cnnbuild runs",
    rich_markup_mode="rich",
)

FoldersArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders of studies or runs, or folders that hold such (otherwise runs).",
        metavar="[FOLDER...]",
        show_default=False,
    ),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        "-w",
        help="Only runs for which this holds: state=failed, 'architecture=wide|narrow', 'test_accuracy>90%', "
        "'recipe.epochs<=10'. Signs: = != > >= < <= and ~ (contains). May be repeated.",
        metavar="CONDITION",
        show_default=False,
    ),
]
InOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--in",
        help="Folder to look for runs in (otherwise runs). May be repeated.",
        metavar="DIR",
        show_default=False,
    ),
]
ShownRunArgument = Annotated[
    str, typer.Argument(help="Folder of a run, or the beginning of its id or name.", metavar="RUN")
]


@runs.command("list")
def list_runs(
    folders: FoldersArgument = None,
    where: WhereOption = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            help="Order by columns: dataset,-test_accuracy; - puts the largest first.",
            metavar="A,-B,…",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", help="Show the first N runs.", min=1, metavar="N", show_default=False),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            help="Columns by name, in this order: id,state,vars.width. An empty list (,) shows all names.",
            metavar="A,B,…",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", "-f", help="What to print.")
    ] = "table",
    output: OutputOption = None,
) -> None:
    """List the runs below some folders: of studies, also what they still have to do, and single ones."""
    from cnnbuild.cli.run_tables import csv_text, failures_text, json_text, list_text
    from cnnbuild.studies.run_query import COLUMNS, columns_of, known_column, sort_runs

    found = _found(folders)
    chosen = filtered(found, where)
    if sort is not None:
        chosen = sort_runs(chosen, sort)
    names = None
    if columns is not None:
        names = [known_column(name.strip(), found) for name in columns.split(",") if name.strip()]
        if not names:
            typer.echo("\n".join(columns_of(found)))
            return
    hidden = 0 if limit is None else max(0, len(chosen) - limit)
    chosen = chosen if limit is None else chosen[:limit]
    if format_ == "json":
        print_or_write(json_text(chosen, names or [*COLUMNS]), output)
    elif format_ == "csv":
        print_or_write(csv_text(chosen, names or [*COLUMNS]), output)
    elif not chosen:
        print_or_write(_nothing(found, folders), output)
    else:
        width = text_width() if output is None and _has_width() else None
        lines = [list_text(chosen, names, width=width), *failures_text(chosen)]
        lines += [f"{counted(hidden, 'more run')}, hidden by --limit"] if hidden else []
        print_or_write("\n".join(lines), output)


@runs.command("show")
def show(
    run: ShownRunArgument,
    in_: InOption = None,
    format_: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", help="What to print.")
    ] = "text",
    output: OutputOption = None,
) -> None:
    """Show one run: its recipe, its data, how it went, and where its files are."""
    from cnnbuild.cli.run_details import details_json, details_text

    chosen = chosen_runs([run], in_)[0]
    if format_ == "json":
        print_or_write(json.dumps(details_json(chosen), indent=1, ensure_ascii=False), output)
    else:
        print_or_write(details_text(chosen, width=text_width()), output)


@runs.command("remove")
def remove(
    run: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders of runs, or the beginnings of their ids or names.",
            metavar="[RUN...]",
            show_default=False,
        ),
    ] = None,
    where: WhereOption = None,
    in_: InOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove runs with all their files; a study's next start runs them again. What is running is refused.

    Of a single run's folder, files that are not cnnbuild's stay.
    """
    from cnnbuild.cli.data_tables import bytes_text
    from cnnbuild.cli.run_tables import list_text
    from cnnbuild.studies.run_removal import refuse_what_must_stay, remove_runs, size_of

    if not run and not where:
        raise UsageError("say which runs: by their folders or ids, or with --where")
    chosen = filtered(chosen_runs(run, in_) if run else _found(in_), where)
    chosen = [one for one in chosen if one.folder.is_dir()]  # what has not begun has no files
    if not chosen:
        typer.echo("There is nothing to remove.", err=True)
        return
    refuse_what_must_stay(chosen)
    what = f"{counted(len(chosen), 'run')}, {bytes_text(sum(map(size_of, chosen)))}"
    if not yes:
        typer.echo(list_text(chosen, None, width=text_width()), err=True)
        if not _agreed(f"Remove {what}? [y/N] "):
            raise UsageError("nothing was removed; answer y, or use --yes")
    for folder in remove_runs(chosen):
        typer.echo(f"{folder} stays: it holds other files as well", err=True)
    typer.echo(f"Removed: {what}")


@runs.command("track")
def track(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders of studies, or of single runs of studies.", metavar="FOLDER..."),
    ],
    to: Annotated[
        list[str],
        typer.Option(
            "--to",
            help="Where to: tensorboard, tensorboard=DIR, mlflow (an SQLite file in the study's folder) or "
            "mlflow=URI. May be repeated.",
            metavar="TRACKER",
            show_default=False,
        ),
    ],
) -> None:
    """Send runs of studies that have ended to trackers, unless they have been sent there.

    The exit code is 1 where one could not be sent.
    """
    from cnnbuild.studies.trackers.sending import Sender, read_cell
    from cnnbuild.studies.trackers.tracker import installed_targets

    cells = [run for run in _found(folders) if run.is_cell]
    if not cells:
        raise UsageError(f"{folders[0]}: there is no run of a study; single runs are not tracked")
    failed = sent = 0
    for study in dict.fromkeys(run.study_folder for run in cells):
        targets = installed_targets(to, study)
        with Sender(targets) as sender:
            for run in cells:
                record = read_cell(run.folder) if run.study_folder == study else None
                if record is None:
                    continue
                for name, became in sender.track(record, run.folder).items():
                    sent, failed = sent + (was := became.startswith("sent")), failed + (not was)
                    if not was:
                        typer.echo(f"{run.id}: {name}: {became}", err=True)
    typer.echo(f"{sent} sent" + (f", {failed} not sent" if failed else ""))
    if failed:
        raise typer.Exit(1)


def _found(folders: list[Path] | None) -> list[StoredRun]:
    """The runs below some folders; those of `runs` where none is named."""
    from cnnbuild.studies.run_store import find_runs

    if not folders and not DEFAULT.exists():
        return []
    return find_runs(folders or [DEFAULT])


def chosen_runs(words: list[str], folders: list[Path] | None) -> list[StoredRun]:
    """The runs that words name, looked for below some folders.

    Raises:
        UsageError: a word names none, or several.
    """
    from cnnbuild.studies.run_store import choose_runs

    return choose_runs(words, lambda: _found(folders))


def filtered(found: list[StoredRun], where: list[str] | None) -> list[StoredRun]:
    """The runs for which all conditions of --where hold.

    Raises:
        UsageError: one is no condition.
    """
    from cnnbuild.studies.run_query import parse_condition

    conditions = [parse_condition(text, found) for text in where or ()]
    return [run for run in found if all(condition.holds(run) for condition in conditions)]


def _nothing(found: list[StoredRun], folders: list[Path] | None) -> str:
    if found:
        return f"None of {counted(len(found), 'run')} is so."
    where = ", ".join(str(folder) for folder in folders or [DEFAULT])
    return f"There are no runs in {where}."


def _has_width() -> bool:
    """Whether someone looks at the list in a window, or says how wide it is."""
    import os

    return sys.stdout.isatty() or bool(os.environ.get("COLUMNS"))


def _agreed(question: str) -> bool:
    """Whether the user answers yes; nobody there means no."""
    typer.echo(question, err=True, nl=False)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer:
        typer.echo("", err=True)
    return answer.strip().lower() in {"y", "yes"}
