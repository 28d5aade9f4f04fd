"""Gates: modules that multiply their input by numbers that they compute from it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """A gate per channel from the mean over the map, with torchvision's weights."""

    def __init__(
        self,
        channels: int,
        hidden_channels: int,
        activation: nn.Module,
        gate: nn.Module,
    ) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, hidden_channels, 1)
        self.activation = activation
        self.fc2 = nn.Conv2d(hidden_channels, channels, 1)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        scale: Tensor = self.gate(
            self.fc2(self.activation(self.fc1(self.squeeze(x)))),
        )  # (N, C, 1, 1)
        return scale * x


class AvgMaxChannelAttention(nn.Module):
    """A gate per channel from the map's mean and maximum, through one bottleneck."""

    def __init__(self, channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden_channels, 1)
        self.activation = nn.ReLU()
        self.fc2 = nn.Conv2d(hidden_channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        mean = x.mean(dim=(2, 3), keepdim=True)
        largest = x.amax(dim=(2, 3), keepdim=True)
        return torch.sigmoid(self._bottleneck(mean) + self._bottleneck(largest)) * x

    def _bottleneck(self, pooled: Tensor) -> Tensor:
        expanded: Tensor = self.fc2(self.activation(self.fc1(pooled)))
        return expanded


def channel_attention(
    channels: int,
    hidden_channels: int,
    pool: Literal["avg", "avg_max"],
) -> nn.Module:
    """A gate per channel from the mean of the map, or from its mean and its maximum."""
    if pool == "avg_max":
        return AvgMaxChannelAttention(channels, hidden_channels)
    return SqueezeExcite(channels, hidden_channels, nn.ReLU(), nn.Sigmoid())


class SpatialAttention(nn.Module):
    """A gate per pixel from the mean and the maximum over the channels around it."""

    def __init__(self, kernel_size: tuple[int, int]) -> None:
        super().__init__()
        padding = (kernel_size[0] // 2, kernel_size[1] // 2)
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=padding, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        summary = torch.cat(
            (x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)),
            dim=1,
        )
        return torch.sigmoid(self.conv(summary)) * x  # (N, 1, H, W) * (N, C, H, W)


class Cbam(nn.Module):
    """Channel attention, then spatial attention of what it gives."""

    def __init__(self, channel: nn.Module, spatial: nn.Module) -> None:
        super().__init__()
        self.channel = channel
        self.spatial = spatial

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        attended: Tensor = self.spatial(self.channel(x))
        return attended
