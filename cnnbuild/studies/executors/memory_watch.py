"""What runs use of the machine's memory, seen from outside, and whether the system killed for want of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cnnbuild.system.processes import group_of, has_groups

LOOKS_PER_SECOND = 10
GIGABYTE = 1_000_000_000

_COUNTERS = {  # file in a cgroup's folder: where its controller is mounted, for versions 2 and 1 of cgroups
    "memory.events": "/sys/fs/cgroup",
    "memory.oom_control": "/sys/fs/cgroup/memory",
}


@dataclass(slots=True)
class MemoryWatch:
    """Looks at the process groups of runs, several times a second, and has those killed that use too much.

    `groups` maps the name of each run that has a limit to its process group, which `kill` ends. What the
    processes of a run share, with each other or with the one that started them, counts for each of them.
    """

    kill: Callable[[int], None]
    groups: dict[str, int] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    _over: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None
    _closed: threading.Event = field(default_factory=threading.Event)

    def add(self, name: str, group: int, limit: int) -> None:
        """Watch a run that may use `limit` bytes."""
        with self._lock:
            self.groups[name], self.limits[name] = group, limit
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="memory watch", daemon=True)
            self._thread.start()

    def remove(self, name: str) -> str:
        """Watch a run no longer; why it was killed, empty where it was not for its memory."""
        with self._lock:
            self.groups.pop(name, None)
            limit, used = self.limits.pop(name, 0), self._over.pop(name, None)
        return "" if used is None else over_limit(used, limit)

    def close(self) -> None:
        """Watch nothing any more."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> None:
        """Look once, and kill what uses too much."""
        with self._lock:
            groups = dict(self.groups)
        for name, used in used_bytes(groups).items():
            with self._lock:
                if name in self.limits and used > self.limits[name]:
                    self._over[name] = max(used, self._over.get(name, 0))
                    self.kill(groups[name])

    def _watch(self) -> None:
        while not self._closed.wait(1 / LOOKS_PER_SECOND):
            if self.groups:
                self.look()


def over_limit(used: int, limit: int) -> str:
    """Why a run was killed.

    >>> over_limit(2_130_000_000, 2_000_000_000)
    'used 2.13 GB, allowed 2 GB (--memory)'
    """
    return f"used {used / GIGABYTE:.3g} GB, allowed {limit / GIGABYTE:.3g} GB (--memory)"


def used_bytes(groups: Mapping[str, int]) -> dict[str, int]:
    """The resident bytes of the processes of each group; without groups, of a process and its children."""
    used = dict.fromkeys(groups, 0)
    if not has_groups():
        for name, pid in groups.items():
            used[name] = sum(map(_resident, _with_children(pid)))
        return used
    names = {group: name for name, group in groups.items()}
    for pid in psutil.pids():
        group = group_of(pid)
        if group is not None and group in names:
            used[names[group]] += _resident(pid)
    return used


def _with_children(pid: int) -> list[int]:
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.Error:
        return []


def _resident(pid: int) -> int:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:  # it has ended meanwhile
        return 0


@dataclass(slots=True)
class SystemKills:
    """Counts the processes of this cgroup that the system killed for want of memory.

    Each is told once: of two runs that SIGKILL ended while the system killed one process, one was its.
    """

    counter: Path | None = field(default_factory=lambda: next(_counters(), None))
    told: int = field(init=False)

    def __post_init__(self) -> None:
        self.told = self._count()

    def take_one(self) -> bool:
        """Whether there is one more that was not told of yet."""
        if self._count() <= self.told:
            return False
        self.told += 1
        return True

    def _count(self) -> int:
        if self.counter is None:
            return 0
        try:
            lines = self.counter.read_text(encoding="ascii").splitlines()
            return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        except (OSError, ValueError):
            return 0


def _counters() -> Iterator[Path]:
    """The files that count the kills, of this process's own cgroup before the one that seems the root."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    own = {"memory.events": "", "memory.oom_control": ""}
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            own["memory.events"] = path
        elif "memory" in controllers.split(","):
            own["memory.oom_control"] = path
    for file, mount in _COUNTERS.items():
        for folder in dict.fromkeys([f"{mount}{own[file]}", mount]):
            counter = Path(folder, file)
            if counter.is_file():
                yield counter
    if Path("/proc/vmstat").is_file():
        yield Path("/proc/vmstat")
