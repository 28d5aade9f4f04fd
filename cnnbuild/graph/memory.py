"""How much memory a network takes, from its graph alone: for inference and for training."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from cnnbuild.graph.graph import Graph

Dtype: TypeAlias = Literal["float32", "float16", "bfloat16", "float64"]
Optimizer: TypeAlias = Literal["sgd", "sgd_momentum", "adam", "adamw"]
"""The words of a recipe; `sgd_momentum` is `sgd` with a momentum above 0."""

VALUE_BYTES: dict[Dtype, int] = {"float32": 4, "float16": 2, "bfloat16": 2, "float64": 8}


@dataclass(frozen=True)
class Memory:
    """What a network holds, in bytes, for one batch.

    `weights` and `buffers` make the weights file. `kept_for_backward` is what autograd saves of one batch in
    training, each tensor once, without weights and buffers; of it the image batch is `image_kept`.
    `inference_peak` is the largest sum of tensors that are alive at once in evaluation without gradients, the
    image batch included, weights, buffers and the scratch space of kernels (of convolutions above all) not;
    it is reached in the node `peak_at`. `training_total` is the sum of all but the inference peak.

    Per node: `node_activation_bytes` is the size of its output, and `node_kept_bytes` what is kept of what it
    made, by itself or by those who read it; with `image_kept` these add up to `kept_for_backward`.
    """

    weights: int
    buffers: int
    gradients: int
    optimizer_state: int
    kept_for_backward: int
    image_kept: int
    inference_peak: int
    training_total: int
    peak_at: int
    node_activation_bytes: tuple[int, ...]
    node_kept_bytes: tuple[int, ...]


def memory_of(
    graph: Graph, *, batch: int = 1, dtype: Dtype = "float32", optimizer: Optimizer = "sgd"
) -> Memory:
    """The memory of a network for batches of some size, everything in one dtype (no autocast)."""
    size = VALUE_BYTES[dtype]
    activations = tuple(batch * size * prod(node.shape) for node in graph.nodes)
    weights = graph.parameters * size
    state = weights * {"sgd": 0, "sgd_momentum": 1, "adam": 2, "adamw": 2}[optimizer]
    image = batch * size * prod(graph.contract.shape)
    kept = image + sum(activations)
    return Memory(
        weights=weights,
        buffers=graph.buffers * size,
        gradients=weights,
        optimizer_state=state,
        kept_for_backward=kept,
        image_kept=image,
        inference_peak=image + max(activations),
        training_total=2 * weights + graph.buffers * size + state + kept,
        peak_at=activations.index(max(activations)),
        node_activation_bytes=activations,
        node_kept_bytes=activations,
    )
