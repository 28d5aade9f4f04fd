"""Random crop and flip of a whole batch at once, each image on its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from cnnbuild.lang.recipe import AugmentChoice, HorizontalFlip, RandomCrop


def augment(images: Tensor, steps: Sequence[AugmentChoice], generator: torch.Generator) -> Tensor:
    """The normalised images (N, C, H, W) after all steps, in written order; shape and memory layout stay."""
    for step in steps:
        match step.chosen:
            case RandomCrop(padding=padding):
                images = random_crop(images, padding, generator)
            case HorizontalFlip(p=p):
                images = horizontal_flip(images, p, generator)
    return images


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Each image (C, H, W) moved by up to `padding` pixels both ways; what comes in from outside is 0.

    All positions are equally likely. Images are normalised, so 0 is the mean colour.
    """
    count, _, height, width = images.shape
    offsets = torch.randint(0, 2 * padding + 1, (2, count, 1), generator=generator, device=generator.device)
    offsets = offsets.to(images.device)
    rows = offsets[0] + torch.arange(height, device=images.device)  # (N, H)
    columns = offsets[1] + torch.arange(width, device=images.device)  # (N, W)
    padded = functional.pad(
        images.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding)
    )  # (N, H', W', C)
    image = torch.arange(count, device=images.device)
    moved = padded[image[:, None, None], rows[:, :, None], columns[:, None, :]]  # (N, H, W, C)
    return _laid_out_like(moved.permute(0, 3, 1, 2), images)


def horizontal_flip(images: Tensor, p: float, generator: torch.Generator) -> Tensor:
    """Each image (C, H, W) mirrored left to right with probability `p`."""
    drawn = torch.rand(len(images), generator=generator, device=generator.device).to(images.device)
    return _laid_out_like(torch.where((drawn < p)[:, None, None, None], images.flip(-1), images), images)


def _laid_out_like(images: Tensor, model: Tensor) -> Tensor:
    layout = torch.contiguous_format if model.is_contiguous() else torch.channels_last
    return images.contiguous(memory_format=layout)
