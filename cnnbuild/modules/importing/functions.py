"""Which layer type a function of torch is: that of the module that computes the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from cnnbuild.modules.importing.operations import NoCounterpartError


def _max_pool(
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> nn.Module:
    return nn.MaxPool2d(kernel_size, stride, padding, dilation, return_indices, ceil_mode)


def _dropout(p: float = 0.5, training: object = None, inplace: bool = False) -> nn.Module:  # noqa: ARG001
    return nn.Dropout(p)


def _dropout2d(p: float = 0.5, training: object = None, inplace: bool = False) -> nn.Module:  # noqa: ARG001
    return nn.Dropout2d(p)


def _stochastic_depth(p: float, mode: str, training: object = None) -> nn.Module:  # noqa: ARG001
    from torchvision.ops import StochasticDepth

    depth: nn.Module = StochasticDepth(p, mode)
    return depth


def _softmax(dim: int | None = None, _stacklevel: int = 3, dtype: object = None) -> nn.Module:  # noqa: ARG001
    return nn.Softmax(dim)


def _pad(pad: Sequence[int], mode: str = "constant", value: float | None = None) -> nn.Module:
    if mode != "constant" or value or len(pad) not in (2, 4):
        raise NoCounterpartError("only height and width are padded, and only with zeros")
    left, right, top, bottom = (*pad, 0, 0)[:4]
    return nn.ZeroPad2d((left, right, top, bottom))


def _clamp(min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> nn.Module:  # noqa: ARG001
    if (min_val, max_val) != (0, 6):
        raise NoCounterpartError("a clamp is known from 0 to 6 alone, as relu6")
    return nn.ReLU6()


FUNCTIONS: dict[str, Callable[..., nn.Module]] = {
    "relu": nn.ReLU,
    "relu_": nn.ReLU,
    "relu6": nn.ReLU6,
    "hardtanh": _clamp,
    "leaky_relu": nn.LeakyReLU,
    "leaky_relu_": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "hardsigmoid": nn.Hardsigmoid,
    "sigmoid": nn.Sigmoid,
    "sigmoid_": nn.Sigmoid,
    "tanh": nn.Tanh,
    "tanh_": nn.Tanh,
    "softplus": nn.Softplus,
    "softmax": _softmax,
    "dropout": _dropout,
    "feature_dropout": _dropout2d,
    "dropout2d": _dropout2d,
    "stochastic_depth": _stochastic_depth,
    "max_pool2d": _max_pool,
    "avg_pool2d": nn.AvgPool2d,
    "lp_pool2d": nn.LPPool2d,
    "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d,
    "adaptive_max_pool2d": nn.AdaptiveMaxPool2d,
    "local_response_norm": nn.LocalResponseNorm,
    "interpolate": nn.Upsample,
    "pixel_shuffle": nn.PixelShuffle,
    "channel_shuffle": nn.ChannelShuffle,
    "pad": _pad,
}
"""By the name of a function or method: what makes the module from the arguments behind the tensor."""


def module_of(name: str, arguments: Sequence[object], named: dict[str, object]) -> nn.Module:
    """The module that does what a call of a function does, `arguments` being those behind the tensor.

    Raises:
        NoCounterpartError: there is none.
    """
    make = FUNCTIONS.get(name)
    if make is None:
        raise NoCounterpartError("the language has no layer type for it; write a module of it as a plugin")
    try:
        return make(*arguments, **named)
    except TypeError as error:
        raise NoCounterpartError(f"its arguments are not those of {make.__name__}: {error}") from None
