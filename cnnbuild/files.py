"""Writing files so that a reader, or the next start after a crash, never sees half of one."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from cnnbuild.errors import UsageError

ON_WINDOWS = os.name == "nt"
PATIENCE_SECONDS = 3.0
PAUSE_SECONDS = 0.02

_flushes_folders: ContextVar[bool] = ContextVar("_flushes_folders", default=True)


def replace_file(path: Path, content: bytes | memoryview, *, durable: bool = True) -> None:
    """Write a file as a whole: a temporary file beside it, flushed to the disk, then renamed over it.

    Parents are created. What stood at `path` stands until the new content does. What is not `durable` is not
    waited for: after a power failure the file may be empty.

    Raises:
        OSError: the file cannot be written; nothing is left of the attempt.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp's own mode keeps others from reading
        move_over(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable and _flushes_folders.get():
        flush_folder(path.parent)


def write_asked_file(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole that a user named.

    Raises:
        UsageError: it cannot be written; nothing is left of the attempt.
    """
    try:
        replace_file(path, content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def move_over(source: Path, target: Path) -> None:
    """Give a file another's name, in whose place it stands from then on.

    Windows refuses that while anybody has the other one open, a browser or a virus scanner for instance:
    there it is tried again for `PATIENCE_SECONDS`.

    Raises:
        OSError: it cannot be done.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            source.replace(target)
            return
        except PermissionError:
            if not ON_WINDOWS or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)


@contextmanager
def folder_flushed_later() -> Iterator[None]:
    """Within it `replace_file` waits for what a file holds, and not for its name to reach the disk.

    For the files that mean nothing until another one is written durably into the same folder: that flushes
    the names of all. A disk takes as long for one name as for many.
    """
    token = _flushes_folders.set(False)
    try:
        yield
    finally:
        _flushes_folders.reset(token)


def flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power failure; Windows has no such call."""
    if ON_WINDOWS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
