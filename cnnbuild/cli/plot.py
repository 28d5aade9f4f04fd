"""`cnnbuild plot`: one figure of a run or a study, as a file."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.runs import InOption, chosen_runs
from cnnbuild.cli.terminal import counted, text_width
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.report.run_figures.drawing import Drawing, Kind
    from cnnbuild.report.run_figures.group import DrawnGroup
    from cnnbuild.report.run_figures.picture_file import PictureFormat

LONGEST_PART = 60  # of a file's name
DPI = 200


def plot(
    run: Annotated[
        str,
        typer.Argument(
            help="Folder of a run or of a study, or the beginning of a run's id or name.", metavar="RUN"
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            "-k",
            help="What to draw; without it the kinds are listed.",
            metavar="KIND",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="File to write: .svg, .png or .pdf (otherwise RUN-KIND.svg in this folder).",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    dpi: Annotated[
        int, typer.Option("--dpi", help="Dots per inch of a PNG.", min=30, max=1200, metavar="N")
    ] = DPI,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    in_: InOption = None,
) -> None:
    """Draw one kind of figure of a run, or of all runs of a study, and write it to a file.

    Of a study, figures of all architectures together are one file for each data set and setting; of a
    figure that is of one architecture there is a file for each. Nothing is trained or measured again.

    Example: cnnbuild plot runs/quickstart --kind gradients -o gradients.png
    """
    form = _format(output)
    chosen = None if kind is None else _known(kind)
    groups, name = _groups(run, in_)
    if chosen is None:
        typer.echo(_listing(groups))
        return
    from cnnbuild.report.run_figures.kinds import KINDS
    from cnnbuild.report.run_figures.picture_file import picture_file
    from cnnbuild.report.run_figures.stored import drawings_of

    drawings = drawings_of(groups, chosen)
    if not drawings:
        raise UsageError(f"{run} has nothing for --kind {chosen}: {KINDS[chosen].needs}")
    files = _files(drawings, output or Path(f"{name}-{chosen}.svg"))
    _refuse_what_must_stay(list(files), overwrite=overwrite)
    for path, (where, drawing) in files.items():
        _write(path, picture_file(drawing, form, where=where, dpi=dpi))
        typer.echo(_told(path, drawing))
    typer.echo(f"\n{fill(drawings[0][1].how, text_width())}")


def _told(path: Path, drawing: Drawing) -> str:
    """A file that was written, and what it shows."""
    shows = fill(drawing.shows, text_width(), initial_indent="  ", subsequent_indent="  ")
    return f"{path}: {drawing.title}" + (f"\n{shows}" if shows else "")


def _format(output: Path | None) -> PictureFormat:
    """The format that the file's name asks for.

    Raises:
        UsageError: it asks for another one than can be drawn.
    """
    from cnnbuild.report.run_figures.picture_file import FORMATS

    if output is None:
        return "svg"
    found: PictureFormat | None = next((one for one in FORMATS if output.suffix.lower() == f".{one}"), None)
    if found is None:
        raise UsageError(f"-o {output}: the name must end with .svg, .png or .pdf")
    return found


def _known(kind: str) -> Kind:
    """The kind of a word.

    Raises:
        UsageError: there is none of that name.
    """
    from cnnbuild.report.run_figures.kinds import KINDS
    from cnnbuild.texts import did_you_mean

    found: Kind | None = next((one for one in KINDS if one == kind), None)
    if found is None:
        hint = did_you_mean(kind, list(KINDS)) or "choose one of these"
        raise UsageError(f"--kind: there is no figure '{kind}'; {hint}\nkinds: {', '.join(KINDS)}")
    return found


def _groups(run: str, folders: list[Path] | None) -> tuple[list[DrawnGroup], str]:
    """The runs that are drawn, and how files of them are called."""
    from cnnbuild.report.run_figures.stored import group_of_run, groups_of_study

    path = Path(run)
    if run and (path / "study.json").is_file():
        groups = groups_of_study(path)
        if not any(row.row.records for group in groups for row in group.rows):
            raise UsageError(f"{run}: no run of this study has ended; there is nothing to draw yet")
        return groups, _part(path.absolute().name) or "study"
    stored = chosen_runs([run], folders)[0]
    return [group_of_run(stored)], _part(stored.folder.absolute().name) or "run"


def _listing(groups: list[DrawnGroup]) -> str:
    """Every kind with what it shows, and how many figures of it there are here."""
    from cnnbuild.report.run_figures.kinds import KINDS
    from cnnbuild.report.run_figures.stored import drawings_of

    lines = ["kind             figures  what it shows"]
    for name, kind in KINDS.items():
        count = len(drawings_of(groups, name))
        lines.append(f"{name:<15}  {count or '-':>7}  {kind.shows}")
    return "\n".join([*lines, "", "Draw one with --kind; - is what was not kept, which --kind explains."])


def _files(drawings: list[tuple[str, Drawing]], wanted: Path) -> dict[Path, tuple[str, Drawing]]:
    """The file of each figure: the wanted one, or where there are several that name with what each is of."""
    if len(drawings) == 1:
        return {wanted: drawings[0]}
    files: dict[Path, tuple[str, Drawing]] = {}
    several = len({where for where, _ in drawings}) > 1
    for where, drawing in drawings:
        parts = [part for part in (_part(where) if several else "", _part(drawing.of)) if part]
        stem = "-".join([wanted.stem, *parts])[: 2 * LONGEST_PART]
        path, number = wanted.with_name(f"{stem}{wanted.suffix}"), 2
        while path in files:
            path, number = wanted.with_name(f"{stem}-{number}{wanted.suffix}"), number + 1
        files[path] = (where, drawing)
    return files


def _part(text: str) -> str:
    """A text as a part of a file's name."""
    return re.sub(r"[^\w.@=+-]+", "-", text).strip("-.")[:LONGEST_PART]


def _refuse_what_must_stay(files: list[Path], *, overwrite: bool) -> None:
    """Do nothing if the files may be written.

    Raises:
        UsageError: one exists, or its folder does not.
    """
    there = [path for path in files if path.exists()]
    if there and not overwrite:
        more = f" (and {counted(len(there) - 1, 'other file')})" if len(there) > 1 else ""
        raise UsageError(f"{there[0]} exists already{more}; name another -o, or use --overwrite")
    for path in files:
        if path.is_dir():
            raise UsageError(f"{path} is a folder; -o names a file")
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}")


def _write(path: Path, content: bytes) -> None:
    from cnnbuild.files import replace_file

    try:
        replace_file(path, content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
