"""Which layer type a module of torch is, and with which parameters."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn
from torchvision.ops import SqueezeExcitation, StochasticDepth

from cnnbuild.modules.importing.copies import own_name
from cnnbuild.modules.importing.gates import has_our_gate, our_squeeze_excite, squeeze_excite
from cnnbuild.modules.importing.operations import Meaning, NoCounterpartError, Value, one_or_pair

Reading = Callable[[nn.Module], Meaning]


def meaning_of(module: nn.Module) -> Meaning:
    """What a module of torch is in the language; `identity` where it does nothing.

    Raises:
        NoCounterpartError: nothing.
    """
    reading = _reading_of(module)
    if reading is None:
        raise NoCounterpartError("the language has no layer type for it; write one as a plugin")
    return reading(module)


def is_known(module: nn.Module) -> bool:
    """Whether a module is a layer of the language as it is, so that nobody need look into it."""
    return _reading_of(module) is not None and (
        not isinstance(module, SqueezeExcitation) or has_our_gate(module)
    )


def _plain(word: str, *names: str) -> Reading:
    """A layer type whose parameters have the names of the module's attributes."""

    def read(module: nn.Module) -> Meaning:
        return Meaning(word, {name: getattr(module, name) for name in names}, _own_weights(module))

    return read


def _sized(word: str, *names: str) -> Reading:
    """The same for parameters that are sizes."""

    def read(module: nn.Module) -> Meaning:
        return Meaning(word, {name: _size(getattr(module, name)) for name in names})

    return read


def _size(value: object) -> Value:
    return value if value is None or isinstance(value, bool) else one_or_pair(value)


def _own_weights(module: nn.Module) -> dict[str, str]:
    return {name: name for name in module.state_dict()}


def _conv(module: nn.Module) -> Meaning:
    if not isinstance(module, nn.Conv2d):
        raise TypeError(type(module))
    padding = module.padding if isinstance(module.padding, str) else one_or_pair(module.padding)
    return Meaning(
        "conv",
        {
            "out_channels": module.out_channels,
            "kernel_size": one_or_pair(module.kernel_size),
            "stride": one_or_pair(module.stride),
            "padding": padding,
            "dilation": one_or_pair(module.dilation),
            "groups": module.groups,
            "bias": module.bias is not None,
            "padding_mode": module.padding_mode,
        },
        _own_weights(module),
    )


def _conv_transpose(module: nn.Module) -> Meaning:
    if not isinstance(module, nn.ConvTranspose2d) or module.padding_mode != "zeros":
        raise NoCounterpartError("its padding_mode must be zeros")
    sizes = ("kernel_size", "stride", "padding", "output_padding", "dilation")
    return Meaning(
        "conv_transpose",
        {
            "out_channels": module.out_channels,
            **{name: one_or_pair(getattr(module, name)) for name in sizes},
            "groups": module.groups,
            "bias": module.bias is not None,
        },
        _own_weights(module),
    )


def _linear(module: nn.Module) -> Meaning:
    if not isinstance(module, nn.Linear):
        raise TypeError(type(module))
    return Meaning(
        "linear",
        {"out_features": module.out_features, "bias": module.bias is not None},
        _own_weights(module),
    )


def _layer_norm(module: nn.Module) -> Meaning:
    """Of flat tensors; maps with their channels last are seen by who knows the tensor's layout."""
    if not isinstance(module, nn.LayerNorm):
        raise TypeError(type(module))
    affine = module.elementwise_affine
    return Meaning(
        "layer_norm",
        {
            "over": "channels" if len(module.normalized_shape) == 1 else "all",
            "eps": module.eps,
            "elementwise_affine": affine,
            "bias": "bias" in module.state_dict() or not affine,
        },
        _own_weights(module),
    )


def _max_pool(module: nn.Module) -> Meaning:
    if getattr(module, "return_indices", False):
        raise NoCounterpartError("it returns indices; the language has no unpooling")
    return _sized("max_pool", "kernel_size", "stride", "padding", "dilation", "ceil_mode")(module)


def _avg_pool(module: nn.Module) -> Meaning:
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    return _sized("avg_pool", *names)(module)


def _lp_pool(module: nn.Module) -> Meaning:
    sizes = _sized("lp_pool", "kernel_size", "stride", "ceil_mode")(module)
    return Meaning("lp_pool", {**sizes.arguments, "norm_type": float(getattr(module, "norm_type", 0))})


def _adaptive(kind: str) -> Reading:
    def read(module: nn.Module) -> Meaning:
        size = one_or_pair(getattr(module, "output_size", None))
        if size == 1:
            return Meaning(f"global_{kind}_pool")
        return Meaning(f"adaptive_{kind}_pool", {"output_size": size})

    return read


def _prelu(module: nn.Module) -> Meaning:
    if not isinstance(module, nn.PReLU):
        raise TypeError(type(module))
    return Meaning(
        "prelu", {"init_value": 0.25, "per_channel": module.num_parameters > 1}, _own_weights(module)
    )


def _softmax(module: nn.Module) -> Meaning:
    if getattr(module, "dim", None) not in (1, -3):
        raise NoCounterpartError("softmax is over channels, dim=1")
    return Meaning("softmax")


def _upsample(module: nn.Module) -> Meaning:
    if not isinstance(module, nn.Upsample):
        raise TypeError(type(module))
    factor = module.scale_factor
    whole = factor
    if isinstance(factor, float):
        whole = int(factor) if factor.is_integer() else None
    elif isinstance(factor, tuple):
        whole = tuple(int(one) for one in factor) if all(float(one).is_integer() for one in factor) else None
    if factor is not None and whole is None:
        raise NoCounterpartError(f"upsample takes whole factors, not {factor}; name a size instead")
    return Meaning(
        "upsample",
        {
            "size": _size(module.size),
            "scale_factor": _size(whole),
            "mode": module.mode,
            "align_corners": bool(module.align_corners),
        },
    )


def _zero_pad(module: nn.Module) -> Meaning:
    left, right, top, bottom = getattr(module, "padding", (0, 0, 0, 0))
    if left == right and top == bottom:
        return Meaning("zero_pad", {"padding": one_or_pair((top, left))})
    return Meaning("zero_pad", {"top": top, "bottom": bottom, "left": left, "right": right})


def _flatten(module: nn.Module) -> Meaning:
    if getattr(module, "start_dim", 1) != 1 or getattr(module, "end_dim", -1) not in (-1, 3):
        raise NoCounterpartError("flatten keeps the batch alone: start_dim=1, end_dim=-1")
    return Meaning("flatten")


_NORM = ("eps", "momentum", "affine", "track_running_stats")

READINGS: dict[type[nn.Module], Reading] = {
    nn.Conv2d: _conv,
    nn.ConvTranspose2d: _conv_transpose,
    nn.Linear: _linear,
    nn.Flatten: _flatten,
    nn.Identity: _plain("identity"),
    nn.Dropout: _plain("dropout", "p"),
    nn.Dropout2d: _plain("dropout2d", "p"),
    StochasticDepth: _plain("stochastic_depth", "p", "mode"),
    nn.BatchNorm1d: _plain("batch_norm", *_NORM),
    nn.BatchNorm2d: _plain("batch_norm", *_NORM),
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _plain("group_norm", "num_groups", "eps", "affine"),
    nn.InstanceNorm2d: _plain("instance_norm", *_NORM),
    nn.LocalResponseNorm: _plain("local_response_norm", "size", "alpha", "beta", "k"),
    nn.ReLU: _plain("relu"),
    nn.ReLU6: _plain("relu6"),
    nn.LeakyReLU: _plain("leaky_relu", "negative_slope"),
    nn.PReLU: _prelu,
    nn.ELU: _plain("elu", "alpha"),
    nn.SELU: _plain("selu"),
    nn.GELU: _plain("gelu", "approximate"),
    nn.SiLU: _plain("silu"),
    nn.Mish: _plain("mish"),
    nn.Hardswish: _plain("hardswish"),
    nn.Hardsigmoid: _plain("hardsigmoid"),
    nn.Sigmoid: _plain("sigmoid"),
    nn.Tanh: _plain("tanh"),
    nn.Softplus: _plain("softplus", "beta", "threshold"),
    nn.Softmax: _softmax,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _avg_pool,
    nn.LPPool2d: _lp_pool,
    nn.AdaptiveAvgPool2d: _adaptive("avg"),
    nn.AdaptiveMaxPool2d: _adaptive("max"),
    nn.Upsample: _upsample,
    nn.PixelShuffle: _plain("pixel_shuffle", "upscale_factor"),
    nn.ZeroPad2d: _zero_pad,
    nn.ChannelShuffle: _plain("channel_shuffle", "groups"),
    SqueezeExcitation: squeeze_excite,
}
"""By the exact class: what a subclass computes, nobody knows."""

OWN_READINGS: dict[str, Reading] = {
    "attention.SqueezeExcite": our_squeeze_excite,
    "channels.Scale": _plain("scale", "factor"),
    "joining.ZeroPadShortcut": _plain("zero_pad_shortcut"),
    "normalization.ChannelsLayerNorm": _layer_norm,
    "regularization.StochasticDepth": _plain("stochastic_depth", "p", "mode"),
}
"""Of modules that layer types build, and of their copies in exported files: by their names in cnnbuild."""


def _reading_of(module: nn.Module) -> Reading | None:
    kind = type(module)
    return READINGS.get(kind) or OWN_READINGS.get(own_name(module))


def puts_channels_last_itself(module: nn.Module) -> bool:
    """Whether a layer norm takes maps with their channels first, as `cnnbuild` builds it."""
    return own_name(module).startswith("normalization.")
