"""Starting, ending and quieting processes, on systems with and without process groups and signals."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

PR_SET_PDEATHSIG = 1  # linux/prctl.h

KILLED = int(getattr(signal, "SIGKILL", signal.SIGTERM))
"""The signal of a process that was killed; Windows has one way to end a process, which counts as SIGTERM."""

WARNING: int | None = getattr(signal, "SIGUSR2", None)
"""The signal by which Slurm tells a job that its time is nearly over; Windows has none such."""

NEW_GROUP = int(getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0))
"""Flags for `subprocess.Popen` that keep Ctrl-C from it on Windows, as a new session does elsewhere."""


def can_fork() -> bool:
    """Whether processes may be forked from one that has everything loaded.

    Not on Windows, which has no fork, nor on macOS, whose libraries for linear algebra and graphics do not
    outlive one.
    """
    return sys.platform != "darwin" and "forkserver" in multiprocessing.get_all_start_methods()


def lead_group() -> None:
    """Have this process lead a process group of its own, where there are such."""
    if sys.platform != "win32":
        os.setsid()


def kill_group(leader: int) -> None:
    """Kill a process group, which may be gone already; nothing where there are none (Windows)."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def kill_own_group() -> None:
    """Kill this process and, where there are groups, the others of its group."""
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def group_of(process: int) -> int | None:
    """The process group of a process; None where there are none (Windows), or it has ended."""
    if sys.platform == "win32":
        return None
    try:
        return os.getpgid(process)
    except OSError:
        return None


def has_groups() -> bool:
    """Whether the system has process groups."""
    return sys.platform != "win32"


def die_with_parent() -> None:
    """Have Linux kill this process when the one that started it ends; other systems do not offer that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def has_children() -> bool:
    """Whether this process has started others that live still, or that nobody has waited for."""
    if sys.platform == "win32":
        return True  # it cannot be told quickly
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


@contextmanager
def hidden_main() -> Iterator[None]:
    """Within it the program that runs looks like an interactive one, which no new process can import.

    Otherwise each process would run a user's script again, unless its author knew to forbid it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Within it Ctrl-C waits, where the system can have it wait, also for processes that are started."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hear_interrupts() -> None:
    """Let Ctrl-C through to this process, which was started within `interrupts_held`."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def lower_priority(steps: int) -> None:
    """Leave the processor to others, where the system can be asked for that."""
    if sys.platform != "win32":
        with suppress(OSError):
            os.nice(steps)


def signal_name(number: int) -> str:
    """What the system calls a signal, such as "SIGSEGV"."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
