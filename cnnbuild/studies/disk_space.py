"""Whether the disk can hold what a study is going to write, asked before anything is trained."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from cnnbuild.errors import UsageError
from cnnbuild.studies.plan import Cell

NUMBER_BYTES = 4  # weights, and what optimizers keep, are float32
CHECKPOINTS = 2  # of a run: the last, and the one before it
COPIES = 4  # in a checkpoint: weights, best weights, and two for the optimizer, as Adam keeps them


def require_space(folder: Path, cells: Sequence[Cell], *, slots: int) -> None:
    """Do nothing if the weights of all cells, and the checkpoints of `slots` of them at once, fit.

    Raises:
        UsageError: they do not; it says how much is needed and how much is free.
    """
    sizes = sorted(
        (NUMBER_BYTES * (cell.graph.parameters + cell.graph.buffers) for cell in cells), reverse=True
    )
    weights = sum(sizes)
    checkpoints = sum(CHECKPOINTS * COPIES * size for size in sizes[:slots])
    free = _free_bytes(folder.absolute())
    if weights + checkpoints <= free:
        return
    raise UsageError(
        f"{folder}: the runs to come need about {_shown(weights + checkpoints)} ({_shown(weights)} of "
        f"weights, {_shown(checkpoints)} of checkpoints while they train), and {_shown(int(free))} are free; "
        "make room, or name a folder on another disk with --out"
    )


def _free_bytes(folder: Path) -> float:
    """What is free where a folder is, or will be made; without end where that cannot be told."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    try:
        return shutil.disk_usage(there).free
    except OSError:
        return math.inf


def _shown(count: int) -> str:
    """A number of bytes with its unit.

    >>> _shown(999), _shown(2_500_000)
    ('999 bytes', '2.5 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    size = count / 1000
    for unit in ("kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
