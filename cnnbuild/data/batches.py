"""Batches by index from images that lie on the device as bytes; normalised there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnbuild.data.dataset import Images, Part

STATISTICS_CHUNK = 4_096  # images that are counted at once: bounds the memory of their copies


@dataclass(frozen=True, slots=True, eq=False)
class Normalization:
    """Mean and standard deviation per channel (C,) of pixel values in 0..255."""

    mean: Tensor
    std: Tensor


def measure_normalization(images: Tensor) -> Normalization:
    """The statistics of uint8 images (N, C, H, W); a channel that never changes gets the deviation 1."""
    counts = [_histogram(images[:, channel]) for channel in range(images.shape[1])]
    values = range(256)
    return normalization_from(
        [sum(value * count for value, count in zip(values, of, strict=True)) for of in counts],
        [sum(value * value * count for value, count in zip(values, of, strict=True)) for of in counts],
        images[:, 0].numel(),
    )


def normalization_of(part: Part, indices: Tensor) -> Normalization:
    """The statistics of the images at `indices`; for the same pixels the same bits, in memory or in files."""
    if isinstance(part, Images):
        return measure_normalization(part.images[indices])
    chosen = part.at(indices)
    pixels = len(chosen) * chosen.shape[1] * chosen.shape[2]
    return normalization_from(chosen.sums.sum(0).tolist(), chosen.squares.sum(0).tolist(), pixels)


def normalization_from(sums: Sequence[int], squares: Sequence[int], pixels: int) -> Normalization:
    """Statistics from the sums of each channel's values and of their squares, which are exact."""
    mean = [total / pixels for total in sums]
    variance = [
        (pixels * square - total * total) / (pixels * pixels)
        for total, square in zip(sums, squares, strict=True)
    ]
    std = [math.sqrt(value) if value > 0 else 1.0 for value in variance]
    return Normalization(torch.tensor(mean), torch.tensor(std))


def _histogram(pixels: Tensor) -> list[int]:
    """How often each of the 256 values occurs."""
    counts = torch.zeros(256, dtype=torch.int64)
    for start in range(0, len(pixels), STATISTICS_CHUNK):
        counts += torch.bincount(pixels[start : start + STATISTICS_CHUNK].flatten().cpu(), minlength=256)
    return [int(count) for count in counts]


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
        self._scale = per_channel(1 / normalization.std, device)
        self._shift = per_channel(-normalization.mean / normalization.std, device)
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

    def batches(
        self,
        index_lists: Iterable[Tensor],
        *,
        epoch: int | None = None,  # noqa: ARG002 - nothing depends on it here
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """`batch` of each list of indices; see `sources.Batches`."""
        for indices in index_lists:
            yield self.batch(indices.to(self.device))


def per_channel(values: Tensor, device: torch.device) -> Tensor:
    """One number per channel (C,) as float32 (1, C, 1, 1) on the device."""
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
