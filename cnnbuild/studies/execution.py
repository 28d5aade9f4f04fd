"""How the runs of a study are to be worked on: what was asked for, and the workers that do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

from cnnbuild.errors import UsageError
from cnnbuild.lang.quantities import BYTE_UNITS, quantity
from cnnbuild.studies.executors.choose import (
    default_jobs,
    make_executor,
    require_executor,
    require_jobs,
    threads_for,
)
from cnnbuild.studies.executors.executor import Executor
from cnnbuild.studies.plan import StudyPlan
from cnnbuild.studies.policy import Policy
from cnnbuild.studies.study_file import Invocation
from cnnbuild.texts import did_you_mean

ExecutorName: TypeAlias = Literal["local", "ray", "slurm", "inline"]
EXECUTORS: tuple[ExecutorName, ...] = get_args(ExecutorName)

LEAST_MEMORY = 300 * 10**6  # bytes; a process in which torch is loaded has more (measured: 400 MB)


@dataclass(frozen=True, slots=True)
class Execution:
    """By which executor, how many runs at once, and when a run is given up; None leaves it to the executor.

    `inline` works in the calling process, on one run after the other, and can neither watch the memory of a
    run nor end it. `memory_bytes` is the most that one run may use. After a run without a result `fail_fast`
    begins nothing new. A run without a sign of life for `stall_after` seconds is ended; 0 waits for ever.
    `slurm` are options of the cluster's scheduler.
    """

    executor: ExecutorName = "local"
    jobs: int | None = None
    memory_bytes: int | None = None
    fail_fast: bool = False
    stall_after: float | None = None
    slurm: Mapping[str, str] = field(default_factory=dict)

    @property
    def policy(self) -> Policy:
        """How failures are met."""
        policy = Policy(fail_fast=self.fail_fast)
        if self.stall_after is None:
            return policy
        return replace(policy, stall_seconds=self.stall_after or None)

    def share_of(self, plan: StudyPlan) -> tuple[int, int]:
        """How many runs of a plan are worked on at once on this machine, and the threads of each.

        Of a cluster nothing is known before it is asked: one run, and one thread.
        """
        jobs = self.jobs or 1
        if self.executor == "local" and self.jobs is None:
            devices = frozenset(cell.recipe.device for cell in plan.cells)
            jobs = max(1, min(default_jobs(devices), len(plan.cells)))
        return jobs, threads_for(jobs, self.executor)

    def kept_in(self, invocation: Invocation) -> Invocation:
        """The invocation with what another start has to know of this."""
        return invocation.model_copy(
            update={
                "executor": self.executor,
                "jobs": self.jobs,
                "memory_bytes": self.memory_bytes,
                "stall_after": self.stall_after,
                "slurm": dict(self.slurm),
            }
        )

    def require_agreement(self) -> None:
        """Do nothing if the wishes can be honoured together.

        Raises:
            UsageError: one is out of range, or is not for this executor.
        """
        require_jobs(self.executor, self.jobs)
        if self.stall_after is not None and not 0 <= self.stall_after < float("inf"):
            raise UsageError(f"stall-after is a number of seconds, 0 for never, not {self.stall_after}")
        if self.memory_bytes is not None and self.memory_bytes < LEAST_MEMORY:
            raise UsageError(
                f"memory: a process that has loaded torch has more than {self.memory_bytes:,} bytes; "
                "give each run 1GB or more"
            )
        if self.slurm and self.executor != "slurm":
            raise UsageError(f"options of Slurm are for the executor slurm, not {self.executor}")
        if self.executor == "inline":
            self._require_inline()

    def require_means(self) -> None:
        """Do nothing if the executor could be made, as far as that is known without starting anything.

        Raises:
            UsageError: what it needs is not here, or an option of Slurm's is faulty; as a start would say.
        """
        require_executor(self.executor, slurm=self.slurm)

    def _require_inline(self) -> None:
        why = "the executor inline works in this process"
        if self.jobs not in (None, 1):
            raise UsageError(f"{why}, on one run after the other: leave jobs out, or take the executor local")
        if self.memory_bytes is not None:
            raise UsageError(f"{why}, whose memory it cannot limit: leave memory out, or take local")
        if self.stall_after:
            raise UsageError(f"{why}, and cannot end a run that stalls: leave stall-after out, or take local")


@dataclass(frozen=True, slots=True)
class Workers:
    """Who works on runs: up to `slots` at once with `threads` each; this process without an `executor`.

    Of them `per_machine` may share one machine.
    """

    executor: Executor | None
    slots: int = 1
    threads: int | None = None
    per_machine: int = 1


@contextmanager
def workers_for(execution: Execution, plan: StudyPlan) -> Iterator[Workers]:
    """The workers for a plan; at the end none of them is left.

    Raises:
        UsageError: the wishes contradict each other, or what the executor needs is not installed.
        RunError: the cluster cannot be reached.
    """
    execution.require_agreement()
    jobs, threads = execution.share_of(plan)
    is_local = execution.executor == "local"
    executor = make_executor(
        execution.executor,
        jobs=jobs if is_local else execution.jobs,
        threads=threads if is_local else None,
        memory_bytes=execution.memory_bytes,
        recipe_devices=frozenset(cell.recipe.device for cell in plan.cells),
        slurm=execution.slurm,
    )
    if executor is None:
        yield Workers(None)
        return
    try:
        yield Workers(executor, executor.slots, threads, executor.per_machine)
    finally:
        executor.close()


def executor_named(name: str) -> ExecutorName:
    """The executor of this name.

    Raises:
        UsageError: there is none.
    """
    for known in EXECUTORS:
        if name == known:
            return known
    hint = did_you_mean(name, EXECUTORS, listing="known executors")
    raise UsageError(f"there is no executor '{name}'; {hint}")


def memory_of(text: str) -> int:
    """The bytes of `2GB` (10^9 each) or `2GiB` (2^30 each).

    Raises:
        UsageError: it is no size.
    """
    size = quantity(text, BYTE_UNITS)
    if size is None or size <= 0:
        raise UsageError(f"memory is a size such as 2GB (10^9) or 2GiB (2^30), not '{text}'")
    return int(size)
