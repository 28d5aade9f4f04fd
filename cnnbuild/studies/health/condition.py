"""What may be said of a run's training: a condition, its cause, the figure that shows it, what to try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Condition: TypeAlias = Literal[
    "trained",
    "suspect",
    "at chance",
    "diverged",
    "died",
    "vanishing",
    "learning rate too small",
    "failed",
    "out of memory",
    "stalled",
    "killed",
]
Cause: TypeAlias = Literal[
    "rate too high",
    "rate too small",
    "non-finite values",
    "dead from the start",
    "units that begin alike",
    "partly dead",
    "vanishing gradients",
    "labels do not fit",
    "test unlike training",
    "evaluation unlike training",
    "large gap",
    "not learned yet",
]

TRAINED: tuple[Condition, ...] = ("trained", "suspect")
UNTRAINED: tuple[Condition, ...] = ("at chance", "diverged", "died", "vanishing", "learning rate too small")
BROKEN_OFF: tuple[Condition, ...] = ("failed", "out of memory", "stalled", "killed")
UNSOUND: tuple[Condition, ...] = (*UNTRAINED, *BROKEN_OFF)


@dataclass(frozen=True, slots=True)
class Health:
    """The condition of one run, with the figure that shows it and what to try.

    `suspect` is a run that trained and has a warning. `cause` is None where nothing is wrong, or where the
    record does not tell. `is_crippled` is a suspect run of which a whole layer is as good as dead: what it
    scores is no evidence on its architecture.
    """

    condition: Condition
    evidence: str = ""
    advice: str = ""
    cause: Cause | None = None
    is_crippled: bool = False

    @property
    def trained(self) -> bool:
        """Whether the run's accuracy may be used."""
        return self.condition in TRAINED

    @property
    def broke_off(self) -> bool:
        """Whether something else than training ended the run, so that it says nothing about the recipe."""
        return self.condition in BROKEN_OFF
