"""Twins of networks for probes of receptive fields: the same graph with one channel a layer.

A twin has the windows, strides, joins and gates of its network, and costs next to nothing, so that images of thousands
of pixels can be sent through ResNet-152's. Concatenations become sums, which look at the same pixels. What comes after
`flatten` is left out. The receptive fields that its nodes hold are those that the analysis gave the network itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from torch import Tensor, nn

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import INPUT, Graph, GraphNode
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.layers.activation import Identity
from cnnbuild.layers.attention import Cbam, ChannelAttention, SpatialAttention, SqueezeExcite
from cnnbuild.layers.base import Layer
from cnnbuild.layers.custom import WindowAvgPool
from cnnbuild.layers.joining import Add, Concat, Multiply
from cnnbuild.layers.normalization import LayerNorm
from cnnbuild.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool
from cnnbuild.layers.reach import Reach

ONE_CHANNEL = {
    "out_channels": 1, "groups": 1, "num_groups": 1, "ratio": 1, "squeeze_channels": None, "sections": 1, "index": 0,
}  # fmt: skip
THIN = (8, 16, 32, 64, 96)
"""Sizes of the axis that is not probed; the smallest that a network takes is used."""


def one_channel(layer: Layer) -> Layer:
    """The same layer for maps of one channel."""
    if isinstance(layer, Concat):
        return Add()
    if isinstance(layer, LayerNorm) and layer.over == "channels":  # of one channel nothing would be left
        return Identity()
    kept = {name: value for name, value in ONE_CHANNEL.items() if name in type(layer).model_fields}
    return layer.model_copy(update=kept)


def twin_of(graph: Graph) -> Graph:
    """The twin of a network: its maps, with one channel each."""
    numbers, nodes = {INPUT: INPUT}, list[GraphNode]()
    for index, node in enumerate(graph.nodes):
        if len(node.shape) != 3:
            continue
        layer = one_channel(node.layer)
        shapes = tuple((1, *shape[1:]) for shape in node.input_shapes)
        shape = layer.output_shape(*shapes)
        if shape != (1, *node.shape[1:]):
            raise TypeError(f"a '{layer.type_name}' has no twin with one channel: it gives {shape}")
        numbers[index] = len(nodes)
        inputs = tuple(numbers[source] for source in node.inputs)
        nodes.append(replace(node, layer=layer, inputs=inputs, input_shapes=shapes, shape=shape))
    contract = replace(graph.contract, channels=1)
    return replace(graph, contract=contract, nodes=tuple(nodes), output=len(nodes) - 1, heads=())


def without_gates(twin: Graph) -> Graph:
    """The twin with nothing that is broadcast over a map; what only computed it stays, and is used by nobody."""
    return replace(twin, nodes=tuple(_without_gate(node) for node in twin.nodes))


def has_gates(twin: Graph) -> bool:
    """Whether anything in it is broadcast over a map."""
    return any(cut is not node for cut, node in zip(without_gates(twin).nodes, twin.nodes, strict=True))


def _without_gate(node: GraphNode) -> GraphNode:
    if isinstance(node.layer, SqueezeExcite | ChannelAttention):
        return replace(node, layer=Identity())
    if isinstance(node.layer, Cbam):
        return replace(node, layer=SpatialAttention(kernel_size=node.layer.kernel_size))
    if not isinstance(node.layer, Multiply):
        return node
    full = [number for number, shape in enumerate(node.input_shapes) if shape == node.shape]
    if len(full) == len(node.inputs):
        return node
    return replace(
        node,
        layer=Add() if len(full) > 1 else Identity(),
        inputs=tuple(node.inputs[number] for number in full),
        input_shapes=tuple(node.input_shapes[number] for number in full),
    )


@dataclass(frozen=True)
class Stage:
    """A node at which both probes look.

    `length` is the image's size on the axis that is probed. Of a `coarse` stage, behind a pool to a given size, the
    windows grow with the image: no image is twice as large.
    """

    index: int
    name: str
    whole: Reach
    local: Reach
    outputs: int
    length: int
    coarse: bool

    def inside(self, output: int) -> tuple[int, int] | None:
        """The pixels that an output is said to see; None where they come to the border or over it."""
        seen = self.local.seen_by(output)
        return seen if seen is not None and seen[0] > 0 and seen[1] < self.length - 1 else None


def stages_of(twin: Graph, axis: int) -> list[Stage]:
    """The nodes at which the map's size changes, the ends of the top-level names, and the last map."""
    last_of_level = {node.path[0]: index for index, node in enumerate(twin.nodes)}
    ends = {*last_of_level.values(), twin.output}
    for index, node in enumerate(twin.nodes):
        if all(shape[1:] != node.shape[1:] for shape in node.input_shapes):
            ends.add(index)
    return [place for place in places_of(twin, axis) if place.index in ends]


def places_of(twin: Graph, axis: int) -> list[Stage]:
    """All nodes that a probe can look at.

    Left out are those that only compute a gate, which see everything and have no place on the map.
    """
    coarse = set[int]()
    places = []
    for index, node in enumerate(twin.nodes):
        if isinstance(node.layer, AdaptiveAvgPool | AdaptiveMaxPool | WindowAvgPool) or coarse & set(
            node.inputs
        ):
            coarse.add(index)
        if node.field is None or node.field[axis].local.is_global:
            continue
        sees, length = node.field[axis], twin.contract.shape[1 + axis]
        places.append(
            Stage(index, node.name, sees.whole, sees.local, node.shape[1 + axis], length, index in coarse)
        )
    return places


def twin_for(document: ArchitectureDocument, variant: str | None, axis: int) -> Graph:
    """The twin of a network for an image that is twice as long as its field on one axis, and thin on the other."""
    base = elaborate(document, DataContract("pictures", 3, 256, 256, 10), variant=variant)
    stages = [stage for stage in stages_of(twin_of(base), axis) if not stage.coarse]
    size = max((stage.local.size for stage in stages), default=1)
    stride = max((stage.local.stride for stage in stages), default=1)
    even = -(-int(2 * size + 12 * stride) // 64) * 64
    odd = even + 7  # leaves borders over, where a network takes it; decoders do not
    for length, thin in product((odd, even), THIN):
        height, width = (length, thin) if axis == 0 else (thin, length)
        try:
            graph = elaborate(document, DataContract("pictures", 3, height, width, 10), variant=variant)
        except DocumentError:
            continue
        return twin_of(graph)
    raise ValueError(f"{document.name} takes no image {THIN[-1]} pixels thin")


def outputs_of(twin: Graph, modules: Sequence[nn.Module], images: Tensor) -> Iterator[tuple[int, Tensor]]:
    """The output of every node in turn; each is let go after its last use."""
    last_use = {source: index for index, node in enumerate(twin.nodes) for source in node.inputs}
    outputs = {INPUT: images}
    for index, (node, module) in enumerate(zip(twin.nodes, modules, strict=True)):
        output = module(*(outputs[source] for source in node.inputs))
        if output.shape[1:] != node.shape:
            raise ValueError(f"'{node.name}' gives {tuple(output.shape[1:])}, not {node.shape}")
        yield index, output
        outputs[index] = output
        for source in {*node.inputs, index}:
            if last_use.get(source, -1) <= index:
                outputs.pop(source, None)
