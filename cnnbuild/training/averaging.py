"""Averages of the weights along a run, and how they take the place of the weights for an evaluation.

Batch normalisation: with `ema` the running statistics are those of the network that is trained, as they
are; with `uniform` they are estimated anew for the averaged weights, over all training images without
augmentation.

The decay of `ema` is warmed up, as TensorFlow's `ExponentialMovingAverage` does with `num_updates`: after t
averaged steps it is min(decay, (1 + t) / (10 + t)). At a constant decay the first weights would keep a share
of decay^t: 96 % after 40 steps of 0.999.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import get_ema_multi_avg_fn, get_swa_multi_avg_fn, update_bn

from cnnbuild.lang.recipe import AverageChoice, Ema
from cnnbuild.training.freezing import NOTHING, Frozen


class Average:
    """The average of all parameters that are trained; it begins with the first weights that it is given."""

    def __init__(self, choice: AverageChoice, parameters: list[Tensor], frozen: Frozen = NOTHING) -> None:
        settings = choice.chosen
        self._parameters = parameters
        self._frozen = frozen
        self._values: list[Tensor] = []
        self._statistics: list[Tensor] = []
        self.count = 0
        self.every_step = isinstance(settings, Ema)
        self.start_epoch = 1 if isinstance(settings, Ema) else settings.start_epoch
        self._average: Callable[[list[Tensor], list[Tensor], int], None] = (
            warmed_up_average(settings.decay) if isinstance(settings, Ema) else get_swa_multi_avg_fn()  # type: ignore[no-untyped-call]
        )

    def after_step(self) -> None:
        """Take in the weights that a step left, where every step counts."""
        if self.every_step:
            self._take()

    def after_epoch(self, epoch: int) -> None:
        """Take in the weights at the end of an epoch, counted from 1, where epochs count."""
        if not self.every_step and epoch >= self.start_epoch:
            self._take()

    def _take(self) -> None:
        with torch.no_grad():
            if self.count == 0:
                self._values = [parameter.detach().clone() for parameter in self._parameters]
            else:
                self._average(self._values, self._parameters, self.count)
        self.count += 1

    @contextmanager
    def applied(self, module: nn.Module, batches: Callable[[], Iterable[Tensor]]) -> Iterator[None]:
        """Within it the module has the averaged weights, where there are any; then its own again.

        `batches` gives the training images (N, C, H, W) from which batch normalisation is estimated.
        """
        if self.count == 0:
            yield
            return
        changing = [*self._parameters, *module.buffers()]
        with torch.no_grad():
            own = [tensor.detach().clone() for tensor in changing]
            self._statistics = [b.detach().clone() for norm in self._frozen.norms for b in norm.buffers()]
            _copy(self._values, self._parameters)
        try:
            if not self.every_step:
                update_bn(self._with_frozen_statistics(batches), module)
            yield
        finally:
            with torch.no_grad():
                _copy(own, changing)

    def _with_frozen_statistics(self, batches: Callable[[], Iterable[Tensor]]) -> Iterator[Tensor]:
        """The batches, after the norms that are frozen were given back what `update_bn` resets first."""
        with torch.no_grad():
            _copy(self._statistics, [buffer for norm in self._frozen.norms for buffer in norm.buffers()])
        self._frozen.hold()
        yield from batches()

    def state(self) -> dict[str, object]:
        """The average as plain data and tensors."""
        return {"count": self.count, "values": self._values}

    def restore(self, state: Mapping[str, object]) -> None:
        """Go on from what `state` gave."""
        count, values = state["count"], state["values"]
        if not isinstance(count, int) or not isinstance(values, list):
            raise TypeError("expected what `state` gave")
        self.count = count
        pairs = zip(self._parameters, values, strict=count > 0)
        self._values = [torch.empty_like(parameter).detach().copy_(value) for parameter, value in pairs]


def warmed_up_average(decay: float) -> Callable[[list[Tensor], list[Tensor], int], None]:
    """An exponential average of so many weights so far, as `AveragedModel` takes it for `multi_avg_fn`."""

    def average(values: list[Tensor], current: list[Tensor], count: int) -> None:
        warmed_up = min(decay, (1 + count) / (10 + count))
        get_ema_multi_avg_fn(warmed_up)(values, current, count)  # type: ignore[no-untyped-call]

    return average


def make_average(choice: AverageChoice | None, optimizer: Optimizer, frozen: Frozen) -> Average | None:
    """The average that a recipe asks for, of what its optimiser changes."""
    if choice is None:
        return None
    return Average(choice, [p for group in optimizer.param_groups for p in group["params"]], frozen)


def _copy(values: list[Tensor], into: list[Tensor]) -> None:
    for value, target in zip(values, into, strict=True):
        target.copy_(value)
