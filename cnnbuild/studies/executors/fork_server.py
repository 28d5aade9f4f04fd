"""The server that forks the local executor's processes: one of its own, not the one that scripts share.

It has everything loaded that a run needs, ignores SIGTERM and never hears of Ctrl-C. `multiprocessing` keeps
one server for all that a program starts with "forkserver"; were it this one, the processes of a user's script
would inherit all that: `Process.terminate` would do nothing to them.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, TypeAlias

from cnnbuild.system.processes import can_fork, hidden_main, interrupts_held

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext
    from multiprocessing.forkserver import ForkServer

PRELOADED = ["cnnbuild.studies.executors.preloaded"]

Context: TypeAlias = "ForkServerContext | SpawnContext"


def context_of_runs() -> Context:
    """How processes are started; the server, where one may fork, begins to load what they need."""
    if not can_fork():
        return multiprocessing.get_context("spawn")
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # which lets interrupts through again
    with hidden_main(), interrupts_held():
        own_server().ensure_running()
    return multiprocessing.get_context("forkserver")


def start_process(process: BaseProcess) -> None:
    """Start a process of `context_of_runs`.

    It never hears of Ctrl-C, see `child.run_worker`; a server that still loads would answer with a traceback.

    Raises:
        OSError: it cannot be started.
        EOFError: the server ended meanwhile.
    """
    with hidden_main(), interrupts_held(), _asking_own_server():
        process.start()


def own_server() -> ForkServer:
    """The server of this process; a process that was forked cannot wait for its parent's, and has another."""
    return _server_of(os.getpid())


@lru_cache(maxsize=1)
def _server_of(pid: int) -> ForkServer:
    del pid
    from multiprocessing.forkserver import ForkServer

    server = ForkServer()
    server.set_forkserver_preload(PRELOADED)
    return server


@contextmanager
def _asking_own_server() -> Iterator[None]:
    """Within it processes are asked of `own_server`, by the function that `multiprocessing` asks with."""
    if not can_fork():
        yield
        return
    from multiprocessing import forkserver

    before = forkserver.connect_to_new_process
    forkserver.connect_to_new_process = own_server().connect_to_new_process
    try:
        yield
    finally:
        forkserver.connect_to_new_process = before
