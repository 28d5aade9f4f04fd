"""How long one forward pass takes."""

from __future__ import annotations

import statistics
import time

import torch
from torch import nn

from cnnbuild.data.sources import Batches
from cnnbuild.training.machine import synchronize
from cnnbuild.training.pulse import beat
from cnnbuild.training.record import Latency

WARM_UP = 3
MIN_REPEATS, MAX_REPEATS = 5, 50  # median and percentile want some, patience allows few
BUDGET_SECONDS = 0.5  # per batch size; slow networks get fewer repeats


def measure_latency(module: nn.Module, source: Batches, batch_size: int) -> Latency:
    """Median and 95th percentile of one pass in evaluation mode; the batch lies on the device beforehand.

    Images repeat where the set is smaller than the batch.
    """
    indices = torch.arange(batch_size, device=source.device) % len(source)
    images, _ = source.batch(indices)
    was_training = module.training
    module.eval()
    seconds: list[float] = []
    try:
        with torch.inference_mode():
            for _ in range(WARM_UP):
                module(images)
            begin = time.perf_counter()
            while len(seconds) < MIN_REPEATS or (
                len(seconds) < MAX_REPEATS and time.perf_counter() - begin < BUDGET_SECONDS
            ):
                synchronize(source.device)
                start = time.perf_counter()
                module(images)
                synchronize(source.device)
                seconds.append(time.perf_counter() - start)
                beat()
    finally:
        module.train(was_training)
    return Latency(batch_size, len(seconds), statistics.median(seconds), percentile_95(seconds))


def percentile_95(values: list[float]) -> float:
    """The smallest of the values that at least 95 % of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-95 * len(ordered) // 100)
    return ordered[rank - 1]
