"""How much of an image a layer sees: what it could, and what it does."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cnnbuild.analyses.kept import Picture, ReceptiveField
from cnnbuild.graph.views.summary.text import shortened_in_the_middle
from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import NARROW, SMALL, Drawing, plural
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow, DrawnRun
from cnnbuild.report.run_figures.pixels import in_colours, levels_of, pixels_of

MOST = 4  # layers
BEYOND = 0.5  # of the image's side that is shown around it, where a field is larger
BOX = "#D55E00"
LONGEST_NAME = 17
BLANK = (128, 128, 128, 60)  # in place of an image
PERCENT = 95  # of the squared gradient, which the larger box holds


def receptive_fields(group: DrawnGroup) -> list[Drawing]:
    """A figure for each architecture: of the run of median test accuracy."""
    found = []
    for row in group.trained:
        run = row.representative
        if run is not None and run.analyses.receptive_fields:
            found.append(_of(row, run))
    return found


def draw_fields(fields: tuple[ReceptiveField, ...], background: Picture | None) -> Figure:
    """Two rows: the theoretical fields on the image, and the effective ones."""
    count = len(fields)
    share = fields[0].image[0] / fields[0].image[1]
    side = min(NARROW / count, 1.7)
    figure = Figure(figsize=(NARROW, 2 * side * share + 0.75), layout="constrained")
    axes = figure.subplots(2, count, squeeze=False)
    for column, field in enumerate(fields):
        _draw_theoretical(axes[0, column], field, background)
        _draw_effective(axes[1, column], field)
    return figure


def view_of(field: ReceptiveField) -> tuple[float, float, float, float]:
    """What is shown of the image and around it: left, right, top, bottom; at most half a side beyond it."""
    height, width = field.image
    top, left, tall, wide = field.box or (0, 0, height, width)
    return (
        max(min(0, left), -BEYOND * width),
        min(max(width, left + wide), (1 + BEYOND) * width),
        max(min(0, top), -BEYOND * height),
        min(max(height, top + tall), (1 + BEYOND) * height),
    )


def middle_of(field: ReceptiveField) -> tuple[float, float]:
    """The middle of the theoretical field (y, x) in pixels; of the image where it sees everything."""
    top, left, tall, wide = field.box or (0, 0, *field.image)
    return top + tall / 2, left + wide / 2


def _of(row: DrawnRow, run: DrawnRun) -> Drawing:
    kept = run.analyses.receptive_fields
    fields = _chosen(kept)
    background = _background(run, fields)
    how = (
        "The part of an image that the central output of a layer sees. Above, in orange: its receptive "
        "field, all that it could see; one that is larger than what is drawn has no edge. Below: what it "
        "does see, the root of the mean squared gradient of that output at each pixel; the solid and the "
        "dashed box hold 95 % and 68 % of the squared gradient (Luo et al. 2016)."
    )
    shows = (
        f"{row.name} ({row.said_of(run)}; {plural(fields[-1].images, 'test image')}): {_said_of(fields[-1])}"
    )
    lines = tuple(
        (one.node, _sides(one.size, "all"), _sides(one.larger_sides, "-"), _sides(one.smaller_sides, "-"))
        for one in kept
    )
    head = ("layer", "theoretical, px", "effective 95 %, px", "effective 68 %, px")
    return Drawing(
        "receptive-field",
        row.name,
        f"Receptive fields of {row.name}",
        how,
        shows,
        lambda: draw_fields(fields, background),
        DataTable(f"Receptive fields of {row.name}", head, lines),
    )


def _said_of(field: ReceptiveField) -> str:
    """How much of what it could see the layer uses."""
    if field.larger_sides is None:
        return f"No gradient of {field.node} reaches the image: what it gives does not depend on it."
    seen = [min(side, whole) for side, whole in zip(field.size or field.image, field.image, strict=True)]
    used = 100 * field.larger_sides[0] * field.larger_sides[1] / (seen[0] * seen[1])
    could = f"could see {_sides(field.size, 'the whole input')}" + (
        f", of which the image has {_sides((seen[0], seen[1]), '')}"
        if field.size != tuple(seen) and field.size
        else ""
    )
    return (
        f"{field.node} {could}; {PERCENT} % of what it sees lies in {_sides(field.larger_sides, '')}, "
        f"{min(used, 100):.0f} % of that area."
    )


def _draw_theoretical(axes: Axes, field: ReceptiveField, background: Picture | None) -> None:
    height, width = field.image
    pixels = pixels_of(background) if background else np.full((1, 1, 4), BLANK, np.uint8)
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="none")
    top, left, tall, wide = field.box or (0, 0, height, width)
    axes.add_patch(Rectangle((left, top), wide, tall, facecolor=BOX, alpha=0.25, edgecolor="none"))
    axes.add_patch(Rectangle((left, top), wide, tall, fill=False, edgecolor=BOX, linewidth=1.8))
    seen = view_of(field)
    line = 0.02 * (seen[1] - seen[0])
    axes.set_xlim(seen[0] - line, seen[1] + line)
    axes.set_ylim(seen[3] + line, seen[2] - line)
    axes.set_title(
        f"{shortened_in_the_middle(field.node, LONGEST_NAME)}\n{_sides(field.size, 'everything')}",
        fontsize=SMALL,
    )
    axes.set_axis_off()


def _draw_effective(axes: Axes, field: ReceptiveField) -> None:
    height, width = field.image
    colours = in_colours(levels_of(field.effective), "cividis")
    axes.imshow(colours, extent=(0, width, height, 0), interpolation="none")
    y, x = middle_of(field)
    for sides, style in ((field.larger_sides, "-"), (field.smaller_sides, "--")):
        if sides is not None:
            corner = (x - sides[1] / 2, y - sides[0] / 2)
            axes.add_patch(
                Rectangle(
                    corner,
                    sides[1],
                    sides[0],
                    fill=False,
                    edgecolor="#ffffff",
                    linewidth=1.2,
                    linestyle=style,
                )
            )
    line = 0.02 * width
    axes.set_xlim(-line, width + line)
    axes.set_ylim(height + line, -line)
    axes.set_title(f"{PERCENT} %: {_sides(field.larger_sides, 'nothing')}", fontsize=SMALL)
    axes.set_axis_off()


def _sides(sides: tuple[int, int] | None, without: str) -> str:
    return f"{sides[0]}x{sides[1]}" if sides else without


def _chosen(fields: tuple[ReceptiveField, ...]) -> tuple[ReceptiveField, ...]:
    if len(fields) <= MOST:
        return fields
    return tuple(fields[round(step * (len(fields) - 1) / (MOST - 1))] for step in range(MOST))


def _background(run: DrawnRun, fields: tuple[ReceptiveField, ...]) -> Picture | None:
    """A test image in the size of the maps, where one was kept."""
    size = (fields[0].effective.height, fields[0].effective.width)
    kept = (
        *(maps.image for maps in run.analyses.feature_maps),
        *run.analyses.samples,
        *run.analyses.mistakes,
    )
    return next((one.picture for one in kept if (one.picture.height, one.picture.width) == size), None)
