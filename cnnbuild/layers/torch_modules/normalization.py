"""Normalisation of the channels of each pixel."""

from __future__ import annotations

from torch import Tensor, nn


class ChannelsLayerNorm(nn.LayerNorm):
    """`torch.nn.LayerNorm`, which normalises the last axes, for maps with their channels first."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """(N, C, H, W) to the same shape, each pixel by itself."""
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
