"""The receptive fields of the stages, drawn on the input: what the central output of each stage sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cnnbuild.errors import UsageError
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.rf_map.boxes import effective_shapes, field_shapes, leader_starts, spread
from cnnbuild.graph.views.rf_map.effective import EffectiveField
from cnnbuild.graph.views.rf_map.heat import GREY, INK, STRIP_HEIGHT, heat_shapes, strip_width
from cnnbuild.graph.views.rf_map.input import input_shapes
from cnnbuild.graph.views.rf_map.legend import LEGEND_STEP, entries_of, entry_shapes
from cnnbuild.graph.views.rf_map.scene import Dot, Line, Rectangle, Scene, Shape, Text, shortened
from cnnbuild.graph.views.rf_map.stages import Stage, stages_of
from cnnbuild.graph.views.rf_map.view import Box, View, view_of
from cnnbuild.graph.views.rf_map.words import effective_label, label_of

# Okabe and Ito 2008 without black and yellow, then violet and brown; each has a label, none stands for itself
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6A3D9A", "#8C510A")
EDGE = 28.0
TITLE_SIZE = 17.0
NAME_SIZE = 14.0
NOTE_SIZE = 12.5
TOP = 70.0  # of the drawing, under the title
TO_LABELS = 64.0  # from the drawing to the labels, for the leaders
LINE_STEP = 18.0
LABEL_GAP = 12.0
LONGEST_NAME = 34


@dataclass(frozen=True)
class MapRequest:
    """What is drawn: the stages of a graph, what was measured of them, and on what.

    `effective` is empty or has a field for each stage. `image` is the bytes of a PNG file with the network's
    input size. `notes` are lines under the picture that say how it came about.
    """

    graph: Graph
    stages: tuple[Stage, ...]
    effective: tuple[EffectiveField, ...] = ()
    image: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Label:
    stage: Stage
    colour: str
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return LINE_STEP * len(self.lines) + LABEL_GAP

    @property
    def texts(self) -> tuple[Text, ...]:
        return tuple(
            Text(0, 0, line, NOTE_SIZE if n else NAME_SIZE, GREY if n else INK, bold=n == 0)
            for n, line in enumerate(self.lines)
        )


def map_stages(graph: Graph) -> tuple[Stage, ...]:
    """The stages that a map of the network shows.

    Raises:
        UsageError: the network has no maps.
    """
    stages = stages_of(graph)
    if not stages:
        raise UsageError(f"{graph.name} has no layer whose output is a map, so there are no fields to draw")
    return stages


def rf_map(request: MapRequest) -> Scene:
    """The picture of the fields; what reaches beyond the input is dashed, what is too large is cut."""
    image = request.graph.contract.shape[1:]
    view = view_of((image[0], image[1]), request.stages, left=EDGE, top=TOP)
    boxes = {stage.node: box for stage in request.stages if (box := view.box_of(stage)) is not None}
    labels = _labels(request)
    label_shapes, label_bottom, label_right = _label_column(labels, boxes, view)
    entries = entries_of(request.stages, view, effective=bool(request.effective), image=request.image)
    legend_top = max(view.outer.bottom, label_bottom) + 26
    shapes = [
        *input_shapes(view, request.stages, request.image),
        *_box_shapes(request, labels, boxes, view),
        *label_shapes,
        *entry_shapes(entries, EDGE, legend_top),
    ]
    bottom = legend_top + LEGEND_STEP * len(entries)
    right = label_right
    if request.effective:
        shapes.append(Text(EDGE, bottom + 14, _HEAT_HEADING, NOTE_SIZE, INK, bold=True))
        colours = [label.colour for label in labels]
        shapes += heat_shapes(request.effective, colours, left=EDGE, top=bottom + 28)
        bottom += 28 + STRIP_HEIGHT + 12
        right = max(right, EDGE + strip_width(len(labels)))
    notes = [
        Text(EDGE, bottom + 12 + n * LINE_STEP, note, NOTE_SIZE, GREY) for n, note in enumerate(request.notes)
    ]
    headline = _headline(request)
    texts = [*headline, *notes, *(text for text in shapes if isinstance(text, Text))]
    right = max(right, *(text.x + text.width for text in texts if text.anchor == "start"))
    width, height = round(right + EDGE), round(bottom + LINE_STEP * len(notes) + 14)
    paper = Rectangle(0, 0, width, height, "#ffffff")
    return Scene(
        width, height, headline[0].text, _description(request, labels), (paper, *headline, *shapes, *notes)
    )


_HEAT_HEADING = "Magnitude of the gradient on the part of the input that each stage can see"


def _headline(request: MapRequest) -> tuple[Text, Text]:
    graph = request.graph
    name = graph.name + (f"@{graph.variant}" if graph.variant and graph.variant != graph.name else "")
    size = " x ".join(str(length) for length in graph.contract.shape)
    return (
        Text(EDGE, 32, f"Receptive fields of {shortened(name, 40)}", TITLE_SIZE, INK, bold=True),
        Text(EDGE, 52, f"what the central output of each stage sees of an input of {size}", NOTE_SIZE, GREY),
    )


def _labels(request: MapRequest) -> list[_Label]:
    height, width = request.graph.contract.shape[1:]
    measured: Mapping[int, EffectiveField] = {field.stage.node: field for field in request.effective}
    labels = []
    for n, stage in enumerate(request.stages):
        lines = [shortened(stage.name, LONGEST_NAME), label_of(stage, (height, width))]
        if stage.node in measured:
            lines.append(effective_label(measured[stage.node]))
        labels.append(_Label(stage, COLOURS[n % len(COLOURS)], tuple(lines)))
    return labels


def _box_shapes(
    request: MapRequest, labels: Sequence[_Label], boxes: Mapping[int, Box], view: View
) -> Iterator[Shape]:
    """The effective boxes, and on them the theoretical ones, the largest first, so that none is hidden."""
    for field, label in reversed(list(zip(request.effective, labels, strict=False))):
        if field.sides_95 is not None:
            around = view.box_around(field.stage.centre(view.image), field.sides_95, field.stage.node)
            yield from effective_shapes(around, view, label.colour)
    drawn = [label for label in labels if label.stage.node in boxes]
    for label in sorted(drawn, key=lambda label: -_area(boxes[label.stage.node])):
        box, gated = boxes[label.stage.node], label.stage.sees == "gated"
        yield from field_shapes(box, view, label.colour, gated=gated, filled=not request.effective)


def _label_column(
    labels: Sequence[_Label], boxes: Mapping[int, Box], view: View
) -> tuple[list[Shape], float, float]:
    """The labels and their leaders; where the column ends below, and on the right."""
    gutter = view.outer.right + 12
    leaders = leader_starts(boxes, gutter)
    by_node = {label.stage.node: label for label in labels}
    ordered = [by_node[node] for node in leaders]
    ordered += [label for label in labels if label.stage.node not in leaders]
    wanted = [
        leaders[n][-1][1] if (n := label.stage.node) in leaders else view.outer.bottom for label in ordered
    ]
    heights = [label.height for label in ordered]
    edges = spread(wanted, heights, view.outer.top, view.outer.bottom)
    left = view.outer.right + TO_LABELS
    shapes: list[Shape] = []
    right = left
    for label, edge in zip(ordered, edges, strict=True):
        middle = edge + NAME_SIZE * 0.65 + LABEL_GAP / 2  # of the name's letters
        if label.stage.node in leaders:
            points = (*leaders[label.stage.node], (left - 6, middle))
            shapes.append(Line(points, label.colour, 1.0))
            shapes.append(Dot(*points[0], 2.6, label.colour))
        shapes.append(Dot(left, middle, 5.0, label.colour))
        for n, text in enumerate(label.texts):
            baseline = middle + NAME_SIZE * 0.36 + n * LINE_STEP
            shapes.append(Text(left + 13, baseline, text.text, text.size, text.fill, bold=text.bold))
            right = max(right, left + 13 + text.width)
    return shapes, edges[-1] + heights[-1], right


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _description(request: MapRequest, labels: Sequence[_Label]) -> str:
    size = " by ".join(str(length) for length in request.graph.contract.shape[1:])
    told = ". ".join(": ".join((label.lines[0], "; ".join(label.lines[1:]))) for label in labels)
    return f"An input of {size} pixels with a box around what each stage sees of it. {told}."
