"""Images of another size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 1_000  # images that are resized at once: bounds the memory of their float copies


def resize(images: Tensor, size: int) -> Tensor:
    """The uint8 images (N, C, H, W) as (N, C, size, size): bilinear, with antialiasing."""
    if images.shape[-2:] == (size, size):
        return images
    resized = torch.empty(*images.shape[:2], size, size, dtype=torch.uint8)
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK].float()
        smooth = functional.interpolate(
            chunk, (size, size), mode="bilinear", align_corners=False, antialias=True
        )
        resized[start : start + CHUNK] = smooth.round().clamp(0, 255).to(torch.uint8)
    return resized
