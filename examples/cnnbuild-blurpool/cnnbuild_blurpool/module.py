"""What `blur_pool` computes."""

from __future__ import annotations

from math import comb

import torch
from torch import nn
from torch.nn import functional


class BlurPool2d(nn.Module):
    """A binomial filter over each channel by itself; of its output every `stride`-th pixel."""

    filter: torch.Tensor

    def __init__(self, num_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.padding, self.stride = [kernel_size // 2] * 4, stride
        row = torch.tensor([float(comb(kernel_size - 1, k)) for k in range(kernel_size)])
        table = torch.outer(row, row) / row.sum() ** 2
        self.register_buffer("filter", table.repeat(num_channels, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C, H', W')."""
        padded = functional.pad(x, self.padding, mode="reflect")
        return functional.conv2d(padded, self.filter, stride=self.stride, groups=len(self.filter))
