"""How many threads a network is worth.

On a CPU every operator of a network is split over the threads and waits for the slowest of them. Where an
operator has little to do, the waiting costs more than the splitting brings, and far more as soon as anything
else runs on the machine: three residual networks on digits took 36 s with one thread and 85 s with two on two
cores that were nearly idle, 40 s and 128 s beside one busy program.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

WORTH_SPLITTING = 10_000_000  # multiply-adds of one module for one batch


@contextmanager
def worthwhile_threads(module: nn.Module, image: Tensor, batch_size: int) -> Iterator[None]:
    """One thread while `module` trains in batches, unless its operators are large enough for more.

    `image` is one image as the module takes it, (1, C, H, W). Only the network and the batch size decide, so
    that the same run has the same bits; a user's own limit (OMP_NUM_THREADS) is never exceeded.
    """
    before = torch.get_num_threads()
    if image.device.type == "cpu" and work_per_module(module, image) * batch_size < WORTH_SPLITTING:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def work_per_module(module: nn.Module, image: Tensor) -> int:
    """Multiply-adds for one image, averaged over the modules that have no children."""
    leaves = sum(not list(child.children()) for child in module.modules())
    return multiply_adds(module, image) // max(leaves, 1)


def multiply_adds(module: nn.Module, image: Tensor) -> int:
    """Multiply-adds of convolutions and matrix products for one image (1, C, H, W), by torch's own count.

    A module is counted once for each shape of images.
    """
    counted = _counted.setdefault(module, {})
    shape = tuple(image.shape)
    if shape not in counted:
        counted[shape] = _count(module, image)
    return counted[shape]


_counted: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], int]] = WeakKeyDictionary()


def _count(module: nn.Module, image: Tensor) -> int:
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(image)
    finally:
        module.train(was_training)
    return int(counter.get_total_flops()) // 2
