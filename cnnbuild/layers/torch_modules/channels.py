"""Modules that select and scale channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SplitChannels(nn.Module):
    """One of `sections` equal parts of the channels."""

    def __init__(self, sections: int, index: int) -> None:
        super().__init__()
        self.sections = sections
        self.index = index

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, …) to (N, C / sections, …)."""
        return x.chunk(self.sections, dim=1)[self.index]

    def extra_repr(self) -> str:
        """The arguments, as torch prints those of its own modules."""
        return f"sections={self.sections}, index={self.index}"


class LayerScale(nn.Module):
    """Its input times a learned number per channel; `shape` is (C, 1, 1) or (F,)."""

    def __init__(self, shape: tuple[int, ...], init_value: float) -> None:
        super().__init__()
        self.init_value = init_value
        self.weight = nn.Parameter(torch.full(shape, init_value))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) or (N, F) to the same shape."""
        return x * self.weight

    def extra_repr(self) -> str:
        """The arguments, as torch prints those of its own modules."""
        return f"{tuple(self.weight.shape)}, init_value={self.init_value}"


class Scale(nn.Module):
    """Its input times a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        return x * self.factor

    def extra_repr(self) -> str:
        """The argument, as torch prints those of its own modules."""
        return f"{self.factor}"
