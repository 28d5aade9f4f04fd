"""How a node's receptive field follows from that of its input, with the numbers filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cnnbuild.graph.graph import INPUT, Graph, GraphNode
from cnnbuild.graph.receptive_field import OWN_PIXEL, Axis, Field
from cnnbuild.layers.arithmetic import Worked
from cnnbuild.layers.base import SEES_ITS_PIXEL
from cnnbuild.layers.composition import compose
from cnnbuild.layers.reach import Reach

AXES = ("rows", "columns")
MOST_PHASES = 4  # that are listed


@dataclass(frozen=True, slots=True)
class FieldSteps:
    """The field along one axis, or along both where they are alike: calculations, and sentences about it."""

    axis: str
    worked: tuple[tuple[str, Worked], ...]
    sentences: tuple[str, ...]


def field_steps(graph: Graph, node: GraphNode) -> tuple[FieldSteps, ...]:
    """How the field of a node follows from those of its inputs, for each axis."""
    if node.field is None:
        return (FieldSteps("", (), ("unknown: this layer or one before it does not say what it sees",)),)
    found = [_along(graph, node, node.field, axis) for axis in (0, 1)]
    if (found[0].worked, found[0].sentences) == (found[1].worked, found[1].sentences):
        return (FieldSteps("rows and columns", found[0].worked, found[0].sentences),)
    return tuple(found)


def _along(graph: Graph, node: GraphNode, field: tuple[Axis, Axis], axis: int) -> FieldSteps:
    after, before = field[axis], _fields_of_inputs(graph, node)
    if node.layer.several_inputs:
        return FieldSteps(AXES[axis], (), tuple(_joined(graph, node, after, before, axis)))
    (entering,) = before[:1]
    sight, local_sight = node.layer.sight(*node.input_shapes), node.layer.local_sight(*node.input_shapes)
    if entering is None or sight is None or local_sight is None:
        return FieldSteps(AXES[axis], (), ("unknown",))
    if not after.whole.is_global:
        if sight is SEES_ITS_PIXEL:
            same = f"that of its input, as each output sees its own pixel: {in_words(after.whole)}"
            return FieldSteps(AXES[axis], (), (same,))
        worked = _worked(entering[axis].whole, sight[axis], after.whole)
        uneven = (f"its input: {in_words(entering[axis].whole)}", *_phases(after.whole))
        return FieldSteps(AXES[axis], worked, () if worked else uneven)
    already = entering[axis].whole.is_global
    whose = "its input does already" if already else f"{node.layer.type_name} takes all of its input"
    sentences = [f"every output sees the whole input: {whose}"]
    if after.local.is_global:
        return FieldSteps(AXES[axis], (), tuple(sentences))
    sentences.append(f"without gates: {in_words(after.local)}")
    if local_sight is SEES_ITS_PIXEL:
        return FieldSteps(AXES[axis], (), tuple(sentences))
    worked = _worked(entering[axis].local, local_sight[axis], after.local)
    return FieldSteps(AXES[axis], worked, tuple(sentences))


def _fields_of_inputs(graph: Graph, node: GraphNode) -> list[Field]:
    return [OWN_PIXEL if source == INPUT else graph.nodes[source].field for source in node.inputs]


def _worked(before: Reach, sight: Reach, after: Reach) -> tuple[tuple[str, Worked], ...]:
    """Size, stride and start where all outputs are alike; nothing where they take turns."""
    if any(reach.is_global or len(reach.spans) != 1 for reach in (before, sight, after)):
        return ()
    span = sight.spans[0]
    if span is None:
        return ()
    taps = (span[1] - span[0]) // sight.step + 1
    sign = "-" if span[0] < 0 else "+"
    size = Worked(
        f"{before.size} + ({taps} - 1) x {sight.step} x {before.period}",
        before.size + (taps - 1) * sight.step * before.period,
    )
    stride = Worked(f"{before.period} x {sight.period}", before.period * sight.period)
    start = Worked(
        f"{before.start} {sign} {abs(span[0])} x {before.period}", before.start + span[0] * before.period
    )
    if (size.value, stride.value, start.value) != (after.size, after.period, after.start):
        return ()
    return (
        ("size: the input's + (kernel - 1) x dilation x its stride", size),
        ("stride: the input's x the layer's", stride),
        ("start: the input's - padding x its stride", start),
    )


def _phases(reach: Reach) -> Iterator[str]:
    """What the outputs see in turn."""
    count = len(reach.spans)
    yield f"its output: {in_words(reach)}"
    if count == 1:
        return
    yield f"the outputs take turns in {count} phases:"
    for phase, span in enumerate(reach.spans[:MOST_PHASES]):
        sees = (
            "no pixel"
            if span is None
            else f"{_from(reach.period, span[0])} to {_from(reach.period, span[1])}"
        )
        yield f"output {_from(count, phase)} sees {sees}"
    if count > MOST_PHASES:
        yield f"… and {count - MOST_PHASES} more"


def _from(step: int, offset: int) -> str:
    """A place that moves on with m: 2m - 1."""
    moving = "m" if step == 1 else f"{step}m"
    return moving if offset == 0 else f"{moving} {'-' if offset < 0 else '+'} {abs(offset)}"


def _joined(graph: Graph, node: GraphNode, after: Axis, before: list[Field], axis: int) -> Iterator[str]:
    """What each branch sees, and what they see together."""
    sight = node.layer.sight(*node.input_shapes)
    for source, field in zip(node.inputs, before, strict=True):
        name = "input" if source == INPUT else graph.nodes[source].name
        if field is None or sight is None:
            yield f"{name}: unknown"
        else:
            yield f"{name}: {in_words(compose(field[axis].whole, sight[axis]))}"
    yield f"together: {in_words(after.whole)}"
    if after.whole.is_global and not after.local.is_global:
        yield f"without gates: {in_words(after.local)}"
    if not node.aligned:
        yield "misaligned: the branches look at different centres, or move on at different strides"


def in_words(reach: Reach) -> str:
    """A field in a few words.

    >>> in_words(Reach(2, ((-3, 3),)))
    'size 7, stride 2, start -3'
    """
    if reach.is_global:
        return "the whole input"
    return f"size {reach.size}, stride {reach.stride}, start {reach.start}"
