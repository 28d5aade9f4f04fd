"""What the parameters of layer types mean, one line each, by name: most are torch's words."""

from __future__ import annotations

from cnnbuild.layers.base import Layer

MEANINGS = {
    "affine": "whether a weight and a bias per channel are learned",
    "align_corners": "whether the corner pixels of input and output lie on each other",
    "alpha": "how strong the effect is, as in torch",
    "bias": "whether a number per output channel is learned and added",
    "ceil_mode": "whether a last window may hang over the border, so that the size is rounded up",
    "count_include_pad": "whether the zeros of the padding count in the mean",
    "dilation": "pixels from one tap of the kernel to the next",
    "eps": "what is added to the variance, so that it is never 0",
    "groups": "parts that the channels are divided into; each sees only its own",
    "kernel_size": "height and width of the window",
    "momentum": "share of the newest batch in the running statistics; null averages over all batches",
    "negative_slope": "what negative values are multiplied by",
    "out_channels": "channels of the output",
    "out_features": "values of the output",
    "output_padding": "pixels that are added to the output at its end",
    "output_size": "height and width of the output",
    "p": "probability that a value is set to zero",
    "padding": "pixels added at each side; half is dilation * (kernel_size - 1) // 2",
    "padding_mode": "what the added pixels hold",
    "stride": "pixels from one window to the next",
    "track_running_stats": "whether evaluation uses statistics that were gathered in training",
}
"""A meaning by the parameter's name, or by `type.name` where one type means something else by it."""

MEANINGS |= {
    "max_pool.padding": "pixels added at each side, smaller than any other",
    "avg_pool.padding": "zeros added at each side",
    "max_pool.stride": "pixels from one window to the next; the kernel_size where it is null",
    "avg_pool.stride": "pixels from one window to the next; the kernel_size where it is null",
}


def meaning_of(layer_type: type[Layer], parameter: str) -> str:
    """What a parameter of a layer type means, empty where nobody said it.

    A type of your own says it with `Annotated[int, Field(description="…")]`, which wins over the table.
    """
    described = layer_type.model_fields[parameter].description
    return described or MEANINGS.get(f"{layer_type.type_name}.{parameter}") or MEANINGS.get(parameter, "")
