"""The filters of the first convolution."""

from __future__ import annotations

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from cnnbuild.analyses.kept import Filters
from cnnbuild.report.run_figures.drawing import NARROW, SMALL, Drawing, number_text, plural
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow, DrawnRun
from cnnbuild.report.run_figures.pixels import in_colours, levels_of, pixels_of, show, tiled, values_of

MOST = 96
WEAK = 0.1  # of the largest weight of all filters: a filter below it is called weak
SIGNED = "RdBu_r"  # blue below 0, red above


def first_filters(group: DrawnGroup) -> list[Drawing]:
    """A sheet of filters for each architecture: of the run of median test accuracy."""
    found = []
    for row in group.trained:
        run = row.representative
        if run is not None and run.analyses.filters is not None and run.analyses.filters.pictures:
            found.append(_of(row, run, run.analyses.filters))
    return found


def largest_weights(filters: Filters) -> list[float]:
    """The largest absolute weight of each filter, as far as its bytes tell."""
    return [float(np.abs(values_of(picture)).max()) for picture in filters.pictures]


def _of(row: DrawnRow, run: DrawnRun, filters: Filters) -> Drawing:
    out, into, high, wide = filters.shape
    shown = filters.pictures[:MOST]
    colour = shown[0].channels == 3
    largest = largest_weights(filters)
    weak = sum(one < WEAK * max(largest) for one in largest)
    scale = (
        "its weights for red, green and blue are shown as these colours, grey is 0"
        if colour
        else "blue is below 0, red above" + (f"; the mean over {into} input channels" if into > 1 else "")
    )
    how = (
        "The filters of the first convolution, all of a network on one scale around 0. Those that have "
        "learned something show edges, spots or colours; those that stay noise or empty are width that is "
        "not used."
    )
    shows = (
        f"{row.name} ({row.said_of(run)}): {plural(out, 'filter')} of {high}x{wide} of {filters.node}; "
        f"{scale}. The largest weight is {number_text(max(largest))}; "
    )
    shows += (
        f"{weak} of {len(largest)} filters stay below a tenth of it."
        if weak
        else "none stays below a tenth of it."
    )
    if len(shown) < out:
        shows += f" The first {len(shown)} are shown."
    return Drawing(
        "filters",
        row.name,
        f"First-layer filters of {row.name}",
        how,
        shows,
        lambda: draw_filters(filters),
    )


def draw_filters(filters: Filters) -> Figure:
    """The filters as one sheet; with one channel beside their scale."""
    shown = filters.pictures[:MOST]
    colour = shown[0].channels == 3
    tiles = [pixels_of(one) if colour else in_colours(levels_of(one), SIGNED) for one in shown]
    columns = min(len(tiles), 8 if len(tiles) <= 32 else 16)
    sheet = tiled(tiles, columns)
    rows, wide = sheet.shape[:2]
    inches = NARROW * (0.98 if colour else 0.84)
    figure = Figure(figsize=(NARROW, max(0.7, inches * rows / wide + 0.1)), layout="constrained")
    axes = figure.add_subplot()
    show(axes, sheet)
    if not colour:
        norm = Normalize(shown[0].low, shown[0].high)
        bar = figure.colorbar(ScalarMappable(norm, SIGNED), ax=axes, pad=0.02, aspect=15)
        bar.set_ticks(
            [shown[0].low, 0.0, shown[0].high], labels=[f"{shown[0].low:.2g}", "0", f"{shown[0].high:.2g}"]
        )
        bar.ax.tick_params(labelsize=SMALL)
        bar.outline.set_visible(False)
    return figure
