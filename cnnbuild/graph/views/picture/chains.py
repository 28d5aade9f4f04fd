"""Which layers that follow each other are one box: a convolution with its normalisation and activation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.graph.views.folding import Folded, Leaf
from cnnbuild.graph.views.picture.text_width import TIMES
from cnnbuild.graph.views.summary.captions import caption

SHORT_TYPES = {
    "batch_norm": "bn",
    "local_response_norm": "lrn",
    "conv_transpose": "conv transpose",
    "global_avg_pool": "global avg pool",
    "global_max_pool": "global max pool",
    "adaptive_avg_pool": "adaptive avg pool",
    "adaptive_max_pool": "adaptive max pool",
    "max_pool": "max pool",
    "avg_pool": "avg pool",
    "squeeze_excite": "squeeze-excite",
}
SIGNS = {"add": "+", "residual": "+", "multiply": TIMES, "concat": "||"}
SMALL_FAMILIES = ("activation", "normalization", "regularization")
SMALL_TYPES = frozenset({"flatten", "channel_shuffle", "split_channels", "layer_scale", "scale", "zero_pad"})
ALONE = frozenset({"identity", "dropout", "dropout2d", "stochastic_depth"})


def words(node: GraphNode) -> str:
    """What a layer does, as short as people say it.

    Such as `conv 3x3 /2`, `bn`, `max pool 2x2 /2`.
    """
    first, _, rest = caption(node.layer).partition(" ")
    return " ".join(word for word in (SHORT_TYPES.get(first, first), rest.replace("x", TIMES)) if word)


def sign(node: GraphNode) -> str:
    """The sign of a join, "" for any other layer."""
    return SIGNS.get(node.layer.type_name, "") if len(node.inputs) > 1 else ""


def is_small(node: GraphNode) -> bool:
    """Whether it is a step between layers: an activation, a normalisation, dropout, flatten."""
    family = type(node.layer).__module__.rpartition(".")[2]
    return family in SMALL_FAMILIES or node.layer.type_name in SMALL_TYPES


def follows(node: GraphNode) -> bool:
    """Whether it may share the box of the convolution before it."""
    return is_small(node) and node.layer.type_name not in SMALL_TYPES | ALONE


def chains(
    graph: Graph, items: Sequence[Folded], feeds_only: Callable[[int, int], bool]
) -> Iterator[Folded | tuple[int, ...]]:
    """The items of a level, with the nodes that make one box together as a tuple.

    `feeds_only(a, b)` says whether b alone reads a, and reads nothing else.
    """
    run: list[int] = []
    for item in items:
        single = isinstance(item, Leaf) and len(item.copies) == 1
        if run and not (single and isinstance(item, Leaf) and feeds_only(run[-1], item.node)):
            yield from _split(graph, run)
            run = []
        if isinstance(item, Leaf) and single:
            run.append(item.node)
        else:
            yield item
    yield from _split(graph, run)


def _split(graph: Graph, run: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """A chain of nodes as boxes: one convolution or product each.

    A chain that begins with a normalisation is of the kind in which it comes first (He et al. 2016), so that
    boxes end with their convolution.
    """
    comes_first = bool(run) and follows(graph.nodes[run[0]])
    box: list[int] = []
    for index in run:
        node = graph.nodes[index]
        step, product = follows(node), node.macs > 0
        if comes_first:
            if box and not (step or product):
                yield tuple(box)
                box = []
            box.append(index)
            if not step:
                yield tuple(box)
                box = []
            continue
        if box and not (step and _may_grow(graph, box)):
            yield tuple(box)
            box = []
        box.append(index)
    if box:
        yield tuple(box)


def _may_grow(graph: Graph, box: Sequence[int]) -> bool:
    """Whether steps can be added to a box: to a join, to one that holds a product, or only steps."""
    return (
        bool(sign(graph.nodes[box[0]]))
        or any(graph.nodes[index].macs for index in box)
        or all(follows(graph.nodes[index]) for index in box)
    )
