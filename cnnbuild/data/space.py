"""Whether images fit into memory, or have to be read from their files batch by batch."""

from __future__ import annotations

from pathlib import Path

import psutil
import torch

SHARE = 0.25  # of what is free: decoding needs the bytes twice, and the network wants room too


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
    available, group = psutil.virtual_memory().available, _control_group()
    return max(0, available if group is None else min(available, group))


def _control_group() -> int | None:
    """What is left of a container's limit."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = (folder / "memory.current").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(limit) - int(used) if limit.isdigit() and used.isdigit() else None
