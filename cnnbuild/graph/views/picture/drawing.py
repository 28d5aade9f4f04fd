"""From a layout to a scene: texts in their boxes, colours by cost, title and legend."""

from __future__ import annotations

from collections import Counter

from cnnbuild.graph.views.picture.arrangement import HEADER, HEADER_GAP, Size, Sizes
from cnnbuild.graph.views.picture.blocks import Block, PlacedBox, PlacedFrame, shifted
from cnnbuild.graph.views.picture.captions import (
    HEAD_SIZE,
    TEXT_SIZE,
    Measure,
    figures,
    group_tooltip,
    heading,
    tooltip,
    value,
    wordings,
)
from cnnbuild.graph.views.picture.colours import step_of
from cnnbuild.graph.views.picture.legend import COPIES_NOTE, FIGURES_NOTE, MEASURE_NOTES, foot, head, title_of
from cnnbuild.graph.views.picture.parts import Diagram, Group, Piece
from cnnbuild.graph.views.picture.scene import Box, Edge, Frame, Scene, Text
from cnnbuild.graph.views.picture.text_width import TIMES, room_for, text_width

LINE = 14.0  # px from line to line
PAD_X, PAD_Y = 9.0, 5.0
ASCENT = 0.74  # of a font's size above the baseline, so that capitals look centred
BAR = 5.0  # px on both sides of a closed level, for the lines that mark it
MARGIN = 18.0
LEAST_WIDTH = 440.0
CIRCLE = 20.0
ENTRY = 8.0  # px of a box for each edge that comes in
SPACE = 5.0  # px between a name and a label
EVEN = 12.0  # box widths are multiples of this, so that boxes above each other are mostly alike


def sizes_for(diagram: Diagram, measure: Measure) -> Sizes:
    """How large boxes and headers are."""
    inputs = Counter(target for _, target in diagram.edges)

    def box(piece: Piece) -> Size:
        lines = wordings(diagram.graph, piece, measure)
        entering = ENTRY * inputs[piece.number]
        if piece.kind == "join" and len(lines[0].text) == 1:
            return max(CIRCLE, entering), CIRCLE
        wide = max(room_for(line.text, line.size, line.weight, PAD_X) for line in lines)
        wide += 2 * BAR if piece.kind == "closed" else 0
        pad = 2.0 if piece.kind == "small" else PAD_Y
        even = EVEN if piece.kind in ("layer", "closed") else 2.0
        return even * -(-max(wide, entering) // even), max(CIRCLE, len(lines) * LINE + 2 * pad)

    def header(group: Group, room: float) -> tuple[float, float]:
        name, label = heading(group)
        left, right = heading_width(group), times_width(group)
        if left <= room or not label:
            return left, right
        return text_width(name, TEXT_SIZE, "bold"), text_width(label, TEXT_SIZE) + (right and right + SPACE)

    return Sizes(box, header)


def heading_width(group: Group) -> float:
    """How wide the name and the label of a level are."""
    name, label = heading(group)
    return text_width(name, TEXT_SIZE, "bold") + (SPACE + text_width(label, TEXT_SIZE) if label else 0.0)


def times_width(group: Group) -> float:
    """How wide the number of copies is."""
    return text_width(f"{TIMES}{group.copies}", HEAD_SIZE, "bold") if group.copies > 1 else 0.0


def scene_of(diagram: Diagram, block: Block, measure: Measure) -> Scene:
    """The picture of a diagram that was laid out."""
    graph = diagram.graph
    values = {piece.number: value(graph, piece, measure) for piece in diagram.pieces}
    largest = max((number for number in values.values() if number is not None), default=0)
    top = head(graph, MARGIN)
    width = max(block.width + 2 * MARGIN, LEAST_WIDTH, top.width)
    x, y = float(round((width - block.width) / 2)), MARGIN + top.height
    repeated = any(piece.copies > 1 for piece in diagram.pieces) or any(
        frame.group.copies > 1 for frame in block.frames
    )
    notes = [FIGURES_NOTE]
    if repeated:
        notes.append(COPIES_NOTE)
    notes.extend(MEASURE_NOTES.get(measure, ()))
    bottom = foot(
        notes, measure, largest, corner=(MARGIN, y + block.height + MARGIN), width=width - 2 * MARGIN
    )
    height = y + block.height + MARGIN + bottom.height + MARGIN
    skips = skipping(diagram)
    dashed = {piece.number for piece in diagram.pieces if piece.dashed}
    return Scene(
        width,
        height,
        title_of(graph),
        _description(diagram),
        tuple(_frame(diagram, frame, x, y) for frame in block.frames),
        tuple(
            _box(diagram, box, x, y, measure, _step(values[box.piece.number], largest)) for box in block.boxes
        ),
        tuple(
            Edge(*ends, shifted(way, x, y), ends in skips, ends[1] in dashed)
            for ends, way in sorted(block.edges.items())
        ),
        (*top.texts, *bottom.texts),
        bottom.swatches,
    )


def skipping(diagram: Diagram) -> set[tuple[int, int]]:
    """The edges past other boxes: to a piece that is also reached on a longer way."""
    readers: dict[int, list[int]] = {}
    for source, target in diagram.edges:
        readers.setdefault(source, []).append(target)
    found: set[tuple[int, int]] = set()
    for source, targets in readers.items():
        if len(targets) < 2:
            continue
        last = max(targets)
        seen: set[int] = set()
        waiting = [after for target in targets for after in readers.get(target, ())]
        while waiting:
            at = waiting.pop()
            if at <= last and at not in seen:
                seen.add(at)
                waiting.extend(readers.get(at, ()))
        found |= {(source, target) for target in targets if target in seen}
    return found


def _step(number: int | None, largest: int) -> int | None:
    return None if number is None else step_of(number, largest)


def _box(diagram: Diagram, box: PlacedBox, x: float, y: float, measure: Measure, step: int | None) -> Box:
    piece = box.piece
    lines = wordings(diagram.graph, piece, measure)
    first = y + box.y + (box.height - len(lines) * LINE) / 2
    texts = tuple(
        Text(
            line.text,
            x + box.x + box.width / 2,
            first + number * LINE + (LINE - line.size) / 2 + ASCENT * line.size + 1,
            line.size,
            "middle",
            line.weight,
            "box",
        )
        for number, line in enumerate(lines)
    )
    told = tooltip(diagram.graph, piece)
    return Box(
        piece.number, piece.kind, x + box.x, y + box.y, box.width, box.height, texts, told, step, piece.dashed
    )


def _frame(diagram: Diagram, frame: PlacedFrame, x: float, y: float) -> Frame:
    group = frame.group
    left, right = x + frame.x + HEADER_GAP, x + frame.x + frame.width - HEADER_GAP
    baseline = y + frame.y + HEADER - 7
    name, label = heading(group)
    first, last = (min(frame.ports) + x, max(frame.ports) + x) if frame.ports else (right, left)
    texts = [Text(name, left, baseline, TEXT_SIZE, "start", "bold")]
    if group.copies > 1:
        texts.append(Text(f"{TIMES}{group.copies}", right, baseline, HEAD_SIZE, "end", "bold"))
        right -= times_width(group) + SPACE
    if label and left + heading_width(group) <= first - HEADER_GAP:
        left += text_width(name, TEXT_SIZE, "bold") + SPACE
        texts.append(Text(label, left, baseline, TEXT_SIZE, "start", "normal", "muted"))
    elif label:
        texts.append(Text(label, right, baseline, TEXT_SIZE, "end", "normal", "muted"))
        right = last
    cost = figures(diagram.graph, group.nodes).words()
    if group.copies == 1 and frame.ports and text_width(cost, TEXT_SIZE) <= right - last - HEADER_GAP:
        texts.append(Text(cost, right, baseline, TEXT_SIZE, "end", "normal", "muted"))
    told = group_tooltip(diagram.graph, group)
    return Frame(
        x + frame.x, y + frame.y, frame.width, frame.height, frame.depth, tuple(texts), told, group.dashed
    )


def _description(diagram: Diagram) -> str:
    boxes = [
        " ".join(part for part in (piece.name, piece.title if piece.kind != "join" else "join") if part)
        for piece in diagram.pieces
        if piece.nodes
    ]
    shown = boxes[:60]
    more = f", and {len(boxes) - len(shown)} more" if len(boxes) > len(shown) else ""
    return f"Layers from the input to the output: {', '.join(shown)}{more}."
