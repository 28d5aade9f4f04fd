"""`cnnbuild run`: a study from its file to its report."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.options import DataRootOption, QuietOption, SetOption, parse_settings
from cnnbuild.cli.run_layers import run_layers
from cnnbuild.cli.target import PluginOption
from cnnbuild.cli.terminal import counted, echo_faults
from cnnbuild.errors import RunInterruptedError, UsageError

SeedsOption = Annotated[
    int | None,
    typer.Option(
        "--seeds",
        help="Number of seeds, instead of the study's own.",
        min=1,
        metavar="N",
        show_default=False,
    ),
]

if TYPE_CHECKING:
    from cnnbuild.studies.plan import StudyPlan


def run(
    study: Annotated[
        str, typer.Argument(help="Study file, with @variant for a variant of it.", metavar="STUDY[@VARIANT]")
    ],
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset",
            "-d",
            help="Data set to run on instead of the study's own. May be repeated.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    data_root: DataRootOption = None,
    set_: SetOption = None,
    plugin: PluginOption = None,
    seeds: SeedsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder of the results (otherwise runs/<study>).",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and print the plan; train nothing.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Run a study: check it, train what is not finished, compare, and write the report.

    What is finished is not run again: the same command goes on where it was stopped, and runs what was
    changed.
    """
    from cnnbuild.lang.layer_study import names_layer_study
    from cnnbuild.lang.reference import split_reference
    from cnnbuild.lang.study import read_study
    from cnnbuild.layers.plugins import registry_with

    if names_layer_study(study):
        flags = {"--dataset": dataset, "--data-root": data_root}
        run_layers(study, set_, plugin, flags, seeds=seeds, out=out, dry_run=dry_run, quiet=quiet)
        return
    path, variant = split_reference(study)
    document = read_study(
        path, variant=variant, settings=parse_settings(set_), datasets=dataset or None, seeds=seeds
    )
    registry = registry_with(plugin or ())
    from cnnbuild.studies.naming import default_folder
    from cnnbuild.studies.plan import plan_study

    folder = out if out is not None else default_folder(document)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; --out names a folder")
    plan = plan_study(document, data_root=data_root, registry=registry)
    if dry_run:
        _print_plan(plan)
        return
    _run(plan, folder, data_root, quiet=quiet)  # faults were shown before torch is loaded


def _print_plan(plan: StudyPlan) -> None:
    from cnnbuild.cli.study_tables import plan_table, print_table

    _print_warnings(plan.warnings)
    print_table(plan_table(plan))
    typer.echo(f"{counted(len(plan.cells), 'run')}; every network fits its data. Nothing was trained.")


def _run(plan: StudyPlan, folder: Path, data_root: Path | None, *, quiet: bool) -> None:
    """Run the study, show it, and leave with 1 where a run has no result.

    Raises:
        typer.Exit: 1 after a failed run, 130 after Ctrl-C, 143 after SIGTERM.
    """
    from cnnbuild.cli.progress import StudyProgress
    from cnnbuild.cli.study_tables import print_table, results_table
    from cnnbuild.report.page import write_report
    from cnnbuild.studies.findings import findings_of
    from cnnbuild.studies.run import run_plan

    with StudyProgress(quiet=quiet) as progress:
        try:
            results = run_plan(plan, out=folder, data_root=data_root, on_event=progress)
        except KeyboardInterrupt as stop:
            progress.close()
            total = progress.total
            count = f"{progress.ended} of {counted(total, 'run')} finished. " if total else ""
            typer.echo(f"Stopped. {count}The same command goes on from there.", err=True)
            if total:  # a page of an earlier start would no longer be of this study
                typer.echo(f"Report of what is finished: {write_report(folder)}", err=True)
            raise typer.Exit(stop.exit_code if isinstance(stop, RunInterruptedError) else 130) from None
    page = write_report(folder)
    print_table(results_table(results))
    for finding in findings_of(results):
        _print_wrapped(finding.sentence, "- ")
        for confounder in finding.confounders:
            _print_wrapped(confounder, "    ")
    typer.echo(f"Report: {page}")
    if results.failed:
        raise typer.Exit(1)


def _print_wrapped(sentence: str, indent: str) -> None:
    """Print a sentence, broken between words at the width of the terminal."""
    width = shutil.get_terminal_size().columns
    typer.echo(textwrap.fill(sentence, width, initial_indent=indent, subsequent_indent=" " * len(indent)))


def _print_warnings(warnings: tuple[object, ...]) -> None:
    for warning in warnings:
        echo_faults(f"{warning}\n")
