"""How torchinfo counts: from the number of parameters, times the output pixels where it is a convolution."""

from __future__ import annotations

from math import prod

from cnnbuild.graph.conventions.convention import (
    GATES,
    MOVED_OR_FREE,
    OVERLOOKED,
    Convention,
    alike,
    bottleneck_runs,
    bottleneck_weights,
    nothing,
    spatial_macs,
    weights,
)
from cnnbuild.graph.graph import GraphNode


def _convolution(node: GraphNode) -> int:
    """Weight and bias once for each output pixel, transposed or not; weights of other names are left out."""
    counted = sum(prod(shape) for name, shape in node.weight_shapes.items() if name in {"weight", "bias"})
    return counted * prod(node.shape[1:])


def _gate(node: GraphNode) -> int:
    return bottleneck_runs(node) * bottleneck_weights(node) + spatial_macs(node)


TORCHINFO = Convention(
    tool="torchinfo",
    version="1.8.0",
    call="summary(module, input_data=image).total_mult_adds",
    noun="mult-adds",
    words=(
        "It multiplies the parameters of a convolution by its output pixels, and counts those of any "
        "other module once. So a bias is an operation for each output value, a norm costs as much as it "
        "has weights whatever the size of the map, a transposed convolution counts too often (by its "
        "stride squared, nearly), and what has no parameters is free."
    ),
    rules={
        **alike(("conv", "conv_transpose", "affine_conv", "noisy_conv"), _convolution),
        **alike(
            (
                "linear", "batch_norm", "layer_norm", "group_norm", "instance_norm", "prelu",
                "layer_scale",
            ),
            weights,
        ),
        **alike(GATES, _gate),
        **alike(
            (
                "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "softmax", "max_pool",
                "avg_pool", "lp_pool", "mean_lp_pool", "adaptive_avg_pool",
                "adaptive_max_pool", "global_avg_pool", "global_max_pool",
                "local_response_norm", "upsample", *MOVED_OR_FREE, *OVERLOOKED,
            ),
            nothing,
        ),
    },
)  # fmt: skip
