"""Random crop, flip, cutout, mixup and cutmix of a whole batch at once, each image on its own.

They work on the normalised batch on its device, so they are the same whether the images lie in memory or come
from files. All numbers are drawn from the run's generator, a fixed count for a batch of a given size: its
state alone says how a stopped run goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from cnnbuild.data.mixing import cutmix, mixup
from cnnbuild.lang.recipe import AugmentChoice, Cutmix, Cutout, HorizontalFlip, Mixup, RandomCrop, Transform


def augment(
    images: Tensor,
    labels: Tensor,
    steps: Sequence[AugmentChoice],
    generator: torch.Generator,
    *,
    classes: int,
) -> tuple[Tensor, Tensor]:
    """The normalised images (N, C, H, W) and their targets after all steps, in written order.

    Targets are `labels` (N,), or class shares (N, classes) as float32 after mixup or cutmix; cross-entropy
    takes both. The images' shape and memory layout stay. A `transform` was applied when the image was read.
    """
    targets = labels
    for step in steps:
        match step.chosen:
            case RandomCrop(padding=padding):
                images = random_crop(images, padding, generator)
            case HorizontalFlip(p=p):
                images = horizontal_flip(images, p, generator)
            case Cutout(size=size, p=p):
                images = cutout(images, size, p, generator)
            case Mixup(alpha=alpha):
                images, targets = mixup(images, as_shares(targets, classes), alpha, generator)
            case Cutmix(alpha=alpha):
                images, targets = cutmix(images, as_shares(targets, classes), alpha, generator)
            case Transform():
                pass
    return images, targets


def as_shares(targets: Tensor, classes: int) -> Tensor:
    """Labels (N,) as shares (N, classes), 1 for the class; shares stay as they are."""
    return targets if targets.dim() == 2 else functional.one_hot(targets, classes).float()


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Each image (C, H, W) moved by up to `padding` pixels both ways; what comes in from outside is 0.

    All positions are equally likely. Images are normalised, so 0 is the mean colour.
    """
    count, channels, height, width = images.shape
    offsets = torch.randint(0, 2 * padding + 1, (2, count, 1), generator=generator, device=generator.device)
    offsets = offsets.to(images.device)
    rows = offsets[0] + torch.arange(height, device=images.device)  # (N, H)
    image = torch.arange(count, device=images.device)[:, None]
    if images.is_contiguous():
        padded = functional.pad(images, (padding, padding, padding, padding))  # (N, C, H', W')
        plane = image * channels + torch.arange(channels, device=images.device)  # (N, C)
        lines = plane[:, :, None] * padded.shape[2] + rows[:, None, :]  # (N, C, H)
        starts = lines * padded.shape[3] + offsets[1][:, None]
        return _stretches(padded, starts.flatten(), width).view(images.shape)
    padded = functional.pad(images.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding))
    starts = ((image * padded.shape[1] + rows) * padded.shape[2] + offsets[1]) * channels  # (N, H)
    moved = _stretches(padded.contiguous(), starts.flatten(), width * channels)
    return moved.view(count, height, width, channels).permute(0, 3, 1, 2)


def _stretches(values: Tensor, starts: Tensor, length: int) -> Tensor:
    """The `length` values in memory that follow each of the starts: (len(starts), length).

    Whole lines are copied, seven times faster on a CPU than picking pixel by pixel.
    """
    windows = values.as_strided((values.numel() - length + 1, length), (1, 1))
    return windows.index_select(0, starts)


def horizontal_flip(images: Tensor, p: float, generator: torch.Generator) -> Tensor:
    """Each image (C, H, W) mirrored left to right with probability `p`."""
    drawn = torch.rand(len(images), generator=generator, device=generator.device)
    chosen = (drawn < p).to(images.device)
    if images.device.type != "cpu":  # counting the chosen would make the host wait for the device
        return _laid_out_like(torch.where(chosen[:, None, None, None], images.flip(-1), images), images)
    mirrored = images.clone()
    mirrored[chosen] = images[chosen].flip(-1)
    return mirrored


def cutout(images: Tensor, size: int, p: float, generator: torch.Generator) -> Tensor:
    """Each image (C, H, W) with a square of `size` pixels set to 0 with probability `p`.

    The square's centre is any pixel of the image, so it may reach over the edge (DeVries and Taylor 2017,
    "Improved Regularization of Convolutional Neural Networks with Cutout"). 0 is the mean colour.
    """
    count, _, height, width = images.shape
    drawn = torch.rand((3, count, 1), generator=generator, device=generator.device).to(images.device)
    inside: list[Tensor] = []
    for place, extent in ((drawn[0], height), (drawn[1], width)):
        first = (place * extent).long() - size // 2  # (N, 1)
        position = torch.arange(extent, device=images.device)
        inside.append((position >= first) & (position < first + size))  # (N, extent)
    covered = inside[0][:, :, None] & inside[1][:, None, :] & (drawn[2] < p)[:, :, None]  # (N, H, W)
    return images.clone().masked_fill_(covered[:, None], 0)  # a copy keeps the memory layout


def _laid_out_like(images: Tensor, model: Tensor) -> Tensor:
    layout = torch.contiguous_format if model.is_contiguous() else torch.channels_last
    return images.contiguous(memory_format=layout)
