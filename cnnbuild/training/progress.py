"""How far the epoch under way is: what a run needs to go on in the middle of it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

import torch
from torch import Tensor


class ProgressState(TypedDict):
    """An epoch under way as plain data; `order` is the state of the order's generator at its start."""

    order: Tensor
    steps: int
    images: int
    loss_sum: float
    lr: float
    seconds: float


@dataclass(slots=True, eq=False)
class EpochProgress:
    """The epoch under way: `steps` are done; `seconds` are those of sittings before this one.

    Losses stay on the device until `settle` fetches them together: on a GPU each look at one is a wait. They
    are summed in the order of the steps, so that it does not matter when.
    """

    order: Tensor
    steps: int = 0
    images: int = 0
    loss_sum: float = 0.0
    lr: float = 0.0
    seconds: float = 0.0
    begin: float = field(default_factory=time.perf_counter)
    _waiting: list[Tensor] = field(default_factory=list)
    _sizes: list[int] = field(default_factory=list)

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> EpochProgress:
        """What `state` gave, to go on with now."""
        return cls(**state)  # type: ignore[arg-type]  # a checkpoint's content has passed its checksum

    def state(self) -> ProgressState:
        """The settled progress as plain data."""
        return ProgressState(
            order=self.order,
            steps=self.steps,
            images=self.images,
            loss_sum=self.loss_sum,
            lr=self.lr,
            seconds=self.elapsed(),
        )

    def elapsed(self) -> float:
        """Seconds spent on the epoch so far, in all sittings."""
        return self.seconds + time.perf_counter() - self.begin

    def add(self, loss: Tensor, images: int, lr: float) -> None:
        """Count a step with the mean loss () of its images."""
        self._waiting.append(loss)
        self._sizes.append(images)
        self.steps += 1
        self.lr = lr

    def settle(self, *, epoch: int) -> tuple[list[float], str]:
        """Fetch the losses that wait: those before the first that is not finite, and what to say of that one.

        The text is empty where all are finite.
        """
        if not self._waiting:
            return [], ""
        first = self.steps - len(self._waiting)
        losses: list[float] = torch.stack(self._waiting).tolist()
        for index, (loss, images) in enumerate(zip(losses, self._sizes, strict=True)):
            if not math.isfinite(loss):
                where = f"in epoch {epoch}, batch {first + index + 1}, at a learning rate of {self.lr:g}"
                return losses[:index], f"the loss became {loss} {where}"
            self.loss_sum += loss * images
            self.images += images
        self._waiting.clear()
        self._sizes.clear()
        return losses, ""
