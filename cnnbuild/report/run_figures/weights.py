"""How the weights of each layer are distributed, over the epochs."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cnnbuild.graph.views.summary.text import shortened_in_the_middle
from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import NARROW, SMALL, Drawing, number_text, scale_text
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow
from cnnbuild.report.run_figures.heat_map import spread
from cnnbuild.training.record import EpochRecord, RunRecord

MOST_LAYERS = 6
COLUMNS = 3
LEVELS = 64  # values that a panel tells apart
PANEL_INCHES = 1.25
LONGEST_NAME = 20


def weight_histograms(group: DrawnGroup) -> list[Drawing]:
    """Panels of some layers for each architecture: of the run of median test accuracy."""
    found = []
    for row in group.trained:
        run = _median(row)
        if run is not None:
            found.append(_of(row, run))
    return found


def density_of(run: RunRecord, layer: int, low: float, high: float) -> np.ndarray:
    """How full the bins around each value are (LEVELS, epochs), the highest value first.

    Each is a share of the fullest bin of its epoch; NaN in epochs before the first that was recorded, and an
    epoch that was not recorded is as the last one before it.
    """
    epochs = run.epochs[-1].epoch
    shown = np.full((LEVELS, epochs), np.nan)
    values = low + (high - low) * (np.arange(LEVELS)[::-1] + 0.5) / LEVELS
    for epoch in _recorded(run):
        weights = epoch.weights
        bottom, top = (weights.low[layer], weights.high[layer]) if weights is not None else (None, None)
        if weights is None or bottom is None or top is None:
            continue
        bars = np.array(weights.bars(layer))
        width = (top - bottom) / len(bars)
        places = np.floor((values - bottom) / width).astype(int) if width > 0 else np.full(LEVELS, -1)
        inside = (places >= 0) & (places < len(bars))
        column = np.where(inside, bars[np.clip(places, 0, len(bars) - 1)], 0.0)
        shown[:, epoch.epoch - 1 :] = column[:, None]
    return shown


def draw_weights(run: RunRecord, layers: list[int]) -> Figure:
    """A panel for each layer: epochs from left to right, weights from below to above."""
    rows = -(-len(layers) // COLUMNS)
    columns = min(COLUMNS, len(layers))
    figure = Figure(figsize=(NARROW, 0.3 + PANEL_INCHES * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for place, axes in enumerate(panels.flat):
        if place < len(layers):
            _draw(axes, run, layers[place])
            axes.tick_params(labelbottom=place + columns >= len(layers))  # the lowest of its column
        else:
            axes.set_axis_off()
    figure.supxlabel("epoch", fontsize=SMALL + 1)
    return figure


def _draw(axes: Axes, run: RunRecord, layer: int) -> None:
    low, high = _range(run, layer)
    density = density_of(run, layer, low, high)
    colours = np.asarray(mpl.colormaps["cividis"](np.sqrt(np.nan_to_num(density)), bytes=True))
    colours[np.isnan(density)] = 0
    epochs = run.epochs[-1].epoch
    axes.imshow(colours, extent=(0.5, epochs + 0.5, low, high), aspect="auto", interpolation="none")
    axes.set_title(shortened_in_the_middle(run.weight_layers[layer], LONGEST_NAME), fontsize=SMALL)
    axes.tick_params(labelsize=SMALL - 1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _of(row: DrawnRow, run: RunRecord) -> Drawing:
    layers = [layer for layer in range(len(run.weight_layers)) if _spreads(run, layer)]
    shown = [layers[place] for place in spread(len(layers), MOST_LAYERS)]
    how = (
        "How the weights of some layers are distributed, each panel on its own scale: epochs from left to "
        "right, the value of a weight from below to above, and bright where most weights of that epoch lie "
        "(on a square-root scale). What widens grows; a bright line at 0 is of weights that fade away."
    )
    which = f", the run of median test accuracy among {len(row.runs)}" if len(row.runs) > 1 else ""
    growth = {layer: _spreads(run, layer) for layer in layers}
    lines = tuple(
        (run.weight_layers[layer], number_text(of[0]), number_text(of[-1]), scale_text(of[-1] / of[0]))
        for layer, of in growth.items()
    )
    most = max(layers, key=lambda layer: growth[layer][-1] / growth[layer][0])
    least = min(layers, key=lambda layer: growth[layer][-1] / growth[layer][0])
    first = _recorded(run)[0].epoch
    shows = (
        f"{row.name} (seed {run.seed}{which}): from epoch {first} to the end the standard deviation of the "
        f"weights became {scale_text(growth[most][-1] / growth[most][0])} as large in "
        f"{run.weight_layers[most]}"
    )
    if least != most:
        shows += f", {scale_text(growth[least][-1] / growth[least][0])} in {run.weight_layers[least]}"
    head = ("layer", f"SD after epoch {first}", "SD at the end", "growth")
    return Drawing(
        "weights",
        row.name,
        f"Weights of {row.name}",
        how,
        f"{shows}.",
        lambda: draw_weights(run, shown),
        DataTable(f"Standard deviation of the weights of {row.name} by layer", head, lines),
    )


def _median(row: DrawnRow) -> RunRecord | None:
    """The run of median test accuracy, the lower of two, among those that recorded weights."""
    accuracies = row.row.accuracies
    found = [run for run in row.runs if any(_spreads(run, layer) for layer in range(len(run.weight_layers)))]
    found.sort(key=lambda run: (accuracies.get(run.seed, 0.0), run.seed))
    return found[(len(found) - 1) // 2] if found else None


def _recorded(run: RunRecord) -> list[EpochRecord]:
    return [epoch for epoch in run.epochs if epoch.weights is not None]


def _spreads(run: RunRecord, layer: int) -> list[float]:
    """The standard deviation of a layer's weights in each epoch that recorded one above 0."""
    found = [epoch.weights.sd[layer] for epoch in run.epochs if epoch.weights is not None]
    return [one for one in found if one]


def _range(run: RunRecord, layer: int) -> tuple[float, float]:
    """The smallest and the largest weight of all epochs."""
    lows = [low for epoch in run.epochs if epoch.weights and (low := epoch.weights.low[layer]) is not None]
    highs = [
        high for epoch in run.epochs if epoch.weights and (high := epoch.weights.high[layer]) is not None
    ]
    return min(lows), max(highs)
