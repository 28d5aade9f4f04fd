"""Normalisation of the channels of each pixel."""

from __future__ import annotations

from torch import Tensor, nn


class ChannelsLayerNorm(nn.LayerNorm):
    """`torch.nn.LayerNorm`, which normalises the last axes, for maps (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape, each pixel by itself."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
