"""Whether a run trained at all, and why not: nothing follows from one that did not."""

from __future__ import annotations

from cnnbuild.studies.health import diagnosis
from cnnbuild.studies.health.condition import (
    BROKEN_OFF,
    TRAINED,
    UNSOUND,
    UNTRAINED,
    Cause,
    Condition,
    Health,
)
from cnnbuild.studies.health.wording import SMALLER_RATE
from cnnbuild.studies.record import CellRecord, State
from cnnbuild.training.record import RunRecord

__all__ = [
    "BROKEN_OFF",
    "TRAINED",
    "UNSOUND",
    "UNTRAINED",
    "Cause",
    "Condition",
    "Health",
    "health_of",
    "health_of_run",
]

_BROKEN_OFF: dict[State, tuple[Condition, str]] = {
    "failed": ("failed", "see its log"),
    "out_of_memory": ("out of memory", "take a smaller batch_size or a larger accumulate, or allow it more"),
    "stalled": ("stalled", "see its log for where it stood still"),
    "killed": ("killed", "the same command goes on from its last checkpoint"),
}
"""How a run is called that ended before it was trained, and what to do: nothing of it is about training."""


def health_of(record: CellRecord) -> Health:
    """The condition of a run that has ended, from its record alone."""
    run = record.run
    if record.state == "diverged" and run is None:
        return Health("diverged", record.reason, SMALLER_RATE)
    if record.state in _BROKEN_OFF or run is None or (run.test is None and record.state != "diverged"):
        condition, advice = _BROKEN_OFF.get(record.state, _BROKEN_OFF["failed"])
        return Health(condition, record.reason or "the run left no test result", advice)
    return health_of_run(run, record.reason)


def health_of_run(run: RunRecord, reason: str = "the loss left the finite numbers") -> Health:
    """The condition of a run that trained to its end, or whose loss diverged for that `reason`."""
    if run.test is None:
        return diagnosis.diverged(run, reason)
    return diagnosis.untrained(run, run.test) or diagnosis.suspect(run, run.test) or Health("trained")
