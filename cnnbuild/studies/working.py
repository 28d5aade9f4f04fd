"""Whether a process works on a run now, as far as the files of its folder tell."""

from __future__ import annotations

import time
from pathlib import Path

FRESH_SECONDS = 60.0
"""A worker touches `pulse` at most once a second, and a slow step may take many."""


def is_worked_on(folder: Path, *, executor: str, since: float | None = None) -> bool:
    """Whether a worker is at a run; `since` is when an earlier attempt ended.

    A worker of this machine holds `worker.lock`. One of another machine need not be seen by the lock, and a
    single run takes none: there the last change of `pulse`, of the progress or of the checkpoint tells.
    """
    if (folder / "worker.lock").is_file():
        from cnnbuild.studies.study_lock import worker_lives

        if worker_lives(folder):
            return True
        if executor in {"local", "inline"}:
            return False
    signs = (folder / name for name in ("pulse", "progress.jsonl", "checkpoint.pt"))
    latest = max((changed for sign in signs if (changed := last_change(sign)) is not None), default=0.0)
    return latest > max(since or 0.0, time.time() - FRESH_SECONDS)


def last_change(path: Path) -> float | None:
    """When a file was changed, in seconds since 1970; None where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None
