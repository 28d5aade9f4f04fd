"""Whether a run trained at all: nothing follows from one that did not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.studies.record import CellRecord, State
from cnnbuild.studies.statistics import is_at_chance
from cnnbuild.training.record import Evaluation

Condition: TypeAlias = Literal[
    "trained", "at chance", "diverged", "failed", "out of memory", "stalled", "killed"
]
UNSOUND: tuple[Condition, ...] = ("at chance", "diverged", "failed", "out of memory", "stalled", "killed")

_BROKEN_OFF: dict[State, tuple[Condition, str]] = {
    "failed": ("failed", "see its log"),
    "out_of_memory": ("out of memory", "take a smaller batch_size or a larger accumulate, or allow it more"),
    "stalled": ("stalled", "see its log for where it stood still"),
    "killed": ("killed", "the same command goes on from its last checkpoint"),
}
"""How a run is called that ended before it was trained, and what to do: nothing of it is about training."""


@dataclass(frozen=True, slots=True)
class Health:
    """The condition of one run, with the figure that shows it and what to try."""

    condition: Condition
    evidence: str = ""
    advice: str = ""

    @property
    def trained(self) -> bool:
        """Whether the run's accuracy may be used."""
        return self.condition == "trained"

    @property
    def broke_off(self) -> bool:
        """Whether something else than training ended the run, so that it says nothing about the recipe."""
        return self.condition in {condition for condition, _ in _BROKEN_OFF.values()}


def health_of(record: CellRecord) -> Health:
    """The condition of a finished cell."""
    run = record.run
    if record.state == "diverged":
        largest = f"; its largest finite loss was {run.largest_loss:.3g}" if run and run.largest_loss else ""
        return Health(
            "diverged", f"{record.reason}{largest}", "try a learning rate ten times smaller, or warm-up"
        )
    if record.state in _BROKEN_OFF or run is None or run.test is None:
        condition, advice = _BROKEN_OFF.get(record.state, _BROKEN_OFF["failed"])
        return Health(condition, record.reason or "the run left no test result", advice)
    if not _is_above_chance(run.test):
        total, share = _size_and_majority_share(run.test)
        evidence = (
            f"test accuracy {100 * run.test.accuracy:.2f} % of {total:,} images, "
            f"not above the {100 * share:.2f} % of always naming the largest class"
        )
        if run.epochs:
            classes = len(run.test.confusion)
            final = run.epochs[-1].running_loss
            evidence += f"; last training loss {final:.3f}, guessing gives {math.log(classes):.3f}"
        return Health("at chance", evidence, "try a learning rate ten times smaller, or more epochs")
    return Health("trained")


def _is_above_chance(test: Evaluation) -> bool:
    total, share = _size_and_majority_share(test)
    correct = sum(row[index] for index, row in enumerate(test.confusion))
    return not is_at_chance(correct, total, share)


def _size_and_majority_share(test: Evaluation) -> tuple[int, float]:
    per_class = [sum(row) for row in test.confusion]
    total = sum(per_class)
    return total, max(per_class) / total
