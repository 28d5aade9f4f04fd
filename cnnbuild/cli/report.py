"""`cnnbuild report`: the page of a study, written anew from its records."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from cnnbuild.cli.options import keep_files_of_runs
from cnnbuild.cli.terminal import counted
from cnnbuild.errors import UsageError


def report(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a study, such as runs/residual.", metavar="FOLDER")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File of the page (otherwise report.html in the folder).",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="Write every figure into the folder figures too: SVG and PNG.")
    ] = False,
    open_: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
) -> None:
    """Write the report of a study anew from its records: nothing is trained or measured again.

    The page is one file, which needs no network: send it as it is. While the study runs, the page reads
    itself again.
    """
    from cnnbuild.studies.layer_folder import comparison_at

    if out is not None and out.is_dir():
        raise UsageError(f"{out} is a folder; name a file, such as {out / 'report.html'}")
    if out is not None:
        keep_files_of_runs(out)
    _require_study(folder)
    page = _of_layers(folder, out) if comparison_at(folder) == folder else _of_runs(folder, out)
    typer.echo(f"Report: {page}")
    if figures:
        _write_figures(folder)
    if open_ and not webbrowser.open(page.absolute().as_uri()):
        typer.echo("No browser was found: open the file yourself.", err=True)


def _write_figures(folder: Path) -> None:
    """Write the figures of the page as files.

    Raises:
        UsageError: it is a study of layers, whose page alone has its figures.
    """
    from cnnbuild.report.figure_files import write_figures
    from cnnbuild.report.figures import looks_of
    from cnnbuild.report.study_blocks import blocks_of
    from cnnbuild.studies.layer_folder import comparison_at
    from cnnbuild.studies.results import read_results
    from cnnbuild.studies.study_findings import study_findings

    if comparison_at(folder) == folder:
        raise UsageError(
            "--figures is for studies that train; the page of a comparison of layers has its own"
        )
    results = read_results(folder)
    looks = looks_of(results.study.architectures)
    written = write_figures(folder, lambda: blocks_of(results, study_findings(results), looks))
    typer.echo(f"Figures: {counted(len(written), 'file')} in {folder / 'figures'}")


def _of_layers(folder: Path, out: Path | None) -> Path:
    from cnnbuild.report.layer_page import write_layer_report

    return write_layer_report(folder, out=out)


def _of_runs(folder: Path, out: Path | None) -> Path:
    from cnnbuild.report.page import write_report
    from cnnbuild.studies.study_lock import is_looked_after

    return write_report(folder, out=out, reload_seconds=10 if is_looked_after(folder) else None)


def _require_study(folder: Path) -> None:
    """Do nothing for the folder of a study, of runs or of layers.

    Raises:
        UsageError: it is something else; the message says what, and what to do.
    """
    from cnnbuild.studies.layer_folder import comparison_at

    if not folder.is_dir():
        raise UsageError(
            f"{folder}: {'a file; name a folder' if folder.exists() else 'there is no such folder'}"
        )
    if (folder / "study.json").is_file():
        return
    if (layers := comparison_at(folder)) is not None:
        if layers != folder:
            shown = folder.parent.parent
            raise UsageError(f"{folder} is one pair of a comparison of layers: cnnbuild report {shown}")
        return
    study = folder.absolute().parent.parent
    if folder.absolute().parent.name == "cells" and (study / "study.json").is_file():
        shown = folder.parent.parent if len(folder.parts) > len(("cells", "run")) else study
        raise UsageError(
            f"{folder} is one run of a study; the report is the study's: cnnbuild report {shown}"
        )
    if (folder / "run.json").is_file():
        raise UsageError(
            f"{folder} is a single run, and a report is of a study; "
            f"this shows the run: cnnbuild runs show {folder}"
        )
    raise UsageError(
        f"{folder} is not the folder of a study: there is no study.json; `cnnbuild runs` lists runs"
    )
