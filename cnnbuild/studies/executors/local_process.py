"""The processes of the local executor, from its side: each with its connection, and the run it works on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from cnnbuild.system.processes import kill_group


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A process, and the executor's end of the connection over which it tells and is told of runs."""

    process: BaseProcess
    pid: int
    tasks: Connection

    def is_alive(self) -> bool:
        """Whether the process has not ended yet."""
        return not wait([self.process.sentinel], 0)

    def end(self) -> None:
        """Kill the process and what it has started, and give back what it holds."""
        self.tasks.close()
        kill_group(self.pid)
        self.process.kill()
        self.process.join()
        self.process.close()


@dataclass(slots=True)
class Running:
    """A process that works on a run.

    `is_used` is whether it has worked on others before, `stopped` whether it was asked to end, and `is_deaf`
    whether it has closed its connection, since it ends.
    """

    worker: WorkerProcess
    slot: int
    is_used: bool
    begin: float = field(default_factory=time.monotonic)
    stopped: bool = False
    is_deaf: bool = False

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.worker.pid

    def has_told(self) -> bool:
        """Whether the process has told that its run ended, and waits for another."""
        try:
            if not self.is_deaf and self.worker.tasks.poll():
                self.worker.tasks.recv_bytes()
                return True
        except (EOFError, OSError):
            self.is_deaf = True
        return False

    def sources(self) -> list[Connection | int]:
        """What becomes ready when the run has ended."""
        sentinel = self.worker.process.sentinel
        return [sentinel] if self.is_deaf else [self.worker.tasks, sentinel]


def end_idle(kept: dict[int, WorkerProcess], running: dict[str, Running]) -> None:
    """End the processes that wait for a run, and have the others end after theirs."""
    while kept:
        kept.popitem()[1].end()
    for one in running.values():
        one.worker.tasks.close()
        one.is_deaf = True
