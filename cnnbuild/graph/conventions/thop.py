"""How thop counts: multiply-adds without biases, and operations of norms, averages and upsampling."""

from __future__ import annotations

from math import prod

from cnnbuild.graph.conventions.convention import (
    GATES,
    MOVED_OR_FREE,
    OVERLOOKED,
    Convention,
    alike,
    averaged_inputs,
    inputs,
    is_affine,
    macs,
    nothing,
    outputs,
)
from cnnbuild.graph.graph import GraphNode
from cnnbuild.layers.convolution import ConvTranspose
from cnnbuild.layers.normalization import LayerNorm
from cnnbuild.layers.resampling import Upsample

UPSAMPLED = {"nearest": 1, "bilinear": 11, "bicubic": 259}  # for each output value


def _conv_transpose(node: GraphNode) -> int:
    """The window of one output, as if every tap of it met an input."""
    if not isinstance(node.layer, ConvTranspose):
        return 0
    return outputs(node) * (node.input_shapes[0][0] // node.layer.groups) * prod(node.layer.kernel_size)


def _norm(node: GraphNode) -> int:
    """4 for each value, or 2 without weights."""
    return inputs(node) * (4 if is_affine(node) else 2)


def _layer_norm(node: GraphNode) -> int:
    """As other norms where it is built as torch's `LayerNorm` itself, which depends on its options."""
    torch_s = isinstance(node.layer, LayerNorm) and (
        len(node.shape) == 1 or (node.layer.over == "all" and is_affine(node))
    )
    return _norm(node) if torch_s else 0


def _adaptive_average(node: GraphNode) -> int:
    """The mean size of a window, and a division, for each output value; cut off to a whole number."""
    _, height, width = node.input_shapes[0]
    return int(((height / node.shape[1]) * (width / node.shape[2]) + 1) * outputs(node))


def _softmax(node: GraphNode) -> int:
    """An exponential, a sum and a division of each of the channels."""
    channels = node.shape[0]
    return outputs(node) // channels * (3 * channels - 1)


def _upsample(node: GraphNode) -> int:
    return UPSAMPLED[node.layer.mode] * outputs(node) if isinstance(node.layer, Upsample) else 0


def _gate(node: GraphNode) -> int:
    pooled = averaged_inputs(node)
    return node.macs + (pooled + node.shape[0] if pooled else 0)


THOP = Convention(
    tool="thop",
    version="0.1.1.post2209072238",
    call="profile(module, inputs=(image,))",
    noun="MACs",
    words=(
        "A multiply-add is one MAC, biases are free. It adds 4 for each value that a batch, instance or "
        "layer norm passes on (2 without weights), the reads and divisions of average pools, 3 for each "
        "value of a softmax, and up to 259 for each value of upsampling. A transposed convolution counts "
        "as if every tap met an input: too often by its stride squared, nearly. Group normalisation, "
        "activations and layers that are derived from a module of torch are free. The fork "
        "ultralytics-thop counts otherwise."
    ),
    rules={
        **alike(("conv", "linear"), macs),
        "conv_transpose": _conv_transpose,
        **alike(("batch_norm", "instance_norm"), _norm),
        "layer_norm": _layer_norm,
        "avg_pool": outputs,
        **alike(("adaptive_avg_pool", "global_avg_pool"), _adaptive_average),
        "softmax": _softmax,
        "prelu": inputs,
        "upsample": _upsample,
        **alike(GATES, _gate),
        **alike(
            (
                "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "max_pool", "lp_pool",
                "mean_lp_pool", "adaptive_max_pool", "global_max_pool", "group_norm",
                "local_response_norm", "layer_scale", "affine_conv", "noisy_conv",
                *MOVED_OR_FREE, *OVERLOOKED,
            ),
            nothing,
        ),
    },
)  # fmt: skip
