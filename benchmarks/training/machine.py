"""What a benchmark ran on, as its output says it."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def machine_name() -> str:
    """The processor's name and architecture."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in {"model name", "Model"}:
                name = value.strip()
                break
    return f"{name} ({platform.machine()}, {platform.system()})"


def load() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]


def today() -> str:
    """The date in UTC."""
    return datetime.now(UTC).date().isoformat()
