"""What the parameters of layer types mean, one line each, by name: most are torch's words."""

from __future__ import annotations

from cnnbuild.layers.base import Layer

_STRIDE_OF_POOLS = "pixels from one window to the next; the kernel_size where it is null"

MEANINGS = {
    "act": "the activation",
    "activation": "what is applied between the two convolutions",
    "affine": "whether a weight and a bias per channel are learned",
    "align_corners": "whether the corner pixels of input and output lie on each other",
    "approximate": "whether the normal distribution is computed exactly or by tanh",
    "bias": "whether a number per output channel is learned and added",
    "bottom": "rows of zeros below the map",
    "ceil_mode": "whether a last window may hang over the border, so that the size is rounded up",
    "clip": "what the gradient of beta is clipped to, in both directions; null leaves it as it is",
    "count_include_pad": "whether the zeros of the padding count in the mean",
    "dilation": "pixels from one tap of the kernel to the next",
    "divisor_override": "what sums are divided by, instead of the number of pixels in the window",
    "dropout": "probability that a value is set to zero; 0 leaves the layer out",
    "elementwise_affine": "whether a weight and a bias per channel are learned",
    "eps": "what is added to the variance, so that it is never 0",
    "gate": "what makes a factor from 0 to 1 of a number",
    "groups": "parts that the channels are divided into; each sees only its own",
    "index": "which of the parts is kept, from 0",
    "init_value": "what the learned number is at the start",
    "kernel_size": "height and width of the window",
    "left": "columns of zeros left of the map",
    "mode": "how the result is chosen",
    "momentum": "share of the newest batch in the running statistics; null averages over all batches",
    "negative_slope": "what negative values are multiplied by",
    "norm": "the normalisation",
    "norm_type": "exponent of the powers that are summed",
    "num_groups": "parts that the channels are divided into",
    "out_channels": "channels of the output",
    "out_features": "values of the output",
    "output_padding": "pixels that are added to the output at its end",
    "output_size": "height and width of the output",
    "over": "what the mean and the variance are taken of",
    "p": "probability that a value is set to zero",
    "padding": "pixels added at each side; half is dilation * (kernel_size - 1) // 2",
    "padding_mode": "what the added pixels hold",
    "per_channel": "whether each channel learns a slope of its own",
    "pool": "which mean or maximum over the map the gate is computed from",
    "ratio": "how many times fewer channels there are between the two convolutions",
    "right": "columns of zeros right of the map",
    "scale_factor": "how many times higher and wider the output is",
    "sections": "how many equal parts there are",
    "shortcut": "the way around the body: projection, zero_pad, identity or none",
    "size": "height and width of the output",
    "squeeze_channels": "channels between the two convolutions; C // ratio where it is null",
    "std": "standard deviation of the noise",
    "stride": "pixels from one window to the next",
    "top": "rows of zeros above the map",
    "track_running_stats": "whether evaluation uses statistics that were gathered in training",
    "upscale_factor": "how many times higher and wider the output is",
    "avg_pool.padding": "zeros added at each side",
    "avg_pool.stride": _STRIDE_OF_POOLS,
    "bottleneck.groups": "parts that the channels of the 3x3 convolution are divided into",
    "bottleneck.inner_channels": "channels of the 3x3 convolution",
    "conv_transpose.padding": "pixels that are cut off at each side of the output",
    "convnext.expansion": "how many times more channels there are inside",
    "convnext.layer_scale": "what the learned factor of each channel is at the start",
    "convnext.stochastic_depth": "probability that the body is left out for an image",
    "dense_layer.bottleneck": "growth rates between the convolutions; 0 leaves the first one out",
    "dense_layer.growth_rate": "channels that the layer adds",
    "dropout2d.p": "probability that a channel is set to zero",
    "elu.alpha": "how far below 0 the output goes",
    "fire.squeeze": "channels of the first convolution",
    "inception.channels": "1x1; 3x3 reduce, 3x3; 5x5 reduce, 5x5; pool projection",
    "inverted_residual.attention": "a gate on the channels, such as squeeze_excite",
    "inverted_residual.expand_ratio": "how many times more channels are inside; 1 leaves the expansion out",
    "local_response_norm.alpha": "weight of the squares of the neighbouring channels",
    "local_response_norm.beta": "exponent of what values are divided by",
    "local_response_norm.k": "what is added to the sum of squares",
    "local_response_norm.size": "how many neighbouring channels count",
    "lp_pool.stride": _STRIDE_OF_POOLS,
    "max_pool.padding": "pixels added at each side, smaller than any other",
    "max_pool.stride": _STRIDE_OF_POOLS,
    "mean_lp_pool.p": "exponent of the powers that the mean is taken of",
    "mean_lp_pool.padding": "zeros added at each side",
    "mean_lp_pool.stride": _STRIDE_OF_POOLS,
    "prelu.init_value": "the slope of negative values at the start",
    "softplus.beta": "how sharp the bend at 0 is",
    "softplus.threshold": "from which value of beta * x on the output is x",
    "stochastic_depth.mode": "whether each image of a batch is dropped by itself, or all of them together",
    "stochastic_depth.p": "probability that an image is set to zero",
    "transition.compression": "how much of the channels is kept",
    "upsample.mode": "how values between the pixels are found",
    "wide.factor": "how many times more channels the output has",
    "zero_pad.padding": "zeros added at each side",
}
"""A meaning by the parameter's name, or by `type.name` where one type means something of its own by it."""


def meaning_of(layer_type: type[Layer], parameter: str) -> str:
    """What a parameter of a layer type means, empty where nobody said it.

    A type of your own says it with `Annotated[int, Field(description="…")]`, which wins over the table.
    """
    described = layer_type.model_fields[parameter].description
    return described or MEANINGS.get(f"{layer_type.type_name}.{parameter}") or MEANINGS.get(parameter, "")
