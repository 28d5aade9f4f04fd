"""Tensors as pictures of bytes, none larger than a page can show."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from cnnbuild.analyses.kept import Picture
from cnnbuild.training.observations import rounded

COLOURS = 3
LARGEST_BYTE = 255
LARGEST_PHOTOGRAPH = 64  # pixels along the longer side; larger ones are averaged down
LARGEST_MAP = 32


def photograph(pixels: Tensor) -> Picture:
    """An image of bytes (C, H, W); one of another number of channels than 1 or 3 as their mean."""
    values = made_smaller(pixels.float(), LARGEST_PHOTOGRAPH)
    if len(values) not in {1, COLOURS}:
        values = values.mean(0, keepdim=True)
    return _picture(values.round().to(torch.uint8), 0.0, float(LARGEST_BYTE))


def map_picture(values: Tensor) -> Picture:
    """A map (H, W) on a scale from its own smallest to its own largest value."""
    smaller = made_smaller(values.detach().float().cpu()[None], LARGEST_MAP)
    return on_scale(smaller, float(smaller.min()), float(smaller.max()))


def on_scale(values: Tensor, low: float, high: float) -> Picture:
    """Numbers (C, H, W), with 1 or 3 channels, as bytes: 0 for `low` and 255 for `high`.

    A picture of one value, where the two are equal, is all 0.
    """
    spread = high - low
    shares = (values.float() - low) / spread if spread > 0 else torch.zeros_like(values)
    shares = torch.nan_to_num(shares).clamp(0, 1)
    return _picture((shares * LARGEST_BYTE).round().to(torch.uint8), rounded(low), rounded(high))


def _picture(pixels: Tensor, low: float, high: float) -> Picture:
    channels, height, width = pixels.shape
    kind: Literal[1, 3] = 1 if channels == 1 else 3
    content = pixels.permute(1, 2, 0).contiguous().numpy().tobytes()
    return Picture.of(content, height=height, width=width, channels=kind, low=low, high=high)


def made_smaller(values: Tensor, most: int) -> Tensor:
    """Values (C, H, W) averaged down, with their proportions, to at most so many pixels along a side."""
    longer = max(values.shape[1:])
    if longer <= most:
        return values
    height, width = (max(1, round(side * most / longer)) for side in values.shape[1:])
    return functional.adaptive_avg_pool2d(values, (height, width))
