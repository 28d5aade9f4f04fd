"""What is remarkable about single nodes, and what the last map of a network sees."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.graph.receptive_field import Axis, Field
from cnnbuild.graph.visibility import covers_image, dead_outputs, gridding, unseen_pixels
from cnnbuild.layers.base import Shape


@dataclass(frozen=True, slots=True)
class LastMap:
    """The last node on the way to the output whose outputs still have a place in the image.

    What follows, such as a global pool or a linear layer, sees everything. `size` and `stride` are those of
    its receptive field without gates, and `covers` says whether one of its outputs sees the whole image in
    it. `unseen` is the part of the image that none of its outputs sees, far from the borders.
    """

    node: int
    size: tuple[int, int]
    stride: tuple[Fraction, Fraction]
    covers: bool
    unseen: Fraction


def notes_of(node: GraphNode, image: Shape) -> tuple[str, ...]:
    """What is remarkable about a node, for images (C, H, W).

    `shared`; `global` (every output sees the whole image) or `RF > in`; `gridding 54%` (so much of its field
    it sees); `misaligned`; `dead 12%` (so many of its outputs see no pixel).
    """
    notes = ["shared"] if node.shared else []
    if node.field is None:
        notes.append("RF unknown")
    elif any(axis.whole.is_global for axis in node.field):
        notes.append("global")
    elif any(axis.whole.size > size for axis, size in zip(node.field, image[1:], strict=True)):
        notes.append("RF > in")
    if (part := gridding(node.field)) is not None and part < 1:
        notes.append(f"gridding {in_percent(part)}")
    if not node.aligned:
        notes.append("misaligned")
    if dead := dead_outputs(node.field, node.shape, image):
        notes.append(f"dead {in_percent(dead)}")
    return tuple(notes)


def last_map_of(graph: Graph) -> LastMap | None:
    """The last map of a network; None where there is none, as in fully connected ones."""
    needed = {graph.output}
    for index in range(graph.output, -1, -1):
        if index not in needed:
            continue
        node = graph.nodes[index]
        needed.update(node.inputs)
        if node.field is None or len(node.shape) != 3:
            continue
        height, width = (axis.local for axis in node.field)
        if height.is_global or width.is_global:
            continue
        local: Field = (Axis(height, height), Axis(width, width))
        return LastMap(
            index,
            (height.size, width.size),
            (height.stride, width.stride),
            covers_image(local, node.shape, graph.contract.shape),
            unseen_pixels(local),
        )
    return None


def in_percent(part: Fraction) -> str:
    """A part in per cent, not rounded to none or all.

    >>> in_percent(Fraction(7, 13)), in_percent(Fraction(1, 999))
    ('54%', '<1%')
    """
    percent = float(100 * part)
    if percent < 1:
        return "<1%"
    return ">99%" if 99 < percent < 100 else f"{percent:.0f}%"
