"""The loss of every step in few points, whatever the length of the run."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cnnbuild.training.observations import LossCurve, rounded

MAX_POINTS = 200


class LossCurveBuilder:
    """Takes the losses of a run's steps in order; when there are too many points, pairs become one.

    The points depend on the losses alone, not on how many are added at a time, so that a resumed run has the
    same curve.
    """

    def __init__(self) -> None:
        self._steps_per_point = 1
        self._sums: list[float] = []
        self._counts: list[int] = []
        self._largest: list[float] = []

    def add(self, losses: Sequence[float]) -> None:
        """The finite losses of the steps that follow."""
        for loss in losses:
            if self._counts and self._counts[-1] < self._steps_per_point:
                self._sums[-1] += loss
                self._counts[-1] += 1
                self._largest[-1] = max(self._largest[-1], loss)
                continue
            if len(self._counts) == MAX_POINTS:
                self._halve()
            self._sums.append(loss)
            self._counts.append(1)
            self._largest.append(loss)

    def curve(self) -> LossCurve:
        """The curve up to here."""
        means = (total / count for total, count in zip(self._sums, self._counts, strict=True))
        return LossCurve(
            self._steps_per_point, tuple(map(rounded, means)), tuple(map(rounded, self._largest))
        )

    def state(self) -> dict[str, Tensor]:
        """What `restore` needs to go on with the same points."""
        columns = (self._sums, [float(count) for count in self._counts], self._largest)
        return {
            "steps_per_point": torch.tensor(self._steps_per_point),
            "points": torch.tensor(columns, dtype=torch.float64),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self._steps_per_point = int(state["steps_per_point"])
        sums, counts, largest = state["points"].tolist()
        self._sums, self._counts, self._largest = sums, [int(count) for count in counts], largest

    def _halve(self) -> None:
        """Make one point of each two; all are full, and `MAX_POINTS` is even, so that none is left over."""
        self._sums = [a + b for a, b in zip(self._sums[::2], self._sums[1::2], strict=True)]
        self._counts = [a + b for a, b in zip(self._counts[::2], self._counts[1::2], strict=True)]
        self._largest = [max(pair) for pair in zip(self._largest[::2], self._largest[1::2], strict=True)]
        self._steps_per_point *= 2
