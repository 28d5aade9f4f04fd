"""Runs as processes of this machine: one process, and one process group, for each that works.

A process that a short run has left as it found it stays in its slot, for the next run that may have it.

They are forked from a server that has torch and this package loaded already (`forkserver`), so that a run
begins in hundredths of a second; on Windows and macOS each process loads them (`spawn`).
`ProcessPoolExecutor` and `multiprocessing.Pool` will not do: a worker that is killed breaks the one for all
others, and is never missed by the other.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import util
from multiprocessing.connection import wait

from cnnbuild.errors import RunError
from cnnbuild.studies.executors.child import Task, run_worker
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.executors.fork_server import context_of_runs, start_process
from cnnbuild.studies.executors.local_process import Running, WorkerProcess, end_idle
from cnnbuild.studies.executors.memory_watch import MemoryWatch, SystemKills
from cnnbuild.studies.job import Job
from cnnbuild.studies.worker import DONE
from cnnbuild.system.processes import kill_group, signal_name

WITHOUT_SERVER = 255  # what multiprocessing gives for a process whose fork server cannot tell how it ended
SHORT_SECONDS = 2.0  # a longer run gains too little from a process that is there already
CLOSING_SECONDS = 10.0  # for which killed processes are waited for


class LocalExecutor:
    """Up to `slots` runs at once; slot number i has the i-th of `devices`, begun again where they are fewer.

    Without `devices` the recipe's `device` decides.
    """

    name = "local"

    def __init__(self, slots: int, *, devices: Sequence[str] = ()) -> None:
        self._slots = slots
        self._devices = tuple(devices)
        self._free = list(range(slots))
        self._running: dict[str, Running] = {}
        self._kept: dict[int, WorkerProcess] = {}  # by slot, processes without a run
        self._alone: set[str] = set()  # runs that want a new process
        self._watch = MemoryWatch(kill_group)
        self._system_kills = SystemKills()
        self._host = socket.gethostname()
        self._context = context_of_runs()
        # a process that waits for a run does not end by itself, and Python waits for it when it exits
        util.Finalize(self, end_idle, args=(self._kept, self._running), exitpriority=10)

    @property
    def slots(self) -> int:
        """How many runs may work at once."""
        return self._slots

    @property
    def per_machine(self) -> int:
        """All of them."""
        return self._slots

    def free_slots(self) -> int:
        """How many more may be started now."""
        return len(self._free)

    def start(self, jobs: Sequence[Job]) -> None:
        """Start one process per job.

        Raises:
            RunError: a process cannot be started, or there are more jobs than free slots.
        """
        if len(jobs) > len(self._free):
            raise RunError(f"{len(jobs)} runs do not fit into {len(self._free)} free slots")
        for job in jobs:
            slot = self._free[0]
            task = self._task(job, slot)
            kept = self._kept_worker(job, slot, task)
            worker = kept or self._new_worker(job, task)
            self._free.remove(slot)
            self._running[job.name] = Running(worker, slot, kept is not None)
            if job.memory_bytes is not None:
                self._watch.add(job.name, worker.pid, job.memory_bytes)

    def _task(self, job: Job, slot: int) -> Task:
        """What a process is told of a run.

        Code of the user's own, devices and threads leave traces in a process that nothing takes away.
        """
        device = self._devices[slot % len(self._devices)] if self._devices else ""
        foreign = job.plugins or job.own_types or device or job.device
        short_seconds = None if foreign or job.threads != 1 else SHORT_SECONDS
        return Task(job.folder, device, dict(os.environ), short_seconds)

    def _kept_worker(self, job: Job, slot: int, task: Task) -> WorkerProcess | None:
        """The slot's process, with the run handed to it; None where there is none that it may have."""
        worker = self._kept.pop(slot, None)
        if worker is None:
            return None
        if task.short_seconds is not None and job.name not in self._alone and worker.is_alive():
            with suppress(OSError):  # it is gone since
                worker.tasks.send(task)
                return worker
        worker.end()
        return None

    def _new_worker(self, job: Job, task: Task) -> WorkerProcess:
        ours, its = self._context.Pipe()
        process = self._context.Process(target=run_worker, args=(task, its), name=job.name, daemon=False)
        try:
            start_process(process)
        except (OSError, EOFError) as error:
            ours.close()
            raise RunError(f"no process can be started for {job.name}: {error}") from error
        finally:
            its.close()
        if process.pid is None:
            raise RunError(f"{job.name}: its process has no number")
        return WorkerProcess(process, process.pid, ours)

    def is_running(self, name: str) -> bool:
        """Whether a process works on the run."""
        return name in self._running

    def wait(self, seconds: float) -> list[Exit]:
        """Those that ended, as soon as one has; after `seconds` at the latest, then perhaps none."""
        sources = {source: name for name, one in self._running.items() for source in one.sources()}
        ready = wait(list(sources), seconds)
        names = dict.fromkeys(name for source, name in sources.items() if source in ready)
        return [ended for name in names if (ended := self._look_at(name)) is not None]

    def _look_at(self, name: str) -> Exit | None:
        """How a run ended, if it has."""
        running = self._running[name]
        has_told = running.has_told()
        if not has_told and running.worker.is_alive():
            return None
        del self._running[name]
        over = self._watch.remove(name)
        seconds = time.monotonic() - running.begin
        if has_told and not over:
            ended = Exit(name, "ended", DONE, "", self._host, seconds)
            if running.stopped:  # it may be dying
                running.worker.end()
            else:
                self._kept[running.slot] = running.worker
        else:
            ended = self._exit(name, running, over, seconds)
        self._free.append(running.slot)
        self._free.sort()
        return ended

    def _exit(self, name: str, running: Running, over: str, seconds: float) -> Exit:
        """How a run ended whose process has, or was killed because it used too much memory."""
        process = running.worker.process
        process.join()
        code = process.exitcode
        running.worker.end()  # and with it what the process left behind
        if over and running.is_used:  # some of that may be what an earlier run left
            self._alone.add(name)
            reason = f"{over} in a process that had worked before; it gets its own"
            return Exit(name, "preempted", code, reason, self._host, seconds)
        if over:
            return Exit(name, "memory", code, over, self._host, seconds)
        if code == WITHOUT_SERVER and self._context.get_start_method() == "forkserver":
            return Exit(name, "lost", None, "the process that forks the runs was killed", self._host, seconds)
        if code is not None and code < 0:
            return self._ended_by_signal(name, -code, seconds, stopped=running.stopped)
        return Exit(name, "ended", code, "", self._host, seconds)

    def _ended_by_signal(self, name: str, number: int, seconds: float, *, stopped: bool) -> Exit:
        if stopped and number == signal.SIGTERM:  # it came before the worker could answer it
            return Exit(name, "ended", 128 + number, "", self._host, seconds)
        reason = f"{signal_name(number)} ended the process"
        if signal_name(number) == "SIGKILL" and self._system_kills.take_one():
            reason = "the system killed the process: it had no memory left"
            return Exit(name, "memory", -number, reason, self._host, seconds)
        return Exit(name, "signal", -number, reason, self._host, seconds)

    def stop(self, name: str, *, kill: bool) -> None:
        """Ask a process to write a checkpoint and end, or `kill` it and its children; `wait` tells when."""
        running = self._running.get(name)
        if running is None:
            return
        running.stopped = True
        if kill:
            self._kill(name)
        else:
            running.worker.process.terminate()

    def _kill(self, name: str) -> None:
        running = self._running.get(name)
        if running is not None:
            kill_group(running.pid)
            running.worker.process.kill()  # where it has no group of its own yet

    def close(self) -> None:
        """Kill what still runs."""
        for name in list(self._running):
            self.stop(name, kill=True)
        deadline = time.monotonic() + CLOSING_SECONDS
        while self._running and (left := deadline - time.monotonic()) > 0:
            self.wait(left)
        end_idle(self._kept, self._running)
        self._watch.close()
