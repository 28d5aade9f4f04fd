"""Layers whose units all begin with the same weights, and whether training told them apart."""

from __future__ import annotations

from typing import TypeAlias, TypeGuard

import torch
from torch import Tensor, nn

from cnnbuild.training.observations import AlikeLayer

NEARLY = 1e-3
"""Of a layer's largest weight: units of the same gradients drift apart by rounding, and no further."""
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
Layer: TypeAlias = (
    nn.Linear
    | nn.Conv1d
    | nn.Conv2d
    | nn.Conv3d
    | nn.ConvTranspose1d
    | nn.ConvTranspose2d
    | nn.ConvTranspose3d
)


class AlikeUnits:
    """The layers of a network whose units are alike when this is made: before the first step.

    Units with the same weights and biases give the same, and where what reads them treats them alike too,
    they get the same gradients for ever: the layer is worth one unit. Whether that is so is seen at the end.
    The last layer is left out, since the classes tell its units apart; so are layers that are not trained,
    and convolutions in groups, whose units see different channels.
    """

    def __init__(self, module: nn.Module) -> None:
        layers: list[tuple[str, Layer]] = []
        layers += [(name, layer) for name, layer in module.named_modules() if _has_like_units(layer)]
        self._layers = [
            (name, layer, [_are_alike(tensor, within=0.0) for tensor in _per_unit(layer)])
            for name, layer in layers[:-1]
            if layer.weight.requires_grad
        ]  # the answers are asked for at the end: before the first step nobody waits for the device

    @torch.no_grad()
    def still(self) -> tuple[AlikeLayer, ...]:
        """Those of the layers whose units are alike now, too, in the order of the network."""
        return tuple(
            AlikeLayer(name, len(_per_unit(layer)[0]))
            for name, layer, began in self._layers
            if all(map(bool, began)) and all(bool(_are_alike(t, within=NEARLY)) for t in _per_unit(layer))
        )


def _has_like_units(layer: nn.Module) -> TypeGuard[Layer]:
    if isinstance(layer, nn.Linear):
        return layer.out_features > 1
    if isinstance(layer, (*_CONVOLUTIONS, *_TRANSPOSED)):
        return layer.groups == 1 and layer.out_channels > 1
    return False


def _per_unit(layer: Layer) -> list[Tensor]:
    """The weights, and the biases if there are any, as a row for each unit."""
    rows = layer.weight.transpose(0, 1) if isinstance(layer, _TRANSPOSED) else layer.weight
    found = [rows.detach().flatten(1)]
    return found if layer.bias is None else [*found, layer.bias.detach()[:, None]]


def _are_alike(rows: Tensor, *, within: float) -> Tensor:
    """Whether no row differs from the first by more than a fraction of the largest number; of shape ()."""
    return (rows - rows[:1]).abs().max() <= within * rows.abs().max()
