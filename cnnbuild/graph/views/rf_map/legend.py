"""What the kinds of lines in a map mean; only those that occur are explained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.graph.views.rf_map.boxes import BEYOND, EFFECTIVE, EFFECTIVE_OPACITY, WITHOUT_GATES
from cnnbuild.graph.views.rf_map.heat import GREY
from cnnbuild.graph.views.rf_map.input import BORDER, CENTRE, PLAIN, grid_step, shows_centres
from cnnbuild.graph.views.rf_map.scene import Dot, Line, Rectangle, Shape, Text, frame
from cnnbuild.graph.views.rf_map.stages import Stage
from cnnbuild.graph.views.rf_map.view import View

LEGEND_STEP = 20.0
SAMPLE = 30.0  # width of a sample
TEXT_SIZE = 12.5

Sample: TypeAlias = Literal["input", "centres", "beyond", "cut", "gated", "effective"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the legend."""

    sample: Sample
    text: str


def entries_of(
    stages: Sequence[Stage], view: View, *, effective: bool, image: bytes | None
) -> tuple[Entry, ...]:
    """The lines of the legend."""
    height, width = view.image
    step = grid_step(view)
    grid = (
        ""
        if image is not None
        else f"; a line of the grid every {step} px"
        if step > 1
        else "; the grid is its pixels"
    )
    entries = [Entry("input", f"the input, {height} x {width} px{grid}")]
    if shows_centres(view, stages):
        rows, columns = stages[-1].shape[1:]
        entries.append(Entry("centres", f"centres of the {rows} x {columns} outputs of {stages[-1].name}"))
    if any(stage.sees == "gated" for stage in stages):
        entries.append(Entry("gated", "field without gates; through its gates the stage sees everything"))
    if any(_reaches_beyond(stage, view.image) for stage in stages):
        entries.append(Entry("beyond", "beyond the input: padding"))
    if view.rings:
        entries.append(Entry("cut", "further out than drawn"))
    if effective:
        entries.append(Entry("effective", "effective field: holds 95 % of the squared gradient"))
    return tuple(entries)


def entry_shapes(entries: Sequence[Entry], left: float, top: float) -> Iterator[Shape]:
    """The legend, one entry under the other."""
    for n, entry in enumerate(entries):
        y = top + n * LEGEND_STEP
        yield from _sample(entry.sample, left, y - 4)
        yield Text(left + SAMPLE + 12, y, entry.text, TEXT_SIZE, GREY)


def _sample(sample: Sample, left: float, y: float) -> Iterator[Shape]:
    right, middle = left + SAMPLE, left + SAMPLE / 2
    match sample:
        case "input":
            yield Rectangle(middle - 7, y - 6, 14, 12, PLAIN)
            yield frame(middle - 7, y - 6, 14, 12, BORDER, thickness=1.25)
        case "centres":
            for x in (middle - 9, middle, middle + 9):
                yield Dot(x, y, 1.7, CENTRE, 0.75)
        case "gated":
            yield Line(((left, y), (right, y)), GREY, 2, WITHOUT_GATES)
        case "beyond":
            yield Line(((left, y), (right, y)), GREY, 2, BEYOND)
        case "cut":
            yield Line(((left, y), (right - 6, y)), GREY, 2, BEYOND)
            yield Line(((right - 5, y - 4), (right - 1, y), (right - 5, y + 4)), GREY, 2)
        case "effective":
            yield Rectangle(left + 3, y - 6, SAMPLE - 6, 12, GREY, EFFECTIVE_OPACITY)
            border = frame(left + 3, y - 6, SAMPLE - 6, 12, GREY)
            yield Line(border.points, GREY, 2, EFFECTIVE)


def _reaches_beyond(stage: Stage, image: tuple[int, int]) -> bool:
    return stage.spans is not None and any(
        first < 0 or last >= size for (first, last), size in zip(stage.spans, image, strict=True)
    )
