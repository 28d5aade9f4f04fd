"""Text files that are replaced as a whole, or grow by whole lines."""

from __future__ import annotations

import os
from pathlib import Path

from cnnbuild.errors import RunError
from cnnbuild.files import move_over, replace_file


def write_atomically(path: Path, text: str) -> None:
    """Replace a text file as a whole."""
    replace_file(path, text.encode("utf-8"))


def write_result(path: Path, text: str) -> None:
    """Replace a text file as a whole.

    Raises:
        RunError: it cannot be written; what stood there still stands.
    """
    try:
        write_atomically(path, text)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error


def replace_quickly(path: Path, text: str) -> None:
    """Replace a text file as a whole without waiting for the disk: after a power failure it may be missing.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(text.encode())
    move_over(temporary, path)


def append_line(path: Path, line: str) -> None:
    """Add one line to a file, in a single write that reaches the disk.

    A half line that a crash left at the end is closed first, so that it cannot swallow the new one.

    Raises:
        OSError: it cannot be written; half of it may have been.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
    try:
        size = os.fstat(descriptor).st_size
        os.lseek(descriptor, max(size - 1, 0), os.SEEK_SET)
        torn = size > 0 and os.read(descriptor, 1) != b"\n"
        left = memoryview((("\n" if torn else "") + line + "\n").encode())
        while left:  # a disk that fills up takes a part, and refuses the next
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
