"""What a run needs of a machine and what the machines of a cluster have: whether, and how often, it fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cnnbuild.studies.job import Job

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Need:
    """What one run takes of the machine it is on; `memory_bytes` is None where nobody set a cap."""

    cpus: int
    gpus: int = 0
    memory_bytes: int | None = None

    def __str__(self) -> str:
        return _listed(self.cpus, self.gpus, self.memory_bytes)


@dataclass(frozen=True, slots=True)
class Room:
    """What a living machine has in all, whether in use or not."""

    node: str
    cpus: float
    gpus: float = 0.0
    memory_bytes: float = 0.0

    def holds(self, need: Need) -> int:
        """How many runs of that need the machine holds at once."""
        wanted = (
            (self.cpus, need.cpus),
            (self.gpus, need.gpus),
            (self.memory_bytes, need.memory_bytes or 0),
        )
        return min(int(has // one) for has, one in wanted if one > 0)

    def __str__(self) -> str:
        return _listed(self.cpus, self.gpus, self.memory_bytes)


def need_of(job: Job, *, cluster_has_gpus: bool) -> Need:
    """What a job needs: its threads, its memory, and a GPU where its recipe may use one that is there."""
    device = job.recipe.get("device", "auto")
    wants_gpu = device == "cuda" or (device == "auto" and cluster_has_gpus)
    return Need(cpus=job.threads, gpus=int(wants_gpu), memory_bytes=job.memory_bytes)


def slots_in(rooms: Iterable[Room], need: Need) -> int:
    """How many runs of one need all machines hold at once."""
    return sum(room.holds(need) for room in rooms)


def why_unplaceable(rooms: Iterable[Room], need: Need) -> str:
    """What no machine has, and what the largest has; empty where one could hold the run."""
    rooms = tuple(rooms)
    if any(room.holds(need) for room in rooms):
        return ""
    if not rooms:
        return f"the run needs {need}, and the cluster has no living node"
    largest = max(rooms, key=lambda room: (room.gpus > 0, room.cpus, room.memory_bytes))
    if need.gpus == 0:
        largest = max(rooms, key=lambda room: (room.cpus, room.memory_bytes))
    return f"no living node of the cluster can hold the run: it needs {need}; the largest node has {largest}"


def rooms_of(nodes: Iterable[Mapping[str, object]]) -> tuple[Room, ...]:
    """The living machines among what `ray.nodes()` gives."""
    rooms = []
    for node in nodes:
        has = node.get("Resources")
        if node.get("Alive") is True and isinstance(has, Mapping):
            room = Room(
                node=str(node.get("NodeID", "")),
                cpus=float(has.get("CPU", 0)),
                gpus=float(has.get("GPU", 0)),
                memory_bytes=float(has.get("memory", 0)),
            )
            rooms.append(room)
    return tuple(rooms)


def _listed(cpus: float, gpus: float, memory_bytes: float | None) -> str:
    parts = [f"{cpus:g} {'CPU' if cpus == 1 else 'CPUs'}"]
    if gpus:
        parts.append(f"{gpus:g} {'GPU' if gpus == 1 else 'GPUs'}")
    if memory_bytes:
        parts.append(f"{memory_bytes / GIB:.2f} GiB of memory")
    return ", ".join(parts)
