"""Batches by index from images that lie on the device as bytes; normalised there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnbuild.data.dataset import Images

STATISTICS_CHUNK = 4_096  # images whose float64 copies exist at once


@dataclass(frozen=True, slots=True, eq=False)
class Normalization:
    """Mean and standard deviation per channel (C,) of pixel values in 0..255."""

    mean: Tensor
    std: Tensor


def measure_normalization(images: Tensor) -> Normalization:
    """The statistics of uint8 images (N, C, H, W); a channel that never changes gets the deviation 1."""
    channels = images.shape[1]
    values = torch.arange(256, dtype=torch.float64)
    mean, std = torch.zeros(channels), torch.ones(channels)
    for channel in range(channels):
        counts = torch.zeros(256, dtype=torch.float64)
        for start in range(0, len(images), STATISTICS_CHUNK):
            pixels = images[start : start + STATISTICS_CHUNK, channel].flatten()
            counts += torch.bincount(pixels.cpu(), minlength=256)
        total = counts.sum()
        center = (counts * values).sum() / total
        variance = (counts * (values - center) ** 2).sum() / total
        mean[channel] = center
        std[channel] = variance.sqrt() if variance > 0 else 1.0
    return Normalization(mean, std)


class BatchSource:
    """Images and labels on one device, from which normalised float batches are taken by index.

    The bytes are kept as (N, H, W, C) for `channels_last`, so that a batch comes out in that layout without a
    copy.
    """

    def __init__(
        self, images: Images, normalization: Normalization, device: torch.device, *, channels_last: bool
    ) -> None:
        pixels = images.images.permute(0, 2, 3, 1) if channels_last else images.images
        self._pixels = pixels.contiguous().to(device)
        self._channels_last = channels_last
        self._scale = _per_channel(1 / normalization.std, device)
        self._shift = _per_channel(-normalization.mean / normalization.std, device)
        self.labels = images.labels.to(device)
        self.device = device

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The images at `indices` as float32 (B, C, H, W), normalised, and their labels (B,)."""
        pixels = self._pixels.index_select(0, indices)
        if self._channels_last:
            pixels = pixels.permute(0, 3, 1, 2)
        return pixels.float().mul_(self._scale).add_(self._shift), self.labels.index_select(0, indices)


def _per_channel(values: Tensor, device: torch.device) -> Tensor:
    return values.float().view(1, -1, 1, 1).to(device)


def shuffled_batches(count: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The indices 0 to count - 1 in random order, `batch_size` at a time.

    The last batch may be smaller. A single image that would be left over joins the batch before it: batch
    normalisation has no statistics of one value.
    """
    order = torch.randperm(count, generator=generator)
    batches = list(torch.split(order, batch_size))
    if len(batches) > 1 and batch_size > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    yield from batches


def number_of_batches(count: int, batch_size: int) -> int:
    """How many batches `shuffled_batches` gives."""
    full, rest = divmod(count, batch_size)
    alone = rest == 1 and full > 0 and batch_size > 1
    return full + (1 if rest and not alone else 0)
