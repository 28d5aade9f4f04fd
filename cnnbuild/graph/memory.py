"""How much memory a network takes, from its graph alone: for inference and for training.

Every layer type declares what its module keeps and holds (`layers.memory`); here the tensors of a network
are put together, each counted once, in whatever nodes it is used. A tensor is a storage, as torch calls it:
views, such as that of `flatten`, are the tensor they look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Literal, TypeAlias, TypeVar, get_args

from cnnbuild.graph.graph import INPUT, Graph, GraphNode
from cnnbuild.graph.lifetimes import computed_in_evaluation, last_holders
from cnnbuild.graph.optimizer_state import Optimizer, state_bytes
from cnnbuild.layers.base import Shape
from cnnbuild.layers.memory import NOTHING, Held

Dtype: TypeAlias = Literal["float32", "float16", "bfloat16", "float64"]

Told = TypeVar("Told")

DTYPES: tuple[Dtype, ...] = get_args(Dtype)
VALUE_BYTES: dict[Dtype, int] = {"float32": 4, "float16": 2, "bfloat16": 2, "float64": 8}
COUNTER = "num_batches_tracked"  # the one buffer of torch's modules that is int64 in every network
COUNTER_BYTES = 8


@dataclass(frozen=True)
class Memory:
    """What a network holds, in bytes, for one batch.

    `weights` and `buffers` make the weights file. `kept_for_backward` is what autograd saves of one batch in
    training, each tensor once, without weights, buffers and the loss; of it the image batch is `image_kept`.
    `inference_peak` is the largest sum of tensors that are alive at once in evaluation without gradients, the
    image batch included; weights, buffers and the scratch space of kernels (of convolutions above all) are
    not. It is reached in the node `peak_at`. `training_total` is the sum of all but the inference peak: of
    what is there at once when the backward pass has just begun, and of the gradients that it makes.

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
    weights, buffers = graph.parameters * size, sum(_buffer_bytes(node, size) for node in graph.nodes)
    tensors = (shape for node in graph.nodes if not node.shared for shape in node.weight_shapes.values())
    state = state_bytes(tensors, optimizer, value_bytes=size)
    image, nodes = kept_by_maker(graph, batch=batch, value_bytes=size)
    kept = image + sum(nodes)
    peak, at = max((peak, -index) for index, peak in alive_at(graph, batch=batch, value_bytes=size))
    return Memory(
        weights=weights,
        buffers=buffers,
        gradients=weights,
        optimizer_state=state,
        kept_for_backward=kept,
        image_kept=image,
        inference_peak=peak,
        training_total=2 * weights + buffers + state + kept,
        peak_at=-at,
        node_activation_bytes=tuple(batch * size * prod(node.shape) for node in graph.nodes),
        node_kept_bytes=nodes,
    )


def kept_by_maker(graph: Graph, *, batch: int, value_bytes: int) -> tuple[int, tuple[int, ...]]:
    """What is kept for the backward pass of the image batch, and of what each node made, in bytes."""
    keeping = kept_in(graph)
    kept = {owner for keeper in keeping for owner in keeper.tensors}
    inner = [keeper.inner.bytes(batch=batch, value_bytes=value_bytes) for keeper in keeping]
    image = batch * value_bytes * prod(graph.contract.shape) if INPUT in kept else 0
    made = (
        batch * value_bytes * prod(node.shape) if index in kept else 0
        for index, node in enumerate(graph.nodes)
    )
    return image, tuple(map(sum, zip(made, inner, strict=True)))


@dataclass(frozen=True, slots=True)
class Keeper:
    """What one node keeps: tensors, by the node that made them or `INPUT`, and what else its kernels need."""

    tensors: tuple[int, ...] = ()
    inner: Held = NOTHING


def kept_in(graph: Graph) -> tuple[Keeper, ...]:
    """What each node keeps for the backward pass; what several nodes keep is there for each of them.

    Where nothing that enters a layer depends on a weight and it has none, nothing is kept: there is no
    gradient to be computed.
    """
    owners = _owners(graph, training=True)
    declared = _told(graph, lambda node: node.layer.kept_for_backward(*node.input_shapes))
    found: list[Keeper] = []
    differentiable: list[bool] = []
    for index, node in enumerate(graph.nodes):
        trained = any(source != INPUT and differentiable[source] for source in node.inputs)
        differentiable.append(trained or bool(node.weight_shapes))
        if not differentiable[index]:
            found.append(Keeper())
            continue
        keeps = declared[index]
        tensors = [owners[node.inputs[number]] for number in keeps.inputs]
        if keeps.output:
            tensors.append(owners[index])
        found.append(Keeper(tuple(dict.fromkeys(tensors)), keeps.inner))
    return tuple(found)


def alive_at(graph: Graph, *, batch: int, value_bytes: int) -> Iterator[tuple[int, int]]:
    """For each node that evaluation computes, the most bytes of tensors that are alive while it runs."""
    owners = _owners(graph, training=False)
    computed = computed_in_evaluation(graph)
    ends = list(range(len(graph.nodes)))
    for tensor, end in enumerate(last_holders(graph, computed)):
        owner = owners[tensor]
        if owner != INPUT:
            ends[owner] = max(ends[owner], end)
    changes = [0] * (len(graph.nodes) + 2)
    for index, node in enumerate(graph.nodes):
        if computed[index] and owners[index] == index:
            size = batch * value_bytes * prod(node.shape)
            changes[index + 1] += size
            changes[ends[index] + 1] -= size
    image = batch * value_bytes * prod(graph.contract.shape)  # the caller holds it to the end
    working = _told(
        graph,
        lambda node: max(
            (
                held.bytes(batch=batch, value_bytes=value_bytes)
                for held in node.layer.working_memory(*node.input_shapes)
            ),
            default=0,
        ),
    )
    for index, held in enumerate(accumulate(changes[: len(graph.nodes)])):
        if computed[index]:
            yield index, image + held + working[index]


def _told(graph: Graph, ask: Callable[[GraphNode], Told]) -> list[Told]:
    """What each node's layer answers; equal layers of a network are mostly one object, and asked once."""
    known: dict[tuple[int, tuple[Shape, ...]], Told] = {}
    answers: list[Told] = []
    for node in graph.nodes:
        key = (id(node.layer), node.input_shapes)
        if key not in known:
            known[key] = ask(node)
        answers.append(known[key])
    return answers


def _owners(graph: Graph, *, training: bool) -> Sequence[int]:
    """For each node the one whose output its own lies in: itself, unless it is a view; at the end the input.

    The list is made so that `INPUT`, which is -1, finds itself.
    """
    owners: list[int] = []
    views = _told(graph, lambda node: node.layer.is_view(*node.input_shapes, training=training))
    for index, node in enumerate(graph.nodes):
        source = node.inputs[0]
        owners.append(index if not views[index] else INPUT if source == INPUT else owners[source])
    return [*owners, INPUT]


def _buffer_bytes(node: GraphNode, value_bytes: int) -> int:
    if node.shared:
        return 0
    shapes: dict[str, Shape] = node.layer.buffer_shapes(*node.input_shapes)
    return sum(
        COUNTER_BYTES if name.rpartition(".")[2] == COUNTER else prod(shape) * value_bytes
        for name, shape in shapes.items()
    )
