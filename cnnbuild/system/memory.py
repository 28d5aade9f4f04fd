"""What this process uses of the memory, and how much there is, where the system tells it quickly."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PEAK_SLACK = 2**23  # bytes by which two counts of a process's memory may differ: the system counts in batches


def installed_bytes() -> int | None:
    """The memory of the computer; None where the system does not tell (Windows)."""
    if sys.platform == "win32":
        return None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None  # not every system these names


def resident_bytes() -> int | None:
    """The memory that this process has now; None where the system does not tell it quickly (not Linux)."""
    if sys.platform != "linux":
        return None
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int | None:
    """The high-water mark of this process's memory; None where the system does not tell (Windows)."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kibibytes


def begin_new_peak() -> bool:
    """Begin a new high-water mark of this process's memory; whether the system can do that (Linux).

    Where the process has replaced its program since it began, the mark of the earlier program may stand.
    """
    if sys.platform != "linux":
        return False
    try:
        Path("/proc/self/clear_refs").write_bytes(b"5")  # proc_pid_clear_refs(5): VmHWM becomes VmRSS
    except OSError:
        return False
    resident, peak = resident_bytes(), peak_bytes()
    return resident is not None and peak is not None and peak <= resident + PEAK_SLACK
