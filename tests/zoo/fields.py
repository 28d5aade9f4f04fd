"""The receptive field of an implementation's last map: the pixels with a gradient, in an image that is longer than it.

Weights become positive means, activations and normalisation do nothing, a maximum becomes the mean of its window, so that
no two paths cancel. Nothing of cnnbuild is used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision.ops import SqueezeExcitation

THIN = (8, 16, 32, 64, 80)  # pixels of the axis that is not looked at: the fewest that a network takes
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


def field_of_last_map(
    make: Callable[[], nn.Module], last_map: str, *, channels: int, length: int
) -> tuple[int, int]:
    """Pixels of the field, and its stride, of two outputs in the middle of the last map.

    Args:
        make: The implementation.
        last_map: The name of its module whose output is looked at.
        channels: Those of the image.
        length: The image's height, which must be larger than the field.

    Raises:
        ValueError: the field comes to the image's border.
    """
    image, last = seen_through(positive(make().double().eval()), last_map, channels, length)
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


def seen_through(network: nn.Module, path: str, channels: int, length: int) -> tuple[Tensor, Tensor]:
    """An image of ones, as thin as can be, and what one module of the network gives for it."""
    for thin in THIN:
        image = torch.ones(1, channels, length, thin, dtype=torch.float64, requires_grad=True)
        with suppress(RuntimeError):  # a map of no pixels
            return image, output_of(network, path, image)
    raise ValueError(f"the network takes no image {THIN[-1]} pixels thin")


def output_of(network: nn.Module, path: str, image: Tensor) -> Tensor:
    """What one module of a network gives; what follows on it need not suit the image."""

    class Given(Exception):  # noqa: N818
        pass

    seen: list[Tensor] = []

    def stop(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        seen.append(output)
        raise Given

    with network.get_submodule(path).register_forward_hook(stop), suppress(Given):
        network(image)
    return seen[0]


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
