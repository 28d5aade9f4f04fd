"""`cnnbuild resume`: what was stopped goes on, with nothing to be said again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.options import DataRootOption, QuietOption
from cnnbuild.cli.target import PluginOption
from cnnbuild.cli.terminal import counted
from cnnbuild.errors import UsageError
from cnnbuild.studies.layer_folder import refuse_to_resume

if TYPE_CHECKING:
    from cnnbuild.studies.resumption import Changes
    from cnnbuild.studies.study_file import Invocation

SHOWN = 5  # runs of each kind of change


FolderArgument = Annotated[
    Path, typer.Argument(help="Folder of a study, or of a run of `cnnbuild train`.", metavar="FOLDER")
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", help="Runs at once (otherwise as before).", min=1, metavar="N", show_default=False
    ),
]
ExecutorOption = Annotated[
    str | None,
    typer.Option(
        "--executor",
        help="Where runs are worked on (otherwise as before).",
        metavar="local|ray|slurm|inline",
        show_default=False,
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        help="The most that one run may use: 2GB (otherwise as before).",
        metavar="BYTES",
        show_default=False,
    ),
]
TrustFolderOption = Annotated[
    bool, typer.Option("--trust", help="Run the Python files with layer types that the folder names.")
]


def resume(
    folder: FolderArgument,
    jobs: JobsOption = None,
    executor: ExecutorOption = None,
    memory: MemoryOption = None,
    trust: TrustFolderOption = False,
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
    quiet: QuietOption = False,
) -> None:
    """Go on with a study or a run that was stopped, exactly as it was started.

    What is finished is not run again. Where the study's file has changed since, it is said in what, and the
    file counts. `--only` and `--fail-fast` were for the start that had them: all that is left is run.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    if (folder / "study.json").is_file():
        changed = {
            "--jobs": None if jobs is None else str(jobs),
            "--executor": executor,
            "--memory": memory,
            "--data-root": None if data_root is None else str(data_root),
        }
        if plugin:
            raise UsageError("--plugin is for single runs; a study's are known, and --trust allows them")
        _resume_study(folder, changed, trust=trust, quiet=quiet)
        return
    study = folder.absolute().parent.parent
    if folder.absolute().parent.name == "cells" and (study / "study.json").is_file():
        raise UsageError(f"{folder} is a run of a study; resume that: cnnbuild resume {folder.parent.parent}")
    if not (folder / "run.json").is_file():
        refuse_to_resume(folder)
        raise UsageError(
            f"{folder} is neither the folder of a study nor of a run: `cnnbuild runs` lists them"
        )
    if jobs is not None or executor is not None or memory is not None:
        raise UsageError("--jobs, --executor and --memory are for studies; this is a single run")
    from cnnbuild.cli.resume_single import resume_single

    resume_single(folder, plugin or [], data_root=data_root, trust=trust, quiet=quiet)


def _resume_study(folder: Path, changed: dict[str, str | None], *, trust: bool, quiet: bool) -> None:
    """Start a study again, in this process, with the command line that it was started with.

    Raises:
        UsageError: it is not known how it was started, its file is gone, or it needs plugins.
    """
    from cnnbuild.cli.main import application
    from cnnbuild.studies.resumption import changes_since, invocation_of_folder
    from cnnbuild.studies.run_store import find_runs, has_lost_weights

    invocation = invocation_of_folder(folder)
    if (invocation.plugins or invocation.trust) and not trust:
        files = ", ".join(invocation.plugins) or "those that its file names"
        raise UsageError(f"{folder}: this study runs Python files ({files}); --trust allows it")
    kept = {"trust": trust, "data_root": changed["--data-root"] or invocation.data_root}
    found = changes_since(folder, invocation.model_copy(update=kept))
    runs = [run for run in find_runs([folder]) if run.asked]
    left = sum(run.state not in {"done", "diverged"} or has_lost_weights(run) for run in runs)
    if not found and not left:
        diverged = sum(run.state == "diverged" for run in runs)
        fate = f"; {counted(diverged, 'run')} diverged" if diverged else ""
        ended = "its 1 run has" if len(runs) == 1 else f"all of its {len(runs)} runs have"
        typer.echo(f"{folder} is finished: {ended} ended{fate}.")
        raise typer.Exit(1 if diverged else 0)
    if found:
        for line in _told(invocation, found):
            typer.echo(line, err=True)
    words = command_of(invocation, folder, changed, trust=trust, quiet=quiet)
    if not quiet:
        typer.echo(f"{counted(left, 'run')} to do. As it was started:")
        typer.echo(f"cnnbuild run {_shown(words)}")  # in one line, however long, so that it can be copied
    application(["run"])(["run", *words])


def command_of(
    invocation: Invocation,
    folder: Path,
    changed: dict[str, str | None],
    *,
    trust: bool,
    quiet: bool,
) -> list[str]:
    """The words after `cnnbuild run` that start a study as it was started; `changed` flags win."""
    variant = "" if invocation.variant is None else f"@{invocation.variant}"
    words = [f"{invocation.file}{variant}", "--out", str(folder)]
    for name, value in invocation.settings.items():
        words += ["--set", f"{name}={json.dumps(value)}"]
    for dataset in invocation.datasets or ():
        words += ["--dataset", dataset]
    for plugin in invocation.plugins:
        words += ["--plugin", plugin]
    before = {
        "--seeds": invocation.seeds,
        "--data-root": invocation.data_root,
        "--executor": None if invocation.executor == "local" else invocation.executor,
        "--jobs": invocation.jobs,
        "--memory": invocation.memory_bytes,
        "--stall-after": invocation.stall_after,
    }
    given = {flag: value for flag, value in changed.items() if value is not None}
    if given.get("--executor") == "inline":  # which knows none of them
        before |= {"--jobs": None, "--memory": None, "--stall-after": None}
    for flag, value in {**before, **given}.items():
        if value is not None:
            words += [flag, str(value)]
    if words_of_slurm := [f"{name}={value}" for name, value in invocation.slurm.items()]:
        words += ["--slurm", ",".join(words_of_slurm)] if given.get("--executor", "slurm") == "slurm" else []
    for tracker in invocation.track:
        words += ["--track", tracker]
    words += ["--trust"] if trust else []
    return [*words, "--quiet"] if quiet else words


def _shown(words: list[str]) -> str:
    import shlex

    return shlex.join(words)


def _told(invocation: Invocation, changes: Changes) -> list[str]:
    """In what a study's file differs from what was started."""
    kinds = (
        ("new", changes.new),
        ("changed, and run again", changes.changed),
        ("not asked for any more, and kept", changes.gone),
    )
    lines = [f"{invocation.file} or an architecture of it has changed since the study was started:"]
    for kind, labels in kinds:
        if labels:
            more = f", … ({len(labels) - SHOWN} more)" if len(labels) > SHOWN else ""
            lines.append(f"  {counted(len(labels), 'run')} {kind}: {'; '.join(labels[:SHOWN])}{more}")
    return lines
