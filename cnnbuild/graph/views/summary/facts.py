"""What is remarkable about single nodes, and where a network first sees its whole input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.layers.base import Shape
from cnnbuild.layers.reach import Reach


@dataclass(frozen=True, slots=True)
class LastMap:
    """The last node on the way to the output whose outputs still have a place in the image.

    What follows, such as a global pool or a linear layer, sees everything. `size` and `stride` are those of
    its receptive field without gates, and `covers` says whether one of its outputs sees the whole image in it.
    """

    node: int
    size: tuple[int, int]
    stride: tuple[Fraction, Fraction]
    covers: bool


def notes_of(node: GraphNode, image: Shape) -> tuple[str, ...]:
    """What is remarkable: `shared`, `global` (every output sees the whole image), `RF > in`, `misaligned`.

    `image` is (C, H, W).
    """
    notes = ["shared"] if node.shared else []
    if node.field is None:
        notes.append("RF unknown")
    elif any(axis.whole.is_global for axis in node.field):
        notes.append("global")
    elif any(axis.whole.size > size for axis, size in zip(node.field, image[1:], strict=True)):
        notes.append("RF > in")
    if not node.aligned:
        notes.append("misaligned")
    return tuple(notes)


def sees_everything(node: GraphNode, image: Shape, *, local: bool = False) -> bool:
    """Whether some output of a node sees the first and the last pixel along both axes.

    With `local`, gates do not count.
    """
    if node.field is None:
        return False
    outputs = node.shape[1:] if len(node.shape) == 3 else (1, 1)
    return all(
        _covers(axis.local if local else axis.whole, count, size)
        for axis, count, size in zip(node.field, outputs, image[1:], strict=True)
    )


def last_map_of(graph: Graph) -> LastMap | None:
    """The last map of a network; None where there is none, as in fully connected ones."""
    reached = set(ancestors(graph, (graph.output,)))
    for index in range(len(graph.nodes) - 1, -1, -1):
        node = graph.nodes[index]
        if index not in reached or node.field is None or len(node.shape) != 3:
            continue
        height, width = (axis.local for axis in node.field)
        if not height.is_global and not width.is_global:
            covers = sees_everything(node, graph.contract.shape, local=True)
            return LastMap(index, (height.size, width.size), (height.stride, width.stride), covers)
    return None


def ancestors(graph: Graph, ends: tuple[int, ...]) -> Iterator[int]:
    """The nodes that some nodes depend on, these included, each once."""
    waiting, met = [end for end in ends if 0 <= end < len(graph.nodes)], set[int]()
    while waiting:
        index = waiting.pop()
        if index not in met:
            met.add(index)
            yield index
            waiting += [source for source in graph.nodes[index].inputs if source >= 0]


def _covers(reach: Reach, outputs: int, size: int) -> bool:
    """Whether one of some outputs sees the first and the last of `size` pixels.

    Of each phase the one to ask is the last that still begins at or before the first pixel.
    """
    if reach.is_global:
        return True
    phases = len(reach.spans)
    for phase, span in enumerate(reach.spans[:outputs]):
        if span is None or span[0] > 0:
            continue
        last = (outputs - 1 - phase) // phases
        turn = min(-span[0] // reach.period, last)
        if reach.period * turn + span[1] >= size - 1:
            return True
    return False
