"""Time and memory of both sides, measured in turn so that what slows the machine slows both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from statistics import quantiles

import torch
from torch import Tensor, nn

from cnnbuild.graph.graph import BYTES_PER_VALUE
from cnnbuild.lang.layer_study_document import Numbers
from cnnbuild.modules.measured_memory import saved_by
from cnnbuild.studies.layer_comparison.plan import output_shape
from cnnbuild.studies.layer_comparison.record import Cost, Timing
from cnnbuild.studies.layer_comparison.sides import BuiltSide, drawn
from cnnbuild.training.machine import peak_memory, reset_peak_memory, synchronize

WARM_UP = 3
MIN_REPEATS, MAX_REPEATS = 9, 101
BUDGET_SECONDS = 0.3  # for all sides together, of one kind of pass


def costs_of(
    sides: Sequence[BuiltSide], shape: tuple[int, ...], numbers: Numbers, device: torch.device
) -> tuple[Cost, ...]:
    """What each side costs, in float32, on inputs (N, C, H, W) of this shape."""
    images = drawn(shape, numbers, 0, "input").to(device, torch.float32)
    evaluating = [side.copied("float32", device) for side in sides]
    training = [side.copied("float32", device, "training") for side in sides]
    steps = [_Step(module, images) for module in training]
    with torch.inference_mode():
        forward = _timed([_Forward(module, images) for module in evaluating], device)
    both = _timed(steps, device)
    return tuple(
        Cost(
            parameters=side.graph.parameters,
            macs=side.graph.macs,
            activation_bytes=side.graph.activation_bytes,
            kept_bytes=_kept_bytes(side, module, images),
            peak_bytes=_peak_bytes(step, device),
            forward=forward[number],
            forward_backward=both[number],
        )
        for number, (side, module, step) in enumerate(zip(sides, training, steps, strict=True))
    )


@dataclass(frozen=True)
class _Forward:
    """One pass forward."""

    module: nn.Module
    images: Tensor

    def __call__(self) -> None:
        """Do it."""
        self.module(self.images)


@dataclass(frozen=True)
class _Step:
    """One pass forward and backward, to the input and all weights."""

    module: nn.Module
    images: Tensor

    def __call__(self) -> None:
        """Do it; no gradient is kept."""
        images = self.images.detach().requires_grad_()
        output = self.module(images)
        targets = (images, *self.module.parameters())
        torch.autograd.grad(output, targets, torch.ones_like(output), allow_unused=True)


def _timed(passes: Sequence[Callable[[], None]], device: torch.device) -> list[Timing]:
    """The time of each pass; they take turns, and every second round begins with the last."""
    for each in passes:
        for _ in range(WARM_UP):
            each()
    seconds: list[list[float]] = [[] for _ in passes]
    begin = time.perf_counter()
    while len(seconds[0]) < MIN_REPEATS or (
        len(seconds[0]) < MAX_REPEATS and time.perf_counter() - begin < BUDGET_SECONDS
    ):
        order = range(len(passes)) if len(seconds[0]) % 2 else reversed(range(len(passes)))
        for number in order:
            synchronize(device)
            start = time.perf_counter()
            passes[number]()
            synchronize(device)
            seconds[number].append(time.perf_counter() - start)
    return [_timing(each) for each in seconds]


def _timing(seconds: list[float]) -> Timing:
    low, median, high = quantiles(seconds, n=4)
    return Timing(median, low, high, len(seconds))


def _kept_bytes(side: BuiltSide, module: nn.Module, images: Tensor) -> int:
    """What autograd saves for the backward pass, of tensors of the input and output too; no weights."""
    saved = saved_by(module, images)
    output = len(images) * prod(output_shape(side.graph)) * BYTES_PER_VALUE if saved.output else 0
    return saved.inner_bytes + output + (images.untyped_storage().nbytes() if saved.inputs else 0)


def _peak_bytes(step: _Step, device: torch.device) -> int | None:
    """What a pass forward and backward takes at most beside what is there; None without a device to tell."""
    if device.type != "cuda":
        return None
    before = int(torch.cuda.memory_allocated(device))
    reset_peak_memory(device)
    step()
    synchronize(device)
    peak, _ = peak_memory(device)
    return None if peak is None else peak - before
