"""Layers over epochs as colours: the first layer at the top, epochs from left to right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cnnbuild.graph.views.summary.text import shortened_in_the_middle
from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import NARROW, SMALL, number_text, power_of_ten
from cnnbuild.training.record import EpochRecord, RunRecord

ZERO = "#D55E00"  # exactly 0, which has no place on a logarithmic scale
MOST_NAMES = 18  # beside a map; of deeper networks some names stand for the others
LONGEST_NAME = 22
MOST_ROWS = 60  # of the table
ROW_INCHES, LOWEST, HIGHEST = 0.19, 1.9, 4.0
MOST_TICKS = 7
DECADES = 10  # at most, below the largest value

Pick = Callable[[EpochRecord], Sequence[float | None] | None]


@dataclass(frozen=True)
class LayerMap:
    """One number for each layer and epoch, (layers, epochs), NaN where it was not measured."""

    layers: tuple[str, ...]
    values: np.ndarray

    @property
    def positive(self) -> np.ndarray:
        """The values above 0."""
        return np.asarray(self.values[np.isfinite(self.values) & (self.values > 0)])

    @property
    def has_zeros(self) -> bool:
        """Whether a value is exactly 0."""
        return bool(np.any(self.values == 0))

    def table(self, caption: str, of: Callable[[float], str] = number_text) -> DataTable:
        """The first, the middle and the last epoch of each layer; of very many layers some."""
        epochs = self.values.shape[1]
        columns = sorted({0, (epochs - 1) // 2, epochs - 1})
        rows = []
        for index in spread(len(self.layers), MOST_ROWS):
            numbers = [float(self.values[index, column]) for column in columns]
            texts = ["-" if np.isnan(number) else of(number) for number in numbers]
            rows.append((self.layers[index], *texts))
        return DataTable(caption, ("layer", *(f"epoch {column + 1}" for column in columns)), tuple(rows))


def layer_map(runs: Sequence[RunRecord], layers: tuple[str, ...], pick: Pick) -> LayerMap | None:
    """The mean over runs of a column of each epoch; None where no epoch has one.

    A mean is over the runs that measured it: they may have ended at different epochs.
    """
    epochs = max((epoch.epoch for run in runs for epoch in run.epochs), default=0)
    values = np.full((len(runs), len(layers), epochs), np.nan)
    for number, run in enumerate(runs):
        for epoch in run.epochs:
            column = pick(epoch)
            if column is not None and len(column) == len(layers):
                values[number, :, epoch.epoch - 1] = [np.nan if one is None else one for one in column]
    counts = np.isfinite(values).sum(axis=0)
    if not counts.any():
        return None
    sums = np.where(np.isfinite(values), values, 0.0).sum(axis=0)
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return LayerMap(layers, means)


def log_limits(maps: Sequence[LayerMap]) -> tuple[float, float] | None:
    """A logarithmic scale that fits several maps, so that their colours compare; None without values."""
    values = np.concatenate([one.positive for one in maps]) if maps else np.array([])
    if not values.size:
        return None
    high = float(values.max())
    low = max(float(values.min()), high * 10.0**-DECADES)
    return (low, high) if low < high else (high / 10, high)


def draw_log_map(shown: LayerMap, limits: tuple[float, float], label: str) -> Figure:
    """The map on a logarithmic scale; what is exactly 0 has a colour of its own."""
    return _draw(shown, LogNorm(*limits, clip=False), label, zeros=True)


def draw_share_map(shown: LayerMap, high: float, label: str) -> Figure:
    """The map on a linear scale from 0 to `high`."""
    return _draw(shown, Normalize(0.0, high), label, zeros=False)


def coloured(shown: LayerMap, norm: Normalize, *, zeros: bool) -> np.ndarray:
    """The map's colours (layers, epochs, 4) as bytes; what was not measured is transparent."""
    known = np.isfinite(shown.values) & ((shown.values > 0) | (not zeros))
    low = norm.vmin if norm.vmin is not None else 0.0
    safe = np.where(known, np.maximum(shown.values, low), low)
    colours = np.asarray(mpl.colormaps["cividis"](norm(safe), bytes=True))
    colours[np.isnan(shown.values)] = 0
    if zeros:
        colours[shown.values == 0] = [int(ZERO[at : at + 2], 16) for at in (1, 3, 5)] + [255]
    return colours


def _draw(shown: LayerMap, norm: Normalize, label: str, *, zeros: bool) -> Figure:
    layers, epochs = shown.values.shape
    figure = Figure(
        figsize=(NARROW, min(HIGHEST, max(LOWEST, 0.9 + ROW_INCHES * layers))), layout="constrained"
    )
    axes = figure.add_subplot()
    axes.imshow(
        coloured(shown, norm, zeros=zeros),
        extent=(0.5, epochs + 0.5, layers - 0.5, -0.5),
        aspect="auto",
        interpolation="none",
    )
    name_layers(axes, shown.layers)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=MOST_TICKS, integer=True, min_n_ticks=1))
    bar = figure.colorbar(ScalarMappable(norm, "cividis"), ax=axes, pad=0.02, aspect=25)
    bar.set_label(label, fontsize=SMALL + 1)
    bar.ax.tick_params(labelsize=SMALL)
    bar.ax.minorticks_off()
    if isinstance(norm, LogNorm):
        bar.ax.yaxis.set_major_formatter(FuncFormatter(power_of_ten))
    else:
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    bar.outline.set_visible(False)
    return figure


def name_layers(axes: Axes, layers: Sequence[str]) -> None:
    """Write the names of the layers beside their rows, always the first and the last."""
    named = spread(len(layers), MOST_NAMES)
    axes.set_yticks(
        named, [shortened_in_the_middle(layers[index], LONGEST_NAME) for index in named], fontsize=SMALL
    )
    axes.tick_params(axis="y", length=0)


def spread(count: int, most: int) -> list[int]:
    """At most so many of the indices below `count`, in even distances, with the first and the last.

    >>> spread(3, 9), spread(9, 3)
    ([0, 1, 2], [0, 4, 8])
    """
    if count <= most:
        return list(range(count))
    return [round(step * (count - 1) / (most - 1)) for step in range(most)]
