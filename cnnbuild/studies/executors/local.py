"""Runs as processes of this machine: one process, and one process group, for each.

They are forked from a server that has torch and this package loaded already (`forkserver`), so that a run
begins in hundredths of a second; where there is no fork, as on Windows, each process loads them (`spawn`).
`ProcessPoolExecutor` and `multiprocessing.Pool` will not do: a worker that is killed breaks the one for all
others, and is never missed by the other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import TypeAlias

from cnnbuild.errors import RunError
from cnnbuild.studies.executors.child import run_worker
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.executors.memory_watch import MemoryWatch, SystemKills
from cnnbuild.studies.job import Job

PRELOADED = ["cnnbuild.studies.executors.preloaded"]
WITHOUT_SERVER = 255  # what multiprocessing gives for a process whose fork server cannot tell how it ended
CLOSING_SECONDS = 10.0  # for which killed processes are waited for

_Context: TypeAlias = ForkServerContext | SpawnContext


@dataclass(slots=True)
class _Running:
    """A process that works on a run; `stopped` is whether it was asked to end."""

    process: BaseProcess
    pid: int
    slot: int
    begin: float = field(default_factory=time.monotonic)
    stopped: bool = False


class LocalExecutor:
    """Up to `slots` runs at once; slot number i has the i-th of `devices`, begun again where they are fewer.

    Without `devices` the recipe's `device` decides.
    """

    name = "local"

    def __init__(self, slots: int, *, devices: Sequence[str] = ()) -> None:
        self._slots = slots
        self._devices = tuple(devices)
        self._free = list(range(slots))
        self._running: dict[str, _Running] = {}
        self._watch = MemoryWatch(_kill_group)
        self._system_kills = SystemKills()
        self._host = socket.gethostname()
        self._context = _context()

    @property
    def slots(self) -> int:
        """How many runs may work at once."""
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
            process = self._process(job, slot)
            pid = process.pid
            if pid is None:
                raise RunError(f"{job.name}: its process has no number")
            self._free.remove(slot)
            self._running[job.name] = _Running(process, pid, slot)
            if job.memory_bytes is not None:
                self._watch.add(job.name, pid, job.memory_bytes)

    def _process(self, job: Job, slot: int) -> BaseProcess:
        device = self._devices[slot % len(self._devices)] if self._devices else ""
        process = self._context.Process(
            target=run_worker, args=(job.folder, device, dict(os.environ)), name=job.name, daemon=False
        )
        try:
            with _hidden_main(), _interrupts_held():
                process.start()
        except (OSError, EOFError) as error:
            raise RunError(f"no process can be started for {job.name}: {error}") from error
        return process

    def is_running(self, name: str) -> bool:
        """Whether a process works on the run."""
        return name in self._running

    def wait(self, seconds: float) -> list[Exit]:
        """Those that ended, as soon as one has; after `seconds` at the latest, then perhaps none."""
        names = {running.process.sentinel: name for name, running in self._running.items()}
        ready = wait(list(names), seconds)
        return [self._exit(names[one]) for one in ready if isinstance(one, int)]

    def _exit(self, name: str) -> Exit:
        running = self._running.pop(name)
        running.process.join()
        code = running.process.exitcode
        running.process.close()
        over = self._watch.remove(name)
        _kill_group(running.pid)  # what the process left behind
        self._free.append(running.slot)
        self._free.sort()
        seconds = time.monotonic() - running.begin
        if over:
            return Exit(name, "memory", code, over, self._host, seconds)
        if code == WITHOUT_SERVER and isinstance(self._context, ForkServerContext):
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
            running.process.terminate()

    def _kill(self, name: str) -> None:
        running = self._running.get(name)
        if running is not None:
            _kill_group(running.pid)
            running.process.kill()  # where it has no group of its own yet

    def close(self) -> None:
        """Kill what still runs."""
        for name in list(self._running):
            self.stop(name, kill=True)
        deadline = time.monotonic() + CLOSING_SECONDS
        while self._running and (left := deadline - time.monotonic()) > 0:
            self.wait(left)
        self._watch.close()


def signal_name(number: int) -> str:
    """What the system calls a signal, such as "SIGSEGV"."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _kill_group(group: int) -> None:
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _context() -> _Context:
    """How processes are started; a fork server begins to load what they need."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver, resource_tracker

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    resource_tracker.ensure_running()  # which lets interrupts through again
    with _hidden_main(), _interrupts_held():
        forkserver.ensure_running()
    return context


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Within it Ctrl-C waits, and a process that is started never hears of it: see `child.run_worker`.

    A fork server that is still loading would answer it with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Within it the program that runs looks like an interactive one, which no new process can import.

    Otherwise each process would run a user's script again, unless its author knew to forbid it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
