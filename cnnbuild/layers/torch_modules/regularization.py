"""Modules that drop parts of a network in training."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn


class StochasticDepth(nn.Module):
    """In training, images are zero with probability `p`, each by itself or all at once."""

    def __init__(self, p: float, mode: Literal["row", "batch"]) -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        """(N, …) to the same shape; what survives is divided by 1 - p."""
        if not self.training or self.p == 0:
            return x
        decisions = x.shape[0] if self.mode == "row" else 1
        shape = (decisions, *(1 for _ in x.shape[1:]))
        kept = x.new_empty(shape).bernoulli_(1 - self.p)
        return x * (kept / (1 - self.p))

    def extra_repr(self) -> str:
        """The arguments, as torch prints those of its own modules."""
        return f"p={self.p}, mode={self.mode}"
