"""How fvcore counts: one for each multiply-add, and estimates for normalisation, averages and upsampling."""

from __future__ import annotations

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
    total,
)
from cnnbuild.graph.graph import GraphNode
from cnnbuild.layers.convolution import Conv
from cnnbuild.layers.normalization import BatchNorm
from cnnbuild.layers.resampling import Upsample

BILINEAR = 4  # for each output value


def _convolution(node: GraphNode) -> int:
    """The multiply-adds; none where torch itself is asked to pad, an operation that fvcore does not know."""
    layer = node.layer
    named = isinstance(layer, Conv) and layer.padding in {"same", "valid"} and layer.padding_mode == "zeros"
    return 0 if named else node.macs


def _batch_norm(node: GraphNode) -> int:
    """2 for each value, or 1 without weights; where the batch's own statistics are used, as other norms."""
    if isinstance(node.layer, BatchNorm) and not node.layer.track_running_stats:
        return _norm(node)
    return inputs(node) * (2 if is_affine(node) else 1)


def _norm(node: GraphNode) -> int:
    """5 for each value, or 4 without weights."""
    return inputs(node) * (5 if is_affine(node) else 4)


def _upsample(node: GraphNode) -> int:
    mode = node.layer.mode if isinstance(node.layer, Upsample) else "nearest"
    return {"nearest": 1, "bilinear": BILINEAR, "bicubic": 0}[mode] * outputs(node)


FVCORE = Convention(
    tool="fvcore",
    version="0.1.5.post20221221",
    call="FlopCountAnalysis(module.eval(), image).total()",
    noun="flops",
    words=(
        "A multiply-add is one flop. It adds 2 for each value that batch normalisation passes on, 5 for "
        "those of other norms, one for each value that an adaptive average pool reads, and 1 or 4 for "
        "each value that nearest or bilinear upsampling makes. Biases, activations and other pools are "
        "free. Convolutions with `padding: same` or `valid` are not counted at all: they are an operation"
        " that it does not know."
    ),
    rules={
        **alike(("conv", "affine_conv", "noisy_conv"), _convolution),
        **alike(("conv_transpose", "linear"), macs),
        "batch_norm": _batch_norm,
        **alike(("layer_norm", "group_norm", "instance_norm"), _norm),
        **alike(("adaptive_avg_pool", "global_avg_pool"), inputs),
        "upsample": _upsample,
        **alike(GATES, total(macs, averaged_inputs)),
        **alike(
            (
                "relu", "relu6", "leaky_relu", "prelu", "elu", "gelu", "silu", "softmax",
                "max_pool", "avg_pool", "lp_pool", "mean_lp_pool", "adaptive_max_pool",
                "global_max_pool", "local_response_norm", "layer_scale", *MOVED_OR_FREE,
                *OVERLOOKED,
            ),
            nothing,
        ),
    },
)  # fmt: skip
