"""What the local executor's processes do: begin as one of their own, end with the supervisor, work."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np

from cnnbuild.studies.worker import work

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run_worker(folder: str, device: str, environment: Mapping[str, str]) -> None:
    """Work on the run in `folder` with the environment of the supervisor; ends the process.

    Raises:
        SystemExit: always, with `work`'s exit code.
    """
    if hasattr(os, "setsid"):
        os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # which the fork server ignores
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor to answer
    if hasattr(signal, "pthread_sigmask"):  # the fork server does not hear it at all
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    end_with_supervisor()
    if dict(os.environ) != dict(environment):  # the fork server has that of the time when it was started
        os.environ.clear()
        os.environ.update(environment)
    np.random.seed()
    sys.exit(work(Path(folder), device=device))


def end_with_supervisor() -> None:
    """Have this process, and its children, killed when the supervisor is gone, however that ended."""
    _leave_fork_server()
    if sys.platform == "linux":  # helps where Python has no turn: the fork server ends with the supervisor
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _leave_fork_server() -> None:
    """Close the pipe by which each process of a fork server keeps it alive: only the supervisor shall."""
    if sys.platform == "win32":
        return
    from multiprocessing import forkserver

    kept = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_alive_fd", None)
    if isinstance(kept, int):
        os.close(kept)
        forkserver._forkserver._forkserver_alive_fd = None  # type: ignore[attr-defined]
