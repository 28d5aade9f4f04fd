"""Words that stand where a layer type is due and are none, and what was meant by them."""

from __future__ import annotations

from collections.abc import Iterable

from cnnbuild.errors import Place, Problems, did_you_mean, shortened

NOT_YET = frozenset([
    "conv_transpose", "dropout2d", "stochastic_depth", "layer_norm", "group_norm", "instance_norm",
    "local_response_norm", "relu6", "prelu", "elu", "selu", "gelu", "silu", "mish", "hardswish",
    "hardsigmoid", "tanh", "softplus", "softmax", "lp_pool", "adaptive_max_pool", "global_max_pool",
    "upsample", "pixel_shuffle", "zero_pad", "channel_shuffle", "split_channels", "layer_scale", "share",
    "affine_conv", "noisy_conv", "channel_attention", "spatial_attention", "cbam", "squeeze_excite",
    "swish", "clamped_relu", "mean_lp_pool", "window_avg_pool",
])  # fmt: skip
"""Layer types of the language that this version lacks."""


def report_unknown_type(
    problems: Problems, word: str, place: Place, known: Iterable[str], trail: tuple[str, ...] = ()
) -> None:
    """Say that a word is no layer type, and which of the `known` ones was meant."""
    lacking = {_folded(name): name for name in NOT_YET}.get(_folded(word))
    if lacking is not None:
        message = f"the layer type '{lacking}' is not in this version of cnnbuild"
        hint = f"it has {', '.join(sorted(set(known) - NOT_YET))}"
    else:
        message = f"unknown layer type '{shortened(word)}'"
        hint = did_you_mean(word, known) or "--plugin my_layers.py adds layer types of your own"
    problems.add(message, place, help=hint, context=trail)


def _folded(word: str) -> str:
    """A word without what tells torch's spelling from this language's: capitals, underscores, `2d`.

    >>> _folded("AdaptiveMaxPool2d") == _folded("adaptive_max_pool")
    True
    """
    return word.replace("_", "").lower().removesuffix("2d")
