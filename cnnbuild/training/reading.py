"""The training batches of one process: whole ones, or as much of them as it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cnnbuild.data.batches import BatchSource
from cnnbuild.lang.recipe import Cutmix, Mixup
from cnnbuild.training.steps import split_without_remnant

if TYPE_CHECKING:
    from cnnbuild.training.run import Run


def training_batches(run: Run, asked: Sequence[Tensor], epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of an epoch, as `Batches.batches` gives them.

    Where images are read from files, one of several processes reads those of its own share; the others are
    black, and are there so that augmentation draws the same numbers as in one process. Mixing needs them all,
    and images in memory cost nothing to take.
    """
    mixes = any(isinstance(step.chosen, Mixup | Cutmix) for step in run.recipe.augment)
    if run.world.size == 1 or mixes or isinstance(run.train, BatchSource):
        return run.train.batches(asked, epoch=epoch)
    return _own_share(run, asked, epoch)


def _own_share(run: Run, asked: Sequence[Tensor], epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    rows = [_own_rows(run, len(indices)).to(run.device) for indices in asked]
    own = [indices[some] for indices, some in zip(asked, rows, strict=True)]
    batches = run.train.batches(own, epoch=epoch)
    for indices, some, (images, _) in zip(asked, rows, batches, strict=True):
        layout = torch.contiguous_format if images.is_contiguous() else torch.channels_last
        whole = torch.empty((len(indices), *images.shape[1:]), device=images.device, memory_format=layout)
        whole.zero_()[some] = images
        yield whole, run.train.labels[indices]


def _own_rows(run: Run, count: int) -> Tensor:
    """The rows of a batch of `count` images that this process computes, of each micro-batch its share."""
    size = run.recipe.batch_size // run.recipe.accumulate if run.recipe.accumulate > 1 else count
    parts = split_without_remnant(torch.arange(count), size)
    return torch.cat([run.world.share_of(len(part)).of(part) for part in parts])
