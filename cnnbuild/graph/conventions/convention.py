"""What a tool's way of counting is: a rule for each layer type that it is known of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from cnnbuild.graph.graph import GraphNode
from cnnbuild.layers.attention import Cbam, ChannelAttention

Tool = Literal["fvcore", "ptflops", "torchinfo", "thop"]
Rule: TypeAlias = Callable[[GraphNode], int]
"""What a tool counts for one application of a layer to one image."""


@dataclass(frozen=True)
class Convention:
    """How one tool counts.

    `version` is the one whose numbers the rules were compared with, `call` what prints the number, `noun`
    what the tool calls it, `words` how it counts and why that differs from multiply-adds. A layer type that
    `rules` does not have is not known; one that costs nothing has a rule that says so.
    """

    tool: Tool
    version: str
    call: str
    noun: str
    words: str
    rules: Mapping[str, Rule]


MOVED_OR_FREE = (
    "flatten", "identity", "dropout", "dropout2d", "stochastic_depth", "pixel_shuffle", "zero_pad",
    "channel_shuffle", "split_channels", "add", "residual", "concat", "multiply", "zero_pad_shortcut",
)  # fmt: skip
"""Types that move values, join them or do nothing in evaluation; no tool counts them."""

OVERLOOKED = (
    "selu", "mish", "hardswish", "sigmoid", "hardsigmoid", "tanh", "softplus", "swish", "clamped_relu",
    "window_avg_pool", "scale",
)  # fmt: skip
"""Types that compute something which no tool counts either."""

GATES = ("squeeze_excite", "channel_attention", "spatial_attention", "cbam")


def alike(types: tuple[str, ...], rule: Rule) -> dict[str, Rule]:
    """One rule for several types."""
    return dict.fromkeys(types, rule)


def nothing(node: GraphNode) -> int:  # noqa: ARG001
    """No operation at all."""
    return 0


def macs(node: GraphNode) -> int:
    """Multiply-adds, as cnnbuild counts them."""
    return node.macs


def inputs(node: GraphNode) -> int:
    """Values of the first input."""
    return prod(node.input_shapes[0])


def outputs(node: GraphNode) -> int:
    """Values of the output."""
    return prod(node.shape)


def times(count: int, rule: Rule) -> Rule:
    """A multiple of what another rule says."""
    return lambda node: count * rule(node)


def total(*rules: Rule) -> Rule:
    """The sum of what several rules say."""
    return lambda node: sum(rule(node) for rule in rules)


def weights(node: GraphNode) -> int:
    """Learned numbers, whether they are shared or not."""
    return sum(map(prod, node.weight_shapes.values()))


def biases(node: GraphNode) -> int:
    """One for each output value, where the layer has a bias."""
    return outputs(node) if "bias" in node.weight_shapes else 0


def is_affine(node: GraphNode) -> bool:
    """Whether a normalisation has learned weights."""
    return bool(node.weight_shapes)


def bottleneck_runs(node: GraphNode) -> int:
    """How often a channel gate applies its two small convolutions: once for each pool that it has."""
    both = isinstance(node.layer, ChannelAttention | Cbam) and node.layer.pool == "avg_max"
    return 2 if both else 1


def bottleneck_weights(node: GraphNode) -> int:
    """Weights and biases of a channel gate's two convolutions, 0 where a gate has none."""
    return sum(prod(shape) for name, shape in node.weight_shapes.items() if ".fc" in f".{name}")


def hidden_channels(node: GraphNode) -> int:
    """Channels between a channel gate's two convolutions, 0 where a gate has none."""
    return sum(shape[0] for name, shape in node.weight_shapes.items() if name.endswith("fc1.weight"))


def averaged_inputs(node: GraphNode) -> int:
    """Values that a gate's `AdaptiveAvgPool2d` reads; gates with two pools, or for pixels, have none."""
    return inputs(node) if hidden_channels(node) and bottleneck_runs(node) == 1 else 0


def spatial_macs(node: GraphNode) -> int:
    """Multiply-adds of a gate's convolution over pixels, 0 where it has none."""
    kernels = (prod(shape) for name, shape in node.weight_shapes.items() if name.endswith("conv.weight"))
    return sum(kernels) * prod(node.shape[1:])
