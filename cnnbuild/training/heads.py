"""Networks with several heads: the loss of all, and the logits of the one that is tested."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional


def main_logits(output: Tensor | Mapping[str, Tensor]) -> Tensor:
    """The logits (N, classes) of a network's main head: its only one, or the first."""
    return next(iter(output.values())) if isinstance(output, Mapping) else output


def training_loss(
    output: Tensor | Mapping[str, Tensor],
    labels: Tensor,
    *,
    label_smoothing: float,
    head_weights: Mapping[str, float],
) -> Tensor:
    """Mean cross-entropy; of several heads, the sum of their losses, each times its weight."""
    if isinstance(output, Tensor):
        return functional.cross_entropy(output, labels, label_smoothing=label_smoothing)
    losses = [
        head_weights.get(name, 1.0)
        * functional.cross_entropy(logits, labels, label_smoothing=label_smoothing)
        for name, logits in output.items()
    ]
    return sum(losses[1:], start=losses[0])
