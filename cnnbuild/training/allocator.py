"""Memory that is freed in one step and wanted again in the next.

glibc gives large blocks back to the system as soon as they are freed, so that every step of a training run
maps the same pages again and the system clears each of them. Two thresholds change that: measured on one
thread, a step of a small network at batch 512 takes half the time.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

# parameters of mallopt(3)
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 2**31 - 1  # free memory at the heap's end that is not given back; the largest value of an int
LARGEST_KEPT_BLOCK = 32 * 2**20  # bytes; glibc's upper limit for the second threshold
TRIM_AFTERWARDS = 2 * LARGEST_KEPT_BLOCK  # as glibc sets it by itself, once it has freed a block of that size


@contextmanager
def kept_memory() -> Iterator[bool]:
    """While it lasts, glibc keeps what is freed; afterwards free memory is given back. Tells whether it does.

    The setting is the process's. Where the C library is another one, or torch's allocator was replaced,
    nothing is done.
    """
    library = _glibc()
    if library is None:
        yield False
        return
    kept = _set(library, MMAP_THRESHOLD, LARGEST_KEPT_BLOCK) and _set(library, TRIM_THRESHOLD, KEPT_BYTES)
    try:
        yield kept
    finally:
        _set(library, TRIM_THRESHOLD, TRIM_AFTERWARDS)
        library.malloc_trim(0)


def keeps_memory() -> bool:
    """Whether `kept_memory` has an effect on this system."""
    return _glibc() is not None


def _set(library: ctypes.CDLL, parameter: int, value: int) -> bool:
    return bool(library.mallopt(parameter, value))


def _glibc() -> ctypes.CDLL | None:
    """The C library of this process, where it is glibc."""
    if platform.libc_ver()[0] != "glibc":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
