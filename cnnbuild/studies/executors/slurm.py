"""Runs on a Slurm cluster: one job per attempt, those that begin together as one array.

A job starts the worker as a process of its own (`node_work`) and tells how it ended in the run's folder;
Slurm's accounting is asked only for what ended without a word. Whether to try again is not Slurm's.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnbuild.studies.executors.assignment import assignment_of
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.executors.placement import Need
from cnnbuild.studies.executors.requests import ask, forget, told
from cnnbuild.studies.executors.slurm_exits import exit_of_state, is_living
from cnnbuild.studies.executors.slurm_options import SlurmOptions
from cnnbuild.studies.executors.slurm_queue import SlurmQueue, Submitted
from cnnbuild.studies.job import Job

MOST_QUEUED = 256
"""How many runs are queued at once where `--jobs` says nothing: Slurm decides how many of them work."""

LOOK_SECONDS = 1.0
"""How often the runs' folders are looked at."""

ASK_SECONDS = 15.0
"""How often Slurm is asked; `sacct` is a burden to a cluster."""

WORD_SECONDS = 10.0
"""How long the word of a job that is over may need to be seen on this machine."""

FORCE_SECONDS = 15.0
"""After which a job that was to kill its worker, and did not end, is cancelled."""

CLOSING_SECONDS = 5.0


@dataclass(slots=True)
class _Queued:
    """One attempt that has been handed to Slurm."""

    folder: Path
    token: str
    submitted: Submitted
    begin: float
    host: str = ""
    over_since: float | None = None
    killed_at: float | None = None


class SlurmExecutor:
    """Runs as jobs of Slurm, up to `jobs` queued at once; their files lie in the study's folder `slurm`."""

    name = "slurm"

    def __init__(
        self,
        *,
        options: Mapping[str, str],
        jobs: int | None = None,
        queue: SlurmQueue | None = None,
    ) -> None:
        """Look whether Slurm is there; `options` are those of `SlurmOptions`.

        Raises:
            UsageError: an option is faulty, submitit is not installed, or a command of Slurm is missing.
        """
        self._options = SlurmOptions.of(options)
        self._queue = queue if queue is not None else SlurmQueue(self._options)
        self._jobs = jobs
        self._queued: dict[str, _Queued] = {}
        self._ended: list[Exit] = []
        self._looked = self._asked = float("-inf")

    @property
    def slots(self) -> int:
        """How many jobs may be queued at once."""
        return MOST_QUEUED if self._jobs is None else self._jobs

    @property
    def per_machine(self) -> int:
        """1: a job has processors of its own, and where Slurm puts the others nobody knows before."""
        return 1

    def free_slots(self) -> int:
        """How many more jobs `start` takes now."""
        return max(0, self.slots - len(self._queued))

    def start(self, jobs: Sequence[Job]) -> None:
        """Queue one job of Slurm's per run, those with the same needs as one array.

        Raises:
            RunError: Slurm refuses them, or a run's folder cannot be written.
        """
        alike: dict[tuple[Path, Need], list[Job]] = defaultdict(list)
        for job in jobs:
            alike[job.path.parent.parent / "slurm", self._need_of(job)].append(job)
        for (folder, need), group in alike.items():
            tokens = [uuid.uuid4().hex for _ in group]
            for job, token in zip(group, tokens, strict=True):
                ask(job.path, token, "work")
            assignments = [assignment_of(job, token) for job, token in zip(group, tokens, strict=True)]
            submitted = self._queue.submit(assignments, need, folder)
            for job, token, one in zip(group, tokens, submitted, strict=True):
                self._queued[job.name] = _Queued(job.path, token, one, time.monotonic())

    def is_running(self, name: str) -> bool:
        """Whether a node works on the run."""
        queued = self._queued.get(name)
        if queued is None:
            return False
        if not queued.host and (word := told(queued.folder, queued.token)) is not None:
            queued.host = word.host
        return bool(queued.host)

    def wait(self, seconds: float) -> list[Exit]:
        """Those that ended, as soon as one has; after `seconds` at the latest, then perhaps none."""
        deadline = time.monotonic() + seconds
        while True:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self._look_for_words()
                self._look_for_lost()
                self._looked = time.monotonic()
            left = deadline - time.monotonic()
            if self._ended or left <= 0:
                ended, self._ended = self._ended, []
                return ended
            time.sleep(min(left, LOOK_SECONDS))

    def stop(self, name: str, *, kill: bool) -> None:
        """Ask a worker to write a checkpoint and end, or `kill` it and its children; `wait` tells when."""
        queued = self._queued.get(name)
        if queued is None:
            return
        ask(queued.folder, queued.token, "kill" if kill else "stop")
        self._queue.cancel([queued.submitted.id], waiting_only=True)
        self._asked = float("-inf")  # whether it was only waiting, Slurm knows
        if kill and queued.killed_at is None:
            queued.killed_at = time.monotonic()

    def close(self) -> None:
        """Kill what still runs and take the rest off the queue."""
        for queued in self._queued.values():
            ask(queued.folder, queued.token, "kill")
        deadline = time.monotonic() + CLOSING_SECONDS
        while any(self.is_running(name) for name in self._queued) and time.monotonic() < deadline:
            self._look_for_words()
            time.sleep(LOOK_SECONDS)
        self._queue.cancel([queued.submitted.id for queued in self._queued.values()])
        for queued in self._queued.values():
            forget(queued.folder)
        self._queued.clear()

    def _need_of(self, job: Job) -> Need:
        """What Slurm is asked for: a GPU where the recipe needs one, or may use those of the options."""
        device = job.recipe.get("device", "auto")
        least = 1 if device == "cuda" else 0
        gpus = 0 if device == "cpu" else max(least, self._options.gpus or 0)
        return Need(cpus=job.threads, gpus=gpus, memory_bytes=job.memory_bytes)

    def _look_for_words(self) -> None:
        """Note the exits that nodes have told."""
        for name, queued in tuple(self._queued.items()):
            word = told(queued.folder, queued.token)
            if word is not None and word.exit is not None:
                ended = word.exit
                exit_ = Exit(name, ended.cause, ended.code, ended.reason, word.host, ended.seconds)
                self._note(exit_)

    def _look_for_lost(self) -> None:
        """Note the exits of jobs that are over, and whose word should have come by now; cancel what hangs."""
        now = time.monotonic()
        if now - self._asked >= ASK_SECONDS:
            self._queue.ask([queued.submitted for queued in self._queued.values()])
            self._asked = now
        for name, queued in tuple(self._queued.items()):
            if queued.killed_at is not None and now - queued.killed_at > FORCE_SECONDS:
                self._queue.cancel([queued.submitted.id])
                queued.killed_at = now
            state = queued.submitted.state
            if is_living(state):
                queued.over_since = None
            elif queued.over_since is None:
                queued.over_since = now
            elif now - queued.over_since >= WORD_SECONDS:
                host = queued.host if self.is_running(name) else ""
                seconds, log = now - queued.begin, str(queued.submitted.log)
                self._note(exit_of_state(name, state, host=host, seconds=seconds, log=log))

    def _note(self, ended: Exit) -> None:
        self._ended.append(ended)
        forget(self._queued.pop(ended.name).folder)
