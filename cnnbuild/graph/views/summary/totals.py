"""Sums over a network: what it learns, what it computes, and what of that only training needs."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.lifetimes import computed_in_evaluation
from cnnbuild.graph.memory import Memory


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is left in evaluation, where the heads that are `train_only` are not computed."""

    nodes: int
    parameters: int
    buffers: int
    macs: int


@dataclass(frozen=True)
class Totals:
    """Sums over the network; a MAC is counted as `MACS_CONVENTION` says, for one image.

    Parameters that are applied several times count once; `tied_parameters` says how many those are.
    `activation_bytes` are all outputs of one batch. `weight_bytes` is what a file of the weights holds,
    buffers included.
    """

    nodes: int
    parameters: int
    tied_parameters: int
    buffers: int
    macs: int
    activation_bytes: int
    weight_bytes: int
    evaluation: Evaluation

    @property
    def flops(self) -> int:
        """Two for each MAC: the product, and the sum."""
        return 2 * self.macs


def totals_of(graph: Graph, memory: Memory) -> Totals:
    """The sums over a network, for the batch and the dtype of its memory."""
    tied = {node.shared.original for node in graph.nodes if node.shared is not None}
    return Totals(
        nodes=len(graph.nodes),
        parameters=graph.parameters,
        tied_parameters=sum(graph.nodes[index].parameters for index in tied),
        buffers=graph.buffers,
        macs=graph.macs,
        activation_bytes=sum(memory.node_activation_bytes),
        weight_bytes=memory.weights + memory.buffers,
        evaluation=_evaluation(graph),
    )


def _evaluation(graph: Graph) -> Evaluation:
    """Weights count with whoever applies them: of shared ones the first may be computed in training alone."""
    left = [index for index, computed in enumerate(computed_in_evaluation(graph)) if computed]
    owners = {_owner(graph, index) for index in left}
    return Evaluation(
        nodes=len(left),
        parameters=sum(graph.nodes[index].parameters for index in owners),
        buffers=sum(graph.nodes[index].buffers for index in owners),
        macs=sum(graph.nodes[index].macs for index in left),
    )


def _owner(graph: Graph, index: int) -> int:
    shared = graph.nodes[index].shared
    return index if shared is None else shared.original
