"""Whether the system's out-of-memory killer struck: Linux counts its victims for each control group."""

from __future__ import annotations

import re
from pathlib import Path

_COUNT = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


class OomKills:
    """The victims in this process's control group since it was made; each explains one death."""

    def __init__(self, counter: Path | None = None) -> None:
        self._counter = counter if counter is not None else counter_of_this_process()
        self._explained = self._count()

    def claim(self) -> bool:
        """Whether a process was killed for want of memory that no other death has been explained with."""
        if self._count() <= self._explained:
            return False
        self._explained += 1
        return True

    def _count(self) -> int:
        if self._counter is None:
            return 0
        try:
            found = _COUNT.search(self._counter.read_text())
        except OSError:
            return 0
        return int(found[1]) if found else 0


def counter_of_this_process(groups: Path = Path("/proc/self/cgroup")) -> Path | None:
    """The file that counts victims in this process's group, None where the system has none."""
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return None
    root = Path("/sys/fs/cgroup")
    for line in lines:
        _, controllers, inside = line.split(":", 2)
        path = inside.strip("/")
        if controllers == "":  # version 2
            candidates = [root / path / "memory.events", root / "memory.events"]
        elif "memory" in controllers.split(","):
            candidates = [
                root / "memory" / path / "memory.oom_control",
                root / "memory" / "memory.oom_control",
            ]
        else:
            continue
        for one in candidates:  # a container may see its own group as the root
            if one.is_file():
                return one
    return None
