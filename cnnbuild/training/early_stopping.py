"""Ending a run that does not become better any more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cnnbuild.lang.recipe import StopEarly
from cnnbuild.training.evaluate import Score


@dataclass(frozen=True, slots=True)
class PatienceState:
    """What early stopping has seen: the best value so far, and how many epochs since were no better."""

    best: float | None = None
    waited: int = 0

    def after(self, rule: StopEarly, validation: Score) -> PatienceState:
        """The state after one more epoch."""
        value = validation.loss if rule.metric == "loss" else validation.accuracy
        if self.best is None or _is_better(rule, value, self.best):
            return PatienceState(best=value)
        return replace(self, waited=self.waited + 1)

    def is_used_up(self, rule: StopEarly) -> bool:
        """Whether the run is to end."""
        return self.waited >= rule.patience


def _is_better(rule: StopEarly, value: float, best: float) -> bool:
    return value < best - rule.min_delta if rule.metric == "loss" else value > best + rule.min_delta
