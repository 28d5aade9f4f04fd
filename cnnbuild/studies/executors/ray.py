"""Runs on a Ray cluster: one Ray task per attempt, nothing but tasks. Whether to try again is not Ray's.

Each task starts the worker as a process of its own (`node_work`), so that what ends a worker ends no task.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.studies.executors.assignment import assignment_of
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.executors.placement import Need, Room, need_of, slots_in, why_unplaceable
from cnnbuild.studies.executors.ray_cluster import RayCluster
from cnnbuild.studies.executors.ray_exits import exit_of_error, exit_of_word
from cnnbuild.studies.executors.requests import ask, forget, told
from cnnbuild.studies.job import Job

if TYPE_CHECKING:
    from ray import ObjectRef

    from cnnbuild.studies.executors.requests import NodeWord

LOOK_SECONDS = 1.0
"""How often the cluster is asked which of its nodes live."""

FORCE_SECONDS = 10.0
"""After which a task that was to kill its worker, and did not end, is ended itself."""


@dataclass(slots=True)
class _Task:
    """One attempt that has been handed to Ray."""

    folder: Path
    token: str
    need: Need
    ref: ObjectRef[NodeWord]
    begin: float
    host: str = ""
    killed_at: float | None = None

    @property
    def started(self) -> bool:
        """Whether a node has said that it works on it."""
        if not self.host and (word := told(self.folder, self.token)) is not None:
            self.host = word.host
        return bool(self.host)


@dataclass(slots=True)
class _Living:
    """The nodes that live, as they were when last asked for."""

    rooms: tuple[Room, ...] = ()
    asked_at: float = field(default=float("-inf"))


class RayExecutor:
    """Runs on the nodes of a Ray cluster; `notes` are what its user should know of the cluster.

    `jobs` is the most that run at once, None as many as fit. `threads` and `memory_bytes` are those of a run,
    from which its places are counted; `gpu` is whether a run takes a GPU where the cluster has any.
    """

    name = "ray"

    def __init__(
        self,
        *,
        jobs: int | None = None,
        threads: int = 1,
        memory_bytes: int | None = None,
        gpu: bool = True,
        address: str | None = None,
    ) -> None:
        """Connect to the cluster.

        Raises:
            UsageError: Ray is not installed, or the cluster at `address` (or $RAY_ADDRESS) does not answer.
        """
        self._cluster = RayCluster(address)
        self.notes = self._cluster.notes
        self._jobs = jobs
        self._threads = threads
        self._memory_bytes = memory_bytes
        self._gpu = gpu
        self._tasks: dict[str, _Task] = {}
        self._ended: list[Exit] = []
        self._living = _Living()

    @property
    def slots(self) -> int:
        """How many runs the living nodes hold at once; 1 where they hold none, so that a run may say why."""
        rooms = self._rooms()
        return self._at_most(slots_in(rooms, self._need(rooms)))

    @property
    def per_machine(self) -> int:
        """How many the living node holds that holds most."""
        rooms = self._rooms()
        need = self._need(rooms)
        return self._at_most(max((room.holds(need) for room in rooms), default=1))

    def _need(self, rooms: Sequence[Room]) -> Need:
        has_gpus = any(room.gpus > 0 for room in rooms)
        return Need(self._threads, int(self._gpu and has_gpus), self._memory_bytes)

    def _at_most(self, fitting: int) -> int:
        fitting = max(1, fitting)
        return fitting if self._jobs is None else min(fitting, self._jobs)

    def free_slots(self) -> int:
        """How many more jobs `start` takes now."""
        return max(0, self.slots - len(self._tasks))

    def start(self, jobs: Sequence[Job]) -> None:
        """Hand one task per job to Ray; what no living node can hold has ended at once, as `wait` tells.

        Raises:
            RunError: the cluster is gone, or a run's folder cannot be written.
        """
        rooms = self._rooms()
        for job in jobs:
            need = need_of(job, cluster_has_gpus=any(room.gpus > 0 for room in rooms))
            if reason := why_unplaceable(rooms, need):
                self._ended.append(Exit(job.name, "unplaceable", reason=reason))
                continue
            token = uuid.uuid4().hex
            ask(job.path, token, "work")
            ref = self._cluster.submit(assignment_of(job, token), need, name=job.name)
            self._tasks[job.name] = _Task(job.path, token, need, ref, time.monotonic())

    def is_running(self, name: str) -> bool:
        """Whether a node works on the run."""
        task = self._tasks.get(name)
        return task is not None and task.started

    def wait(self, seconds: float) -> list[Exit]:
        """Those that ended, as soon as one has; after `seconds` at the latest, then perhaps none.

        Raises:
            RunError: the cluster is gone.
        """
        deadline = time.monotonic() + seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            self._collect(0.0 if self._ended else min(left, LOOK_SECONDS))
            self._give_up_waiting()
            self._force_killed()
            if self._ended or time.monotonic() >= deadline:
                ended, self._ended = self._ended, []
                return ended

    def stop(self, name: str, *, kill: bool) -> None:
        """Ask a worker to write a checkpoint and end, or `kill` it and its children; `wait` tells when."""
        task = self._tasks.get(name)
        if task is None:
            return
        ask(task.folder, task.token, "kill" if kill else "stop")
        if not task.started:  # where it has just begun, the task takes it for the same request
            self._cluster.cancel(task.ref)
        if kill and task.killed_at is None:
            task.killed_at = time.monotonic()

    def close(self) -> None:
        """Kill what still runs and give everything back."""
        for name in tuple(self._tasks):
            self.stop(name, kill=True)
        deadline = time.monotonic() + FORCE_SECONDS
        while self._tasks and time.monotonic() < deadline:
            self._collect(LOOK_SECONDS)
        for task in self._tasks.values():
            self._cluster.cancel(task.ref, force=True)
            forget(task.folder)
        self._tasks.clear()
        self._cluster.close()

    def _collect(self, seconds: float) -> None:
        """Note the exits of tasks that ended, waiting `seconds` for the first."""
        names = {task.ref: name for name, task in self._tasks.items()}
        for ref, result in self._cluster.ended(tuple(names), seconds):
            name = names[ref]
            task = self._tasks[name]
            if isinstance(result, Exception):
                lasted = time.monotonic() - task.begin
                where = task.host if task.started else ""
                self._note(exit_of_error(name, result, host=where, seconds=lasted))
            else:
                self._note(exit_of_word(name, result))

    def _note(self, ended: Exit) -> None:
        self._ended.append(ended)
        forget(self._tasks.pop(ended.name).folder)

    def _give_up_waiting(self) -> None:
        """End the runs that wait for a place which no living node has any more."""
        rooms = self._rooms()
        for name, task in tuple(self._tasks.items()):
            reason = why_unplaceable(rooms, task.need)
            if reason and not task.started:
                self._cluster.cancel(task.ref)
                self._note(Exit(name, "unplaceable", reason=reason))

    def _force_killed(self) -> None:
        now = time.monotonic()
        for task in self._tasks.values():
            if task.killed_at is not None and now - task.killed_at > FORCE_SECONDS:
                self._cluster.cancel(task.ref, force=True)
                task.killed_at = now

    def _rooms(self) -> tuple[Room, ...]:
        now = time.monotonic()
        if now - self._living.asked_at >= LOOK_SECONDS:
            self._living = _Living(self._cluster.rooms(), now)
        return self._living.rooms
