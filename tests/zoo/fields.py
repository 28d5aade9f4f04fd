"""The receptive field of an implementation's last map: the pixels with a gradient, in an image that is longer than it.

Weights become positive means, activations and normalisation do nothing, a maximum becomes the mean of its window, so that
no two paths cancel. Nothing of cnnbuild is used.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision.ops import SqueezeExcitation

THIN = 80  # pixels of the axis that is not looked at; Inception-v3 needs 75
POINTWISE = (
    nn.ReLU,
    nn.ReLU6,
    nn.SiLU,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Sigmoid,
    nn.GELU,
    nn.Tanh,
    nn.Dropout,
    nn.LayerNorm,
    SqueezeExcitation,  # its gate sees the whole map, but moves no pixel
)


def field_of_last_map(make: Callable[[], nn.Module], last_map: str, *, length: int) -> tuple[int, int]:
    """Pixels of the field, and its stride, of two outputs in the middle of the last map.

    Args:
        make: The implementation.
        last_map: The name of its module whose output is looked at.
        length: The image's height, which must be larger than the field.

    Raises:
        ValueError: the field comes to the image's border.
    """
    network = positive(make().double().eval())
    seen: list[Tensor] = []
    network.get_submodule(last_map).register_forward_hook(
        lambda _module, _inputs, output: seen.append(output)
    )
    image = torch.ones(1, 3, length, THIN, dtype=torch.float64, requires_grad=True)
    network(image)
    (last,) = seen
    middle = last.shape[2] // 2
    ends = []
    for row in (middle - 1, middle):
        (gradient,) = torch.autograd.grad(last[:, :, row].sum(), image, retain_graph=True)
        rows = gradient.ne(0).any(dim=3).any(dim=1)[0].nonzero()
        ends.append((int(rows[0]), int(rows[-1])))
    if min(first for first, _ in ends) == 0 or max(end for _, end in ends) == length - 1:
        raise ValueError(f"an image of {length} pixels is not longer than the field")
    (first, end), (next_first, next_end) = ends
    assert next_end - next_first == end - first
    return end - first + 1, next_first - first


class MeanOfWindow(nn.Module):
    """The mean of what a maximum looks at."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.mean = nn.AvgPool2d(pool.kernel_size, pool.stride, pool.padding, ceil_mode=pool.ceil_mode)

    def forward(self, maps: Tensor) -> Tensor:
        return self.mean(maps)


def positive(module: nn.Module) -> nn.Module:
    """The module with stand-ins that are linear and have positive weights."""
    for path, layer in list(module.named_modules()):
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        stand_in = None
        if isinstance(layer, (_BatchNorm, *POINTWISE)):
            stand_in = nn.Identity()
        elif isinstance(layer, nn.MaxPool2d):
            stand_in = MeanOfWindow(layer)
        if stand_in is not None:
            parent, _, name = path.rpartition(".")
            setattr(module.get_submodule(parent), name, stand_in)
    return module
