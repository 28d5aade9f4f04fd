"""One process at a time looks after a study's folder, and one worker after a run's."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from cnnbuild.errors import UsageError
from cnnbuild.studies.files import write_atomically

LOCK = ".lock"
NOTE = ".lock.json"
WORKER_LOCK = "worker.lock"


@contextmanager
def only_supervisor(study: Path) -> Iterator[None]:
    """Within it this process alone looks after a study's folder; the lock of a dead process does not hold.

    Raises:
        UsageError: another process looks after it, or the file system cannot lock files.
    """
    lock = FileLock(study / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(_told(study)) from None
    except (OSError, NotImplementedError) as error:
        raise UsageError(
            f"{study}: the file system here cannot lock files ({error}), so that two starts of the study "
            "could meet; name a folder on another one with --out"
        ) from None
    try:
        with suppress(OSError):  # what matters is the lock
            _write_note(study)
        yield
    finally:
        with suppress(OSError):
            (study / NOTE).unlink(missing_ok=True)
        lock.release()


def worker_lives(run: Path) -> bool:
    """Whether a process works on the run in a folder, on whatever machine."""
    return _is_held(run / WORKER_LOCK)


def is_looked_after(study: Path) -> bool:
    """Whether a process looks after the study in a folder: its runs go on."""
    return (study / NOTE).exists() and _is_held(study / LOCK)


def _is_held(path: Path) -> bool:
    """Whether a process holds this lock."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False


def _write_note(study: Path) -> None:
    note = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_atomically(study / NOTE, json.dumps(note) + "\n")


def _told(study: Path) -> str:
    who = "another process"
    try:
        note = json.loads((study / NOTE).read_text(encoding="utf-8"))
        host = "this machine" if note["host"] == socket.gethostname() else f"the machine {note['host']}"
        who = f"process {note['pid']} on {host} (started {note['started']})"
    except (OSError, ValueError, KeyError, TypeError):  # it is just being written, or damaged
        pass
    return f"{study}: {who} runs this study; wait for it, stop it, or name another folder with --out"
