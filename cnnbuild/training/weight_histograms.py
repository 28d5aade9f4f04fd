"""How the weights of each layer are distributed, looked at when an epoch ends."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnnbuild.training.gradient_flow import weights_by_layer
from cnnbuild.training.observations import BINS, WeightHistograms, rounded

MOST_LAYERS = 24
MOST_COUNTED = 8_192  # weights of a layer: enough for 24 bins, and a deviation to within one per cent
OFTEN = 10  # epochs, before only every second one is recorded, then every fourth, and so on
LARGEST_BYTE = 255


def is_recorded(epoch: int) -> bool:
    """Whether weights are looked at after an epoch, counted from 1.

    Of a long run the later epochs are recorded more and more seldom: 31 of 200. Only their numbers decide, so
    that a run that was interrupted has the same ones.

    >>> [epoch for epoch in range(1, 49) if is_recorded(epoch)]
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 48]
    """
    distance = 1
    while epoch > OFTEN * distance:
        distance *= 2
    return epoch % distance == 0


class WeightWatcher:
    """Looks at the weights of up to 24 layers of a network, of more layers at those in even distances."""

    def __init__(self, module: nn.Module) -> None:
        weights = weights_by_layer(module)
        names = list(weights)
        count = min(MOST_LAYERS, len(names))
        if count > 1:
            names = [names[place * (len(names) - 1) // (count - 1)] for place in range(count)]
        self.layers = tuple(names)
        self._weights: list[Tensor] = [weights[name] for name in names]

    @torch.no_grad()
    def look(self, epoch: int) -> WeightHistograms | None:
        """The weights as they are after an epoch, None of one that is not recorded or without layers."""
        if not self._weights or not is_recorded(epoch):
            return None
        numbers = _numbers([_some(weight) for weight in self._weights]).tolist()
        columns = [_plain(row) for row in numbers]
        low, high, mean, sd = ([of[0][place] for of in columns] for place in range(4))
        return WeightHistograms(
            tuple(low), tuple(high), tuple(mean), tuple(sd), tuple(heights for _, heights in columns)
        )


def _some(weight: Tensor) -> Tensor:
    """The weights (N,) of a layer; of a large one as many in even distances as cost no more than a small."""
    values = weight.detach().flatten()
    some = values[:: -(-len(values) // MOST_COUNTED)].float()
    return some.cpu() if some.device.type == "mps" else some  # which has no float64


def _numbers(layers: Sequence[Tensor]) -> Tensor:
    """Smallest, largest, mean and deviation of each layer's weights, and how many each bin has, as float64.

    (layers, 4 + BINS). Most layers are so small that calls are what costs: few are made for each, and one
    counts them all. Torch's own deviation takes ten times as long as two sums, exact enough in float64.
    """
    statistics: list[Tensor] = []
    shares: list[Tensor] = []
    for number, values in enumerate(layers):
        low, high = values.aminmax()
        exact = values.double()
        mean = exact.mean()
        sd = (exact.dot(exact) / len(exact) - mean * mean).clamp_(min=0).sqrt_()
        statistics += [low.double(), high.double(), mean, sd]
        scale = BINS / (high - low).clamp_(min=torch.finfo(torch.float32).tiny)
        share = torch.nan_to_num_(values.sub(low).mul_(scale))
        shares.append(share.clamp_(0, BINS - 0.5).add_(BINS * number))
    bins = torch.cat(shares).long()
    counts = torch.bincount(bins, minlength=BINS * len(layers)).view(len(layers), BINS)
    return torch.cat([torch.stack(statistics).view(len(layers), 4), counts], dim=1)


def _plain(numbers: list[float]) -> tuple[list[float | None], str]:
    """Low, high, mean and deviation, and the heights of the bins; nothing of weights that are not finite."""
    statistics, counts = numbers[:4], numbers[4:]
    if not all(map(math.isfinite, statistics)):
        return [None] * 4, ""
    highest = max(counts)
    heights = bytes(max(round(LARGEST_BYTE * count / highest), count > 0) for count in counts)
    return [rounded(value) for value in statistics], base64.b64encode(heights).decode("ascii")
