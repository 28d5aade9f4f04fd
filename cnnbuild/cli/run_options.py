"""The flags of `cnnbuild run`, and those of them that say how its runs are worked on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.studies.execution import Execution

EXECUTION = "How runs are worked on"

StudyArgument = Annotated[
    str, typer.Argument(help="Study file, with @variant for a variant of it.", metavar="STUDY[@VARIANT]")
]
DatasetsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dataset",
        "-d",
        help="Data set to run on instead of the study's own. May be repeated.",
        metavar="NAME",
        show_default=False,
    ),
]
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
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        help="Run only these: an architecture ('res*': several), dataset=cifar10, seed=1. May be repeated.",
        metavar="PATTERN",
        show_default=False,
    ),
]
StudyFolderOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="Folder of the results (otherwise runs/<study>).",
        metavar="DIR",
        show_default=False,
    ),
]
TrackOption = Annotated[
    list[str] | None,
    typer.Option(
        "--track",
        help="Send runs that ended to tensorboard, tensorboard=DIR, mlflow or mlflow=URI. May be repeated.",
        metavar="TRACKER",
        show_default=False,
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Check everything and print the plan; train nothing.")
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        help="Runs at once (otherwise one per core, or one per GPU).",
        min=1,
        metavar="N",
        show_default=False,
        rich_help_panel=EXECUTION,
    ),
]
ExecutorOption = Annotated[
    str,
    typer.Option(
        "--executor",
        help="Processes of this machine, a Ray or a Slurm cluster, or this process alone.",
        metavar="local|ray|slurm|inline",
        rich_help_panel=EXECUTION,
    ),
]
SlurmOption = Annotated[
    list[str] | None,
    typer.Option(
        "--slurm",
        help="Options of the Slurm executor: partition=gpu,time=60. May be repeated.",
        metavar="K=V,…",
        show_default=False,
        rich_help_panel=EXECUTION,
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        help="The most that one run may use: 2GB or 2GiB. Beyond it, it has run out of memory.",
        metavar="BYTES",
        show_default=False,
        rich_help_panel=EXECUTION,
    ),
]
FailFastOption = Annotated[
    bool,
    typer.Option(
        "--fail-fast",
        help="Begin no further run after one without a result.",
        rich_help_panel=EXECUTION,
    ),
]
StallAfterOption = Annotated[
    float | None,
    typer.Option(
        "--stall-after",
        help="End a run that gave no sign of life for so long (otherwise 900); 0 for never.",
        min=0,
        metavar="SECONDS",
        show_default=False,
        rich_help_panel=EXECUTION,
    ),
]


def execution_asked(
    executor: str,
    *,
    jobs: int | None,
    memory: str | None,
    fail_fast: bool,
    stall_after: float | None,
    slurm: Iterable[str],
) -> Execution:
    """What the flags say of how runs are worked on.

    Raises:
        UsageError: one cannot be read, or they contradict each other.
    """
    from cnnbuild.studies.execution import Execution, executor_named, memory_of

    execution = Execution(
        executor=executor_named(executor),
        jobs=jobs,
        memory_bytes=None if memory is None else memory_of(memory),
        fail_fast=fail_fast,
        stall_after=stall_after,
        slurm=_assignments(slurm),
    )
    execution.require_agreement()
    return execution


def _assignments(words: Iterable[str]) -> dict[str, str]:
    """`partition=gpu,time=60` as a mapping; the last of a name wins."""
    found: dict[str, str] = {}
    for word in words:
        for assignment in word.split(","):
            name, equals, value = assignment.partition("=")
            if not equals or not name.strip() or not value.strip():
                raise UsageError(f"--slurm takes name=value,…, such as partition=gpu,time=60, not '{word}'")
            found[name.strip()] = value.strip()
    return found
