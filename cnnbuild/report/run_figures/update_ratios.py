"""How large the steps of the optimiser are, measured by the weights that they change."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from matplotlib.figure import Figure

from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import Drawing, number_text
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow
from cnnbuild.report.run_figures.heat_map import LayerMap, layer_map
from cnnbuild.report.run_figures.series import draw_series, finish, last_mean, new_axes
from cnnbuild.training.observations import Column
from cnnbuild.training.record import EpochRecord, RunRecord

HEALTHY = (1e-5, 1e-1)  # evidence: about 1e-3 is usual, and outside of this a run is warned of
MARGIN = 2.0  # of the axis around the band


def update_ratios(group: DrawnGroup) -> list[Drawing]:
    """The median update ratio over the layers, over the epochs, with the band in which it is healthy."""
    rows = [row for row in group.rows if any(map(median_ratio, row.all_runs))]
    if not rows:
        return []

    def draw() -> Figure:
        figure, axes = new_axes()
        axes.axhspan(*HEALTHY, color="#009E73", alpha=0.10, linewidth=0)
        for row in rows:
            draw_series(axes, row, median_ratio, logarithmic=True)
        seen = [
            value for row in rows for run in row.all_runs for value in median_ratio(run).values() if value > 0
        ]
        figure = finish(figure, axes, "update / weights", [row.look for row in rows], logarithmic=True)
        axes.set_ylim(
            min([HEALTHY[0], *seen]) / MARGIN,
            max([HEALTHY[1], *seen]) * MARGIN,
        )
        return figure

    told, lines = [], []
    for row in rows:
        if (last := last_mean(row, median_ratio, logarithmic=True)) is not None:
            told.append(f"{row.name} {number_text(last[1])}")
            lines += _lines(row)
    how = (
        "By what part of their own size one step changes the weights of a layer: the L2 norm of the update "
        "over that of the weights, as the median over the layers, and its geometric mean over the seeds. "
        "Around 1e-3 is usual; below 1e-5 a network hardly moves, above 0.1 it jumps (the green band lies "
        "between)."
    )
    shows = f"At the end: {', '.join(told)}." if told else ""
    if outside := [text for row in rows if (text := _outside(row))]:
        shows += f" Outside the band: {'; '.join(outside)}."
    head = ("layer", "first epoch", "last epoch")
    table = (
        DataTable("Update ratio by layer, mean over the trained seeds", head, tuple(lines)) if lines else None
    )
    return [Drawing("update-ratios", "", "Size of the updates", how, shows.strip(), draw, table)]


def median_ratio(run: RunRecord) -> Mapping[int, float]:
    """The median update ratio over the layers, by epoch."""
    found = {}
    for epoch in run.epochs:
        known = [one for one in update_ratio(epoch) or () if one is not None]
        if known:
            found[epoch.epoch] = median(known)
    return found


def update_ratio(epoch: EpochRecord) -> Column | None:
    """The update ratio of each layer."""
    return None if epoch.gradients is None else epoch.gradients.update_ratio


def _outside(row: DrawnRow) -> str:
    """How many epochs of an architecture's runs, trained or not, have a median outside the band."""
    values = [value for run in row.all_runs for value in median_ratio(run).values()]
    low, high = (sum(value < HEALTHY[0] for value in values), sum(value > HEALTHY[1] for value in values))
    parts = [f"{count} {where}" for count, where in ((low, "below"), (high, "above")) if count]
    return f"{row.name} {' and '.join(parts)} of {len(values)} epochs" if parts else ""


def _lines(row: DrawnRow) -> list[tuple[str, ...]]:
    shown: LayerMap | None = layer_map(row.runs, row.runs[0].parameter_layers, update_ratio)
    if shown is None:
        return []
    table = shown.table("")
    return [(f"{row.name}: {line[0]}", line[1], line[-1]) for line in table.rows]
