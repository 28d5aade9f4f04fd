"""The receptive field of an implementation's last map: the pixels with a gradient, in an image that is longer than it.

All weights become equal and positive, activations and normalisation do nothing, a maximum becomes the mean of its
window, so that no two paths cancel. A convolution whose weights are equal gives the same in all channels of a group: the
mean of the group's inputs, and of a window of it. Computed so, the largest network takes a second, with all its layers
and channels, and no weight needs memory. Nothing of cnnbuild is used.
"""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode
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
    network: nn.Module, last_map: str, *, channels: int, length: int
) -> tuple[int, int, int]:
    """Pixels of the field, its stride, and the pixel at which that of the first output begins.

    Two outputs in the middle of the map are looked at, in double precision: in single, the smallest gradients vanish.

    Args:
        network: The implementation, on the meta device; it is changed.
        last_map: The name of its module whose output is looked at.
        channels: Those of the image.
        length: The image's height, which must be larger than the field.

    Raises:
        ValueError: the field comes to the image's border.
    """
    image, last = seen_through(positive(network.eval()), last_map, channels, length)
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
    stride = next_first - first
    return end - first + 1, stride, first - (middle - 1) * stride


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

    with network.get_submodule(path).register_forward_hook(stop), NotInPlace(), suppress(Given):
        network(image)
    return seen[0]


class NotInPlace(TorchFunctionMode):
    """Adds to a tensor of its own, for one map that is seen as many cannot be written to; rectifies nothing."""

    def __torch_function__(self, function, types, arguments=(), options=None):
        if function is functional.relu:
            return arguments[0]
        if function is Tensor.add_:  # `+=`
            function = torch.add
        return function(*arguments, **(options or {}))


class EqualWeights(nn.Module):
    """A convolution with equal weights, which add up to 1."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.groups, self.out_channels = convolution.groups, convolution.out_channels
        self.kernel_size, self.stride = convolution.kernel_size, convolution.stride
        self.padding, self.dilation = convolution.padding, convolution.dilation

    def forward(self, maps: Tensor) -> Tensor:
        alike = maps.stride(1) == 0  # one map, seen as many
        means = maps[:, :1] if alike else maps.unflatten(1, (self.groups, -1)).mean(2)
        window = torch.ones(1, 1, *self.kernel_size, dtype=maps.dtype) / (
            self.kernel_size[0] * self.kernel_size[1]
        )
        given = functional.conv2d(
            means.transpose(0, 1), window, None, self.stride, self.padding, self.dilation
        )
        given = given.transpose(0, 1)
        if given.shape[1] == 1:
            return given.expand(-1, self.out_channels, -1, -1)
        return given.repeat_interleave(self.out_channels // self.groups, dim=1)


class EqualWeightsOfVectors(nn.Module):
    """A fully connected layer with equal weights, which add up to 1."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.out_features = linear.out_features

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors.mean(-1, keepdim=True).expand(*vectors.shape[:-1], self.out_features)


class MeanOfWindow(nn.Module):
    """The mean of what a maximum looks at."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.mean = nn.AvgPool2d(pool.kernel_size, pool.stride, pool.padding, ceil_mode=pool.ceil_mode)

    def forward(self, maps: Tensor) -> Tensor:
        return self.mean(maps)


def positive(module: nn.Module) -> nn.Module:
    """The module with stand-ins that are linear and have positive weights; none has memory of its own."""
    for path, layer in list(module.named_modules()):
        stand_in: nn.Module | None = None
        if isinstance(layer, nn.Conv2d):
            stand_in = EqualWeights(layer)
        elif isinstance(layer, nn.Linear):
            stand_in = EqualWeightsOfVectors(layer)
        elif isinstance(layer, nn.MaxPool2d):
            stand_in = MeanOfWindow(layer)
        elif isinstance(layer, (_BatchNorm, *POINTWISE)):
            stand_in = nn.Identity()
        if stand_in is not None:
            parent, _, name = path.rpartition(".")
            setattr(module.get_submodule(parent), name, stand_in)
    for layer in module.modules():
        for name, scale in layer.named_parameters(recurse=False):
            one = torch.ones((), dtype=torch.float64).expand(scale.shape)
            setattr(layer, name, nn.Parameter(one, requires_grad=False))
    return module
