"""How many processor cores there are for this process."""

from __future__ import annotations

import math
import os
from pathlib import Path

QUOTAS = (
    ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu.max"),  # "200000 100000", or "max 100000"
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),  # -1 without a limit
)
"""Files whose first number is how much processor time a container has in a period, their last the period."""


def allowed_cores() -> int:
    """The cores that the system lets this process run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS or Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def core_count() -> int:
    """How many cores this process may use: those it may run on, and no more than its container's share."""
    cores, share = allowed_cores(), _container_cores()
    return cores if share is None else max(1, min(cores, math.ceil(share)))


def _container_cores() -> float | None:
    """The share of processor time that a container has, in cores; None where it is not limited."""
    for quota_file, period_file in QUOTAS:
        try:
            quota = float(Path(quota_file).read_text(encoding="ascii").split()[0])
            period = float(Path(period_file).read_text(encoding="ascii").split()[-1])
        except (OSError, ValueError, IndexError):
            continue
        if quota > 0 and period > 0:
            return quota / period
    return None
