"""What every executor can do. It starts processes and tells how they ended; it decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from cnnbuild.studies.job import Job

Cause: TypeAlias = Literal["ended", "signal", "memory", "preempted", "lost", "unplaceable"]
"""Why a worker is gone.

It ended by itself; a signal ended it; it used more memory than it may; its scheduler took its place away; its
machine was lost; or no machine can hold it.
"""


@dataclass(frozen=True, slots=True)
class Exit:
    """How the worker of the run `name` ended; what it found out lies in the run's folder.

    `code` is its exit code, negative the number of the signal that ended it, None where nobody knows.
    `reason` says more where the executor knows more. `host` is the machine it was on.
    """

    name: str
    cause: Cause
    code: int | None = None
    reason: str = ""
    host: str = ""
    seconds: float = 0.0


class Executor(Protocol):
    """Starts workers for jobs whose `job.json` has been written, and tells which of them ended."""

    @property
    def name(self) -> str:
        """What `--executor` calls it."""

    @property
    def slots(self) -> int:
        """How many jobs may be started or queued at once."""

    @property
    def per_machine(self) -> int:
        """How many of them may share one machine, and slow each other down."""

    def free_slots(self) -> int:
        """How many more jobs `start` takes now."""

    def start(self, jobs: Sequence[Job]) -> None:
        """Start, or queue, one worker per job.

        Raises:
            RunError: nothing can be started any more: the cluster is gone.
        """

    def is_running(self, name: str) -> bool:
        """Whether a worker has been started and not only queued, as far as is known."""

    def wait(self, seconds: float) -> list[Exit]:
        """Those that ended, as soon as one has; after `seconds` at the latest, then perhaps none."""

    def stop(self, name: str, *, kill: bool) -> None:
        """Ask a worker to write a checkpoint and end, or `kill` it and its children; `wait` tells when."""

    def close(self) -> None:
        """Kill what still runs and give everything back."""


@runtime_checkable
class Noting(Protocol):
    """An executor that has something to say of itself before it starts anything."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever watches the study should know."""
