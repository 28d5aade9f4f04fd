"""Modules that join tensors, and the shortcut without weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Add(nn.Module):
    """The sum of its arguments."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        """Tensors of one shape to their sum."""
        total = first
        for other in others:
            total = total + other
        return total


class Concat(nn.Module):
    """Its arguments, one after the other along the channels."""

    def forward(self, *tensors: Tensor) -> Tensor:
        """(N, C1, H, W), (N, C2, H, W), … to (N, C1 + C2 + …, H, W)."""
        return torch.cat(tensors, dim=1)


class Multiply(nn.Module):
    """The product of its arguments, gates broadcast over maps."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        """Tensors that broadcast to one of them, to their product."""
        product = first
        for other in others:
            product = product * other
        return product


class ZeroPadShortcut(nn.Module):
    """Every `stride`-th pixel, with `extra_channels` of zeros appended."""

    def __init__(self, extra_channels: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.extra_channels = extra_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C + extra, ceil(H / stride), ceil(W / stride))."""
        subsampled = x[:, :, :: self.stride[0], :: self.stride[1]]
        return functional.pad(subsampled, (0, 0, 0, 0, 0, self.extra_channels))

    def extra_repr(self) -> str:
        """The arguments, as torch prints those of its own modules."""
        return f"extra_channels={self.extra_channels}, stride={self.stride}"
