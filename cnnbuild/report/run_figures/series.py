"""One number per epoch of each run: lines of architectures over the epochs, on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, exp, log
from statistics import fmean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cnnbuild.report.figures import Look
from cnnbuild.report.figures.curves import FEWEST_FOR_BAND, MAX_MARKERS, epoch_axis
from cnnbuild.report.figures.labels import short_name
from cnnbuild.report.figures.legend import LINE_INCHES, columns_of
from cnnbuild.report.run_figures.drawing import NARROW, SMALL, beginning, power_of_ten
from cnnbuild.report.run_figures.group import DrawnRow
from cnnbuild.training.record import RunRecord

HEIGHT = 3.2
FEW_DECADES = 300.0  # from the bottom to the top of an axis: labels at 1, 2 and 5, not at 1 alone
COLUMNS = 3  # of a legend, at most
EPOCH = "epoch"
LONGEST_NAME = 18

Series = Callable[[RunRecord], Mapping[int, float]]
"""The number of each epoch in which a run has one."""


def new_axes(*, epochs: bool = True) -> tuple[Figure, Axes]:
    """A figure with one pair of axes, the epochs below."""
    figure = Figure(figsize=(NARROW, HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    if epochs:
        axes.set_xlabel(EPOCH)
    return figure, axes


def draw_series(axes: Axes, row: DrawnRow, series: Series, *, logarithmic: bool) -> None:
    """The mean over trained runs with a band from the smallest to the largest; other runs thin and dotted.

    On a logarithmic scale the mean is the geometric one, and numbers that are 0 are left out.
    """
    for _, _, run in row.untrained:
        points = {at: value for at, value in series(run).items() if value > 0 or not logarithmic}
        axes.plot([*points], [*points.values()], color=row.look.colour, linewidth=0.9, linestyle=":")
        last = [*points.items()][-1:]  # told by its marker, also where there is no more than one epoch
        axes.plot(
            [at for at, _ in last], [value for _, value in last], color=row.look.colour,
            marker=row.look.marker, markersize=4, markerfacecolor="none", linestyle="none",
        )  # fmt: skip
    by_epoch = collected([series(run) for run in row.runs], logarithmic=logarithmic)
    if not by_epoch:
        return
    epochs = sorted(by_epoch)
    means = [mean_of(by_epoch[at], logarithmic=logarithmic) for at in epochs]
    axes.plot(
        epochs,
        means,
        color=row.look.colour,
        linewidth=1.8,
        marker=row.look.marker,
        markersize=4,
        markevery=max(1, len(epochs) // MAX_MARKERS),
    )
    if len(row.runs) >= FEWEST_FOR_BAND:
        low, high = ([pick(by_epoch[at]) for at in epochs] for pick in (min, max))
        axes.fill_between(epochs, low, high, color=row.look.colour, alpha=0.18, linewidth=0)


def collected(runs: Sequence[Mapping[int, float]], *, logarithmic: bool) -> dict[int, list[float]]:
    """The numbers of all runs by epoch."""
    found: dict[int, list[float]] = {}
    for run in runs:
        for epoch, value in run.items():
            if value > 0 or not logarithmic:
                found.setdefault(epoch, []).append(value)
    return found


def mean_of(values: Sequence[float], *, logarithmic: bool) -> float:
    """The mean; on a logarithmic scale the geometric one."""
    return exp(fmean(map(log, values))) if logarithmic else fmean(values)


def last_mean(row: DrawnRow, series: Series, *, logarithmic: bool) -> tuple[int, float] | None:
    """The last epoch that a trained run has a number of, and the mean there."""
    by_epoch = collected([series(run) for run in row.runs], logarithmic=logarithmic)
    if not by_epoch:
        return None
    last = max(by_epoch)
    return last, mean_of(by_epoch[last], logarithmic=logarithmic)


def finish(figure: Figure, axes: Axes, label: str, looks: Sequence[Look], *, logarithmic: bool) -> Figure:
    """The same figure with its scale, its grid, and a legend where there are several architectures."""
    axes.set_ylabel(label)
    if axes.get_xlabel() == EPOCH:
        epochs = [float(np.max(line.get_xdata(), initial=1.0)) for line in axes.get_lines()]
        epoch_axis(axes, int(max(epochs, default=1)))
    if logarithmic:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        few = high < low * FEW_DECADES
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=12))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(power_of_ten))
    axes.grid(visible=True, linewidth=0.5)
    add_legend(figure, looks)
    return figure


def add_legend(figure: Figure, looks: Sequence[Look]) -> None:
    """Name the architectures above the figure, where there are several; lines of names make it higher."""
    if len(looks) < FEWEST_FOR_BAND:
        return
    names = [short_name(look.name) for look in looks]
    columns = min(COLUMNS, columns_of(names, figure.get_figwidth()))
    figure.set_figheight(figure.get_figheight() + LINE_INCHES * (ceil(len(names) / columns) - 1))
    lines = [
        Line2D(
            [],
            [],
            color=look.colour,
            marker=look.marker,
            markersize=4,
            linewidth=1.8,
            label=name,
        )
        for look, name in zip(looks, names, strict=True)
    ]
    figure.legend(
        handles=lines, loc="outside upper left", ncols=columns, frameon=False, fontsize=SMALL + 1, borderpad=0
    )


def short(name: str) -> str:
    """A name that fits beside an axis: names of architectures differ at their beginnings."""
    return beginning(name, LONGEST_NAME)
