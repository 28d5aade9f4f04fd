"""The stages of a network, and what the central output of each sees of the input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal, TypeAlias

from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.graph.receptive_field import Axis
from cnnbuild.graph.views.level_tree import Item, level_tree
from cnnbuild.layers.base import Shape
from cnnbuild.layers.reach import Span

MOST_STAGES = 8  # more boxes in one picture cannot be told apart
NEARLY_ALIKE = Fraction(5, 4)  # a pool that widens the field by less shows nothing that its neighbours do not

Sees: TypeAlias = Literal["window", "gated", "everything", "unknown"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A place in the network, and the theoretical field of its central output; pairs are height and width.

    `node` is the index of the node, `output` the row and column of the output that is meant. `spans` are the
    first and last row, and column, of the input that it sees, negative or too large beyond the border.
    `sizes` are those of `inspect`: of several phases the largest, so that a span may be a pixel smaller.
    `sees` is `gated` where the stage sees everything through gates only: spans, sizes and strides are then
    those without gates. Where it sees everything otherwise, or nobody declared what it sees, there are none.
    """

    name: str
    node: int
    shape: Shape
    sees: Sees
    output: tuple[int, int]
    spans: tuple[Span, Span] | None
    sizes: tuple[int, int] | None
    strides: tuple[Fraction, Fraction] | None

    def centre(self, image: tuple[int, int]) -> tuple[Fraction, Fraction]:
        """The middle of what the output sees, in pixels from the input's corner; `image` is (H, W)."""
        if self.spans is not None:
            rows, columns = (Fraction(first + last + 1, 2) for first, last in self.spans)
            return rows, columns
        rows, columns = (
            Fraction((2 * output + 1) * size, 2 * outputs)
            for output, size, outputs in zip(self.output, image, self.shape[1:], strict=True)
        )
        return rows, columns


def stages_of(graph: Graph, *, most: int = MOST_STAGES) -> tuple[Stage, ...]:
    """The ends of the network's parts, and where its map changes its size, in the order of computation.

    A part that changes the size more than once is opened, and so is one that holds all maps. Nodes that give
    a vector, or a single pixel without a window, have no place on the input and are left out. Of more
    than `most` stages, those go first that are not the last of their size, and whose field the next one
    nearly has.
    """
    found: list[Stage] = []
    for item, is_part in _parts(graph, level_tree(graph)):
        index = [*item.leaves()][-1]
        node = graph.nodes[index]
        if not _is_map(node):
            continue
        changes = not found or found[-1].shape[1:] != node.shape[1:]
        if not is_part and not changes:
            continue
        stage = _stage(item.name if item.node is None else node.name, index, node, graph.contract.shape[1:])
        if found and not is_part and _nearly_alike(found[-1], stage):
            continue
        if found and _shows(found[-1]) == _shows(stage):
            continue
        found.append(stage)
    return tuple(_fewer(_with_last_map(graph, found), most))


def _parts(graph: Graph, items: Sequence[Item]) -> Iterator[tuple[Item, bool]]:
    """The items of the top level, opened where that tells more; whether each is a level of its own."""
    with_maps = [item for item in items if any(_is_map(graph.nodes[leaf]) for leaf in item.leaves())]
    for item in items:
        sizes = _new_sizes(graph, item)
        if item.node is None and (len(sizes) > 1 or with_maps == [item]):
            yield from _parts(graph, item.items)
        else:
            yield item, item.node is None


def _new_sizes(graph: Graph, item: Item) -> set[Shape]:
    """The sizes of maps in an item that what enters it has not."""
    leaves = [*item.leaves()]
    maps = [graph.nodes[leaf] for leaf in leaves if _is_map(graph.nodes[leaf])]
    return {node.shape[1:] for node in maps} - {graph.nodes[leaves[0]].input_shapes[0][1:]}


def _is_map(node: GraphNode) -> bool:
    if len(node.shape) != 3:
        return False
    has_window = node.field is not None and not all(axis.local.is_global for axis in node.field)
    return has_window or node.shape[1:] != (1, 1)


def _with_last_map(graph: Graph, stages: list[Stage]) -> list[Stage]:
    """The stages, and the last map of the way to the output where it sees more than the last stage."""
    maps = [index for index in _upstream(graph, graph.output) if _is_map(graph.nodes[index])]
    if not maps:
        return stages
    last = graph.nodes[maps[-1]]
    stage = _stage(last.name, maps[-1], last, graph.contract.shape[1:])
    if stages and (stages[-1].node >= stage.node or stages[-1].spans == stage.spans):
        return stages
    return [*stages, stage]


def _upstream(graph: Graph, output: int) -> list[int]:
    """The nodes that an output depends on, in the order of computation."""
    needed = {output}
    for index in range(output, -1, -1):
        if index in needed:
            needed.update(source for source in graph.nodes[index].inputs if source >= 0)
    return sorted(needed)


def _stage(name: str, index: int, node: GraphNode, image: Shape) -> Stage:
    middle = (node.shape[1] // 2, node.shape[2] // 2)
    if node.field is None:
        return Stage(name, index, node.shape, "unknown", middle, None, None, None)
    if all(axis.local.is_global for axis in node.field):
        return Stage(name, index, node.shape, "everything", middle, None, None, None)
    seen = [
        _seen(axis, outputs, size)
        for axis, outputs, size in zip(node.field, node.shape[1:], image, strict=True)
    ]
    gated = any(axis.whole.is_global and not axis.local.is_global for axis in node.field)
    height, width = seen
    return Stage(
        name,
        index,
        node.shape,
        "gated" if gated else "window",
        (height[0], width[0]),
        (height[1], width[1]),
        (height[2], width[2]),
        (height[3], width[3]),
    )


def _seen(axis: Axis, outputs: int, size: int) -> tuple[int, Span, int, Fraction]:
    """The output nearest to the middle that sees something: its index, what it sees, size and stride."""
    middle = outputs // 2
    if axis.local.is_global:  # this axis only: the other one has a window
        return middle, (0, size - 1), size, Fraction(size, outputs)
    for output in sorted(range(outputs), key=lambda output: (abs(output - middle), output)):
        span = axis.local.seen_by(output)
        if span is not None:
            return output, span, axis.local.size, axis.local.stride
    return middle, (0, 0), 0, axis.local.stride


def _shows(stage: Stage) -> tuple[object, ...]:
    """What two stages have in common that one box can stand for."""
    return stage.sees, stage.spans, stage.strides, None if stage.spans else stage.shape[1:]


def _nearly_alike(earlier: Stage, later: Stage) -> bool:
    return _growth(earlier, later) < NEARLY_ALIKE


def _growth(earlier: Stage, later: Stage) -> Fraction:
    """How many times as large the later field is, along the axis where it grows most."""
    if earlier.sees != later.sees or earlier.sizes is None or later.sizes is None:
        return 2 * NEARLY_ALIKE  # something else is seen: worth a box of its own
    return max(
        Fraction(after, max(before, 1)) for before, after in zip(earlier.sizes, later.sizes, strict=True)
    )


def _fewer(stages: Iterable[Stage], most: int) -> list[Stage]:
    kept = list(stages)
    while len(kept) > most:
        pairs = list(pairwise(kept))
        inner = [n for n, (stage, after) in enumerate(pairs) if stage.shape[1:] == after.shape[1:]]
        del kept[min(inner or range(len(pairs)), key=lambda n: (_growth(*pairs[n]), n))]
    return kept
