"""Whether images fit into memory, or have to be read from their files batch by batch."""

from __future__ import annotations

from pathlib import Path

import torch

from cnnbuild.system.memory import installed_bytes

SHARE = 0.25  # of what is free: decoding needs the bytes twice, and the network wants room too
UNKNOWN = 4 << 30  # bytes that are taken to be free where the system does not say


def fits_in_memory(count: int) -> bool:
    """Whether decoded images of `count` bytes may be held in the computer's memory."""
    return count <= SHARE * available_memory()


def fits_on(device: torch.device, count: int) -> bool:
    """Whether images of `count` bytes, which are in the computer's memory, may also lie on the device."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return count <= SHARE * free


def available_memory() -> int:
    """Bytes that a program may still take: what the system calls available, within the group's limit."""
    limits = [_meminfo(), _control_group()]
    known = [limit for limit in limits if limit is not None]
    if known:
        return max(0, min(known))
    installed = installed_bytes()
    return UNKNOWN if installed is None else installed // 2


def _meminfo() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:  # not Linux
        return None
    found = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return next((1024 * int(kilobytes) for kilobytes in found), None)


def _control_group() -> int | None:
    """What is left of a container's limit."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = (folder / "memory.current").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(limit) - int(used) if limit.isdigit() and used.isdigit() else None
