"""Gradient norms and update sizes of each layer, read at a few steps and never waited for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import torch
from torch import Tensor, nn

from cnnbuild.training.observations import Column, GradientFlow, rounded

FIRST_STEPS = 3  # of a run, all sampled: where most things go wrong
MAX_SAMPLES_PER_EPOCH = 20
FEWEST_STEPS_PER_SAMPLE = 24  # short epochs give fewer samples, at least one, to keep their cost small
SMALLEST_NORM = 1e-30  # of weights, below which a ratio to them says nothing


def sampled_positions(steps_per_epoch: int) -> frozenset[int]:
    """The steps of an epoch, counted from 0, at which gradients are read: the middles of equal stretches.

    >>> sorted(sampled_positions(48))
    [12, 36]
    """
    wanted = -(-steps_per_epoch // FEWEST_STEPS_PER_SAMPLE)
    count = max(1, min(MAX_SAMPLES_PER_EPOCH, wanted))
    return frozenset((2 * number + 1) * steps_per_epoch // (2 * count) for number in range(count))


def weights_by_layer(module: nn.Module) -> dict[str, nn.Parameter]:
    """The weights with at least two axes that are trained, by the name of their layer.

    Where a layer calls them something else than `weight`, that is part of the name, as in
    `attention.in_proj_weight`.
    """
    found: dict[str, nn.Parameter] = {}
    for path, layer in module.named_modules():
        for name, parameter in layer.named_parameters(recurse=False):
            if parameter.dim() > 1 and parameter.requires_grad:
                parts = [path, name] if name != "weight" or not path else [path]
                found[".".join(part for part in parts if part)] = parameter
    return found


class GradientSampler:
    """Reads gradients and updates at sampled steps; numbers stay on the device until the epoch ends."""

    def __init__(self, module: nn.Module, *, steps_per_epoch: int) -> None:
        weights = weights_by_layer(module)
        self.layers = tuple(weights)
        self._weights: list[Tensor] = list(weights.values())
        own = {id(weight) for weight in self._weights}
        trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self._others = [parameter for parameter in trained if id(parameter) not in own]
        self._sizes = [weight.numel() for weight in self._weights]
        self._steps_per_epoch = steps_per_epoch
        self._positions = sampled_positions(steps_per_epoch)
        self._before: list[Tensor] = []
        self._begun: list[Tensor] = []  # the step's numbers so far, () each
        self._samples: list[Tensor] = []  # each (4 * layers + other parameters,), see `_flow`

    def is_sampled(self, step: int) -> bool:
        """Whether gradients are read at a step, counted from 0 over the run; the same for every run."""
        return step < FIRST_STEPS or step % self._steps_per_epoch in self._positions

    def before_update(self, step: int) -> None:
        """Between the backward pass and the optimiser's step, where the step is sampled.

        Of an optimiser that asks for several backward passes in one step (LBFGS), the first is read.
        """
        if self.is_sampled(step) and self._weights and not self._begun:
            self._read_gradients()

    def after_update(self, step: int) -> None:
        """After the optimiser's step, where the step is sampled."""
        if self.is_sampled(step) and self._begun:
            self._read_update()

    @torch.no_grad()
    def _read_gradients(self) -> None:
        if not self._before:
            self._before = [torch.empty_like(weight) for weight in self._weights]
        torch._foreach_copy_(self._before, self._weights)
        gradients = [_gradient(weight) for weight in self._weights]
        others = [_gradient(other) for other in self._others]
        norms = torch._foreach_norm([*self._before, *gradients, *others], 2)
        self._begun = [*_sums_of_magnitudes(gradients), *norms]

    @torch.no_grad()
    def _read_update(self) -> None:
        torch._foreach_sub_(self._before, self._weights)
        self._samples.append(torch.stack([*torch._foreach_norm(self._before, 2), *self._begun]))
        self._begun = []

    def epoch(self) -> GradientFlow | None:
        """What was read since the last call, None where nothing was; the samples are forgotten."""
        if not self._samples:
            return None
        samples = torch.stack(self._samples).cpu().double().tolist()
        self._samples = []
        return _flow(samples, self._sizes)

    def state(self) -> Tensor:
        """The samples (n, numbers) of the epoch so far."""
        if not self._samples:
            return torch.zeros(0, 4 * len(self._weights) + len(self._others))
        return torch.stack(self._samples).cpu()

    def restore(self, state: Tensor) -> None:
        """Go on from what `state` gave."""
        device = self._weights[0].device if self._weights else state.device
        self._samples = list(state.to(device).unbind())
        self._begun = []


def _gradient(weight: Tensor) -> Tensor:
    """The gradient, zeros where the weight took no part in the loss."""
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def _sums_of_magnitudes(tensors: list[Tensor]) -> Sequence[Tensor]:
    """The L1 norm () of each; the CPU's own norm takes three to five times as long as two plain passes."""
    if tensors[0].device.type == "cpu":
        return [tensor.abs().sum() for tensor in tensors]
    return torch._foreach_norm(tensors, 1)


def _flow(samples: Sequence[Sequence[float]], sizes: Sequence[int]) -> GradientFlow:
    """The epoch's columns from its samples.

    A sample holds, for each layer in turn: the norm of its update, the L1 norm of its gradient, the norm of
    its weights before the update, the norm of its gradient; then the norms of all other gradients.
    """
    layers = range(len(sizes))
    update, sums, weight, norm = (number * len(sizes) for number in range(4))
    norms = [[sample[norm + layer] for sample in samples] for layer in layers]
    mean_abs = [[sample[sums + layer] / sizes[layer] for sample in samples] for layer in layers]
    weights = [[sample[weight + layer] for sample in samples] for layer in layers]
    ratios = [
        [_ratio(sample[update + layer], sample[weight + layer]) for sample in samples] for layer in layers
    ]
    everything = [math.hypot(*sample[norm:]) for sample in samples]
    finite = [total for total in everything if math.isfinite(total)]
    return GradientFlow(
        sampled_steps=len(samples),
        global_norm=_mean(everything),
        largest_global_norm=rounded(max(finite)) if finite else None,
        last_global_norm=_last(everything),
        norm=_column(norms),
        last_norm=_lasts(norms),
        mean_abs=_column(mean_abs),
        last_mean_abs=_lasts(mean_abs),
        update_ratio=_column(ratios),
        last_update_ratio=_lasts(ratios),
        last_weight_norm=_lasts(weights),
    )


def _ratio(update: float, weight: float) -> float:
    return update / weight if weight > SMALLEST_NORM else math.nan


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return rounded(fmean(finite)) if finite else None


def _last(values: Sequence[float]) -> float | None:
    return rounded(values[-1]) if math.isfinite(values[-1]) else None


def _column(by_layer: Sequence[Sequence[float]]) -> Column:
    return tuple(_mean(values) for values in by_layer)


def _lasts(by_layer: Sequence[Sequence[float]]) -> Column:
    return tuple(_last(values) for values in by_layer)
