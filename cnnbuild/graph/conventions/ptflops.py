"""How ptflops counts: modules by hooks, functions by patches; what is both, twice."""

from __future__ import annotations

from math import prod

from cnnbuild.graph.conventions.convention import (
    GATES,
    MOVED_OR_FREE,
    OVERLOOKED,
    Convention,
    alike,
    averaged_inputs,
    biases,
    bottleneck_runs,
    bottleneck_weights,
    hidden_channels,
    inputs,
    is_affine,
    macs,
    nothing,
    outputs,
    spatial_macs,
    times,
    total,
)
from cnnbuild.graph.graph import GraphNode
from cnnbuild.layers.attention import SqueezeExcite
from cnnbuild.layers.custom import MeanLpPool
from cnnbuild.layers.normalization import LayerNorm, LocalResponseNorm

TWICE = 2  # as a module, and as the function that the module calls


def _linear(node: GraphNode) -> int:
    return node.macs + biases(node)


def _norm(node: GraphNode) -> int:
    """2 for each value, or 1 without weights."""
    return inputs(node) * (2 if is_affine(node) else 1)


def _layer_norm(node: GraphNode) -> int:
    """1 for each value; nothing for the channels of a map, which is no module of torch."""
    over_channels = isinstance(node.layer, LayerNorm) and node.layer.over == "channels"
    return 0 if over_channels and len(node.shape) == 3 else inputs(node)


def _lp_pool(node: GraphNode) -> int:
    """The average pool, the relu and the product that torch's function is made of."""
    return inputs(node) + 2 * outputs(node)


def _mean_lp_pool(node: GraphNode) -> int:
    """The sums over each window, and those that count how many pixels it has."""
    taps = prod(node.layer.kernel_size) if isinstance(node.layer, MeanLpPool) else 1
    return (taps - 1) * (outputs(node) + prod(node.shape[1:]))


def _local_response_norm(node: GraphNode) -> int:
    """Two products, a sum, and an average pool over the channels with their padding."""
    size = node.layer.size if isinstance(node.layer, LocalResponseNorm) else 1
    channels, height, width = node.shape
    return 3 * inputs(node) + (channels + size - 1) * height * width


def _gate(node: GraphNode) -> int:
    """Pool, convolutions with their biases, and activation; the gate itself and its product are free."""
    silu = isinstance(node.layer, SqueezeExcite) and node.layer.activation == "silu"
    activation = hidden_channels(node) * (1 if silu else TWICE)
    once = bottleneck_weights(node) + activation
    return TWICE * averaged_inputs(node) + bottleneck_runs(node) * once + spatial_macs(node)


PTFLOPS = Convention(
    tool="ptflops",
    version="0.7.5",
    call="get_model_complexity_info(module, shape)",
    noun="MACs",
    words=(
        "A multiply-add is one MAC, and so are an added bias, a value read by a pool and a value made by "
        "an activation or by upsampling; norms count 2 for each value, or 1 without weights. It counts "
        "torch's modules and the functions that they call, so that relu, prelu, elu, gelu, pools and "
        "upsampling of a module count twice. Sums and products of branches are free, and so are layers "
        "that are derived from a module of torch."
    ),
    rules={
        **alike(("conv", "conv_transpose"), total(macs, biases)),
        "linear": _linear,
        **alike(("batch_norm", "group_norm", "instance_norm"), _norm),
        "layer_norm": _layer_norm,
        "local_response_norm": _local_response_norm,
        **alike(("relu", "prelu", "elu", "gelu"), times(TWICE, inputs)),
        **alike(("relu6", "leaky_relu", "silu", "softmax"), inputs),
        **alike(
            (
                "max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool",
                "global_avg_pool", "global_max_pool",
            ),
            times(TWICE, inputs),
        ),
        "upsample": times(TWICE, outputs),
        "lp_pool": _lp_pool,
        "mean_lp_pool": _mean_lp_pool,
        **alike(GATES, _gate),
        **alike(("affine_conv", "noisy_conv", "layer_scale", *MOVED_OR_FREE, *OVERLOOKED), nothing),
    },
)  # fmt: skip
