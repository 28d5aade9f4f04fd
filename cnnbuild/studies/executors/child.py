"""What the local executor's processes do: begin as one of their own, end with the supervisor, work.

A process that a short run has left as it found it takes the next run too: a new one would cost more than the
training of a tiny network. Everything that could make a difference to the next run ends the process.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np
import torch

from cnnbuild.studies.executors.process_state import ProcessState
from cnnbuild.studies.worker import DONE, work
from cnnbuild.system.memory import begin_new_peak, resident_bytes
from cnnbuild.system.processes import (
    can_fork,
    die_with_parent,
    has_children,
    hear_interrupts,
    kill_own_group,
    lead_group,
)

LEFT_BYTES = 100_000_000  # that a run may leave in its process, libraries and data among them


@dataclass(frozen=True, slots=True)
class Task:
    """A run to work on: its folder, the device of its slot, the supervisor's environment of now.

    The process may take another run after it if it took no more than `short_seconds`, None if never.
    """

    folder: str
    device: str
    environment: dict[str, str]
    short_seconds: float | None


def run_worker(task: Task, tasks: Connection) -> None:
    """Work on the run of `task`, and on those of the tasks that `tasks` then gives; ends the process.

    The end of a run after which the process stays is told with an empty message.

    Raises:
        SystemExit: always, with `work`'s exit code.
    """
    lead_group()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # which the fork server ignores
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor to answer
    hear_interrupts()  # which the fork server does not at all
    end_with_supervisor()
    at_first, resident = ProcessState.now(), resident_bytes()
    while True:
        begin = time.monotonic()
        code = _work_on(task)
        is_short = task.short_seconds is not None and time.monotonic() - begin <= task.short_seconds
        if not (code == DONE and is_short and _is_done(task.folder)):
            sys.exit(code)
        gc.collect()  # what a run leaves in cycles would be the next one's memory
        if not _is_as_before(resident):
            sys.exit(code)
        at_first.restore()
        try:
            tasks.send_bytes(b"")
            task = tasks.recv()
        except (EOFError, OSError):  # the executor wants no more of this process
            sys.exit(DONE)


def _work_on(task: Task) -> int:
    if dict(os.environ) != task.environment:  # the fork server has that of the time when it was started
        os.environ.clear()
        os.environ.update(task.environment)
    np.random.seed()
    with warnings.catch_warnings():
        return work(Path(task.folder), device=task.device)


def _is_done(folder: str) -> bool:
    """Whether the record in the folder of a run says that it has succeeded."""
    try:
        record: object = json.loads(Path(folder, "outcome.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("state") == "done"


def _is_as_before(resident: int | None) -> bool:
    """Whether nothing is left of the runs so far: no child, no thread, no device, little memory.

    `resident` are the bytes of memory that the process had when it began.
    """
    left = resident_bytes()
    return (
        left is not None
        and resident is not None
        and left - resident <= LEFT_BYTES
        and not has_children()
        and threading.active_count() <= 2  # the main thread, and that which waits for the supervisor's end
        and not torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        and begin_new_peak()
    )


def end_with_supervisor() -> None:
    """Have this process, and its children, killed when the supervisor is gone, however that ended."""
    _leave_fork_server()
    die_with_parent()  # helps where Python has no turn: the fork server ends with the supervisor
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    kill_own_group()


def _leave_fork_server() -> None:
    """Close the pipe by which each process of a fork server keeps it alive: only the supervisor shall."""
    if not can_fork():
        return
    from multiprocessing import forkserver

    kept = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_alive_fd", None)
    if isinstance(kept, int):
        os.close(kept)
        forkserver._forkserver._forkserver_alive_fd = None  # type: ignore[attr-defined]
