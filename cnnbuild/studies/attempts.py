"""One attempt at a run: begun, and then the record of it or the next one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cnnbuild.errors import RunError
from cnnbuild.studies.adoption import Left, attempt_at, completed
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.job import Job
from cnnbuild.studies.jobs_of_plan import JobMaker, PlannedRun, planned_recipe, record_without_outcome
from cnnbuild.studies.policy import Ending, Tally, Verdict
from cnnbuild.studies.record import Attempt, CellRecord
from cnnbuild.studies.run_folder import RunFolder
from cnnbuild.studies.signs_of_life import ProgressTail, Pulse


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that is to be started; what attempts before left, and how often it was tried again."""

    run: PlannedRun
    left: Left
    tally: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class Running:
    """A run that a worker was started, or queued, for.

    `started` is ISO 8601 in UTC. `told` is whether the worker is known to have begun. `silent_seconds` is for
    how long it had given no sign of life when it was ended for that, else None.
    """

    waiting: Waiting
    job: Job
    tail: ProgressTail
    pulse: Pulse
    started: str
    resumed: bool
    told: bool = False
    silent_seconds: float | None = None


def prepared(waiting: Waiting, jobs: JobMaker) -> Running:
    """The next attempt at a run, its `job.json` written.

    Raises:
        RunError: the run's folder cannot be written.
    """
    job = jobs.job_of(waiting.run, waiting.left)
    try:
        (job.path / "pulse").unlink(missing_ok=True)
        job.write()
        (job.path / "outcome.json").unlink(missing_ok=True)  # of the attempt before, which the job names
    except OSError as error:
        raise RunError(f"{job.path} cannot be written: {error.strerror}") from error
    return Running(
        waiting,
        job,
        ProgressTail(job.path / "progress.jsonl"),
        Pulse(job.path / "pulse", time.monotonic()),
        datetime.now(UTC).isoformat(timespec="seconds"),
        resumed=bool(RunFolder(job.path).checkpoints),
    )


def next_attempt(
    one: Running, ended: Exit, ending: Ending, outcome: CellRecord | None, verdict: Verdict
) -> tuple[Waiting, Attempt]:
    """A run that is tried again, and the attempt that ended."""
    run, tally = one.waiting.run, one.waiting.tally
    seconds = ended.seconds if outcome is None else outcome.seconds
    attempt = _attempt(one, ended, ending, seconds)
    if verdict.again == "smaller":
        tally = replace(tally, memory=tally.memory + 1)
    else:
        tally = replace(tally, killed=tally.killed + 1)
    planned = run.cell.recipe.accumulate
    accumulate = None if verdict.accumulate == planned else verdict.accumulate
    left = Left((*one.job.earlier, attempt), accumulate, one.job.threads)
    return Waiting(run, left, tally), attempt


def record_of(one: Running, ended: Exit, ending: Ending, outcome: CellRecord | None) -> CellRecord:
    """The record of a run that is not tried again."""
    run, job = one.waiting.run, one.job
    if outcome is None:
        record = record_without_outcome(run, job, started=one.started, seconds=ended.seconds)
    else:
        record = planned_recipe(run, outcome)
    attempt = _attempt(one, ended, ending, record.seconds)
    return completed(replace(record, state=ending.state, reason=ending.reason), job, attempt)


def _attempt(one: Running, ended: Exit, ending: Ending, seconds: float) -> Attempt:
    return attempt_at(
        one.job, ending.state, ending.reason, seconds=seconds, resumed=one.resumed, host=ended.host
    )
