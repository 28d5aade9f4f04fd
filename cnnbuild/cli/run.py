"""`cnnbuild run`: a study from its file to its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cnnbuild.cli.options import DataRootOption, QuietOption, SetOption, TrustOption, parse_settings
from cnnbuild.cli.run_layers import run_layers
from cnnbuild.cli.run_options import (
    DatasetsOption,
    DryRunOption,
    ExecutorOption,
    FailFastOption,
    JobsOption,
    MemoryOption,
    OnlyOption,
    SeedsOption,
    SlurmOption,
    StallAfterOption,
    StudyArgument,
    StudyFolderOption,
    TrackOption,
    execution_asked,
)
from cnnbuild.cli.target import PluginOption
from cnnbuild.cli.terminal import counted, echo_faults

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cnnbuild.studies.execution import Execution
    from cnnbuild.studies.plan import StudyPlan
    from cnnbuild.studies.study_file import Invocation
    from cnnbuild.studies.trackers.tracker import Target


def run(
    study: StudyArgument,
    dataset: DatasetsOption = None,
    data_root: DataRootOption = None,
    set_: SetOption = None,
    plugin: PluginOption = None,
    seeds: SeedsOption = None,
    out: StudyFolderOption = None,
    dry_run: DryRunOption = False,
    only: OnlyOption = None,
    trust: TrustOption = False,
    jobs: JobsOption = None,
    executor: ExecutorOption = "local",
    memory: MemoryOption = None,
    stall_after: StallAfterOption = None,
    fail_fast: FailFastOption = False,
    slurm: SlurmOption = None,
    track: TrackOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run a study: check it, train what is not finished, compare, and write the report.

    What is finished is not run again: the same command goes on where it was stopped, and runs what was
    changed. Each run has a process of its own; one that fails is reported at once, and stops no other.
    """
    from cnnbuild.lang.layer_study import names_layer_study
    from cnnbuild.lang.reference import split_reference
    from cnnbuild.studies.opening import invocation_of, open_study
    from cnnbuild.studies.trackers.tracker import installed_targets

    of_training: dict[str, object] = {
        "--dataset": dataset, "--data-root": data_root, "--only": only, "--jobs": jobs,
        "--executor": executor != "local", "--memory": memory, "--stall-after": stall_after,
        "--fail-fast": fail_fast, "--slurm": slurm, "--track": track,
    }  # fmt: skip
    if names_layer_study(study):
        run_layers(
            study, set_, plugin, of_training, seeds=seeds, out=out, dry_run=dry_run, quiet=quiet, trust=trust
        )
        return
    execution = execution_asked(
        executor, jobs=jobs, memory=memory, fail_fast=fail_fast, stall_after=stall_after, slurm=slurm or ()
    )
    path, variant = split_reference(study)
    wanted = invocation_of(
        path, variant=variant, settings=parse_settings(set_), datasets=dataset, seeds=seeds,
        data_root=data_root, plugins=plugin or (), trust=trust,
    )  # fmt: skip
    opened, chosen = open_study(path, wanted, plugin or ()), tuple(only or ())
    folder = opened.folder(out)
    narrowed = opened.narrowed(chosen)
    trackers = installed_targets(track or (), folder)
    if dry_run:
        _print_plan(narrowed, execution, folder)
        return
    from cnnbuild.cli.run_shown import StudyOrder, run_shown  # torch: after all faults were shown

    told = _kept(wanted, execution, trackers)
    order = StudyOrder(opened.plan, folder, data_root, execution, opened.plugins, chosen, told, trackers)
    run_shown(order, quiet=quiet)


def _kept(wanted: Invocation, execution: Execution, trackers: Iterable[Target]) -> Invocation:
    """What `cnnbuild resume` is told of this start."""
    tracked = tuple(f"{target.name}={target.where}" for target in trackers)
    return execution.kept_in(wanted).model_copy(update={"track": tracked})


def _print_plan(plan: StudyPlan, execution: Execution, folder: Path) -> None:
    """Print what would run, and how long that would take."""
    from cnnbuild.cli.study_tables import plan_table, print_table
    from cnnbuild.studies.estimate import estimate

    execution.require_means()
    _print_warnings(plan.warnings)
    jobs, threads = execution.share_of(plan)
    guess = estimate(plan, jobs=jobs, threads=threads, folder=folder)
    print_table(plan_table(plan, guess))
    typer.echo(f"{counted(len(plan.cells), 'run')}; every network fits its data. Nothing was trained.")
    typer.echo(f"Time: {guess.describe()}")


def _print_warnings(warnings: tuple[object, ...]) -> None:
    for warning in warnings:
        echo_faults(f"{warning}\n")
