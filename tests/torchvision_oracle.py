"""What torchvision's networks say about ours: the same parameters, multiply-adds and outputs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.layers.standard_block_calls import copy_in_order, randomise


def macs_of(make: Callable[[], nn.Module], shape: tuple[int, int, int], *, training: bool = False) -> int:
    """The multiply-adds of one image by torch's counter, which counts each as two operations.

    Gradients are on: torch's fused path of attention would hide work. Two images, as batch-norms want in training.
    """
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        make().train(training)(torch.empty(2, *shape))
    return int(counter.get_total_flops() // 4)


def assert_same_function(oracle: nn.Module, ours: nn.Module, shape: tuple[int, int, int]) -> None:
    """Weights copied over in order, both networks give the same logits in evaluation mode.

    With random weights and statistics the signal would die on the way, or grow beyond measure; so the statistics are
    those of a batch, gathered in one pass of training.
    """
    randomise(oracle)
    batch_norms = [layer for layer in oracle.modules() if isinstance(layer, nn.BatchNorm2d)]
    with torch.no_grad():
        for layer in batch_norms:
            layer.momentum = 1.0
            layer.weight.add_(1.0)
        for layer in oracle.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.weight.mul_((24 / layer.weight[0].numel()) ** 0.5)  # variance 2 / fan-in
        images = torch.rand(3, *shape, generator=torch.Generator().manual_seed(2)) * 2 - 1
        images *= torch.tensor([1.0, 2.0, 4.0]).reshape(3, 1, 1, 1)  # of noise alone, means hardly differ
        if batch_norms:
            oracle.train()(images)
        copy_in_order(oracle, ours)
        expected = oracle.eval()(images)
        torch.testing.assert_close(ours.eval()(images), expected, rtol=1e-4, atol=1e-4)
    assert expected.std(dim=0).mean() > 0.05  # the logits tell the images apart
    assert expected.abs().max() < 1e4
