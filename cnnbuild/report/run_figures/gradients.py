"""How gradients flow: a map of layers over epochs, and the first layer's gradient over the last one's."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import Drawing, listed, number_text, plural, scale_text
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow
from cnnbuild.report.run_figures.heat_map import LayerMap, draw_log_map, layer_map, log_limits
from cnnbuild.report.run_figures.series import draw_series, finish, last_mean, new_axes
from cnnbuild.training.observations import Column
from cnnbuild.training.record import EpochRecord, RunRecord

VANISHING = 1e-3  # of first over last, as the health of a run has it
LABEL = "mean |gradient|"


def gradient_maps(group: DrawnGroup) -> list[Drawing]:
    """A map for each architecture, and one for each that has runs that did not train: the first of them."""
    found: list[tuple[str, str, str, LayerMap]] = []
    for row in group.rows:
        shown = layer_map(row.runs, row.runs[0].parameter_layers, mean_absolute) if row.runs else None
        if shown is not None:
            found.append((row.name, row.of_seeds, _first_over_last(row), shown))
        found += _untrained(row)
    limits = log_limits([shown for *_, shown in found])
    if limits is None:
        return []
    return [_map(of, which, also, shown, limits) for of, which, also, shown in found]


def gradient_ratios(group: DrawnGroup) -> list[Drawing]:
    """How much of the last layer's gradient arrives at the first one, over the epochs."""
    rows = [row for row in group.rows if any(map(first_to_last, row.all_runs))]
    if not rows:
        return []

    def draw() -> Figure:
        figure, axes = new_axes()
        for row in rows:
            draw_series(axes, row, first_to_last, logarithmic=True)
        axes.axhline(1.0, color="#888888", linewidth=0.8)
        if any(_least(row) < VANISHING * 10 for row in rows):
            axes.axhline(VANISHING, color="#888888", linewidth=0.8, linestyle="--")
        return finish(figure, axes, "first layer / last layer", [row.look for row in rows], logarithmic=True)

    told, lines = [], []
    for row in rows:
        if (last := last_mean(row, first_to_last, logarithmic=True)) is not None:
            told.append(f"{row.name} {scale_text(last[1])}")
            run = row.runs[0]
            lines.append((row.name, run.parameter_layers[0], run.parameter_layers[-1], number_text(last[1])))
    how = (
        "Mean absolute gradient of the first layer's weights over that of the last layer's, after each "
        "epoch: at 1 (grey line) both learn from equally large gradients. The lower a line, the less of the "
        f"error reaches the first layer; below {VANISHING:g} (dashed, where it is near) gradients count as "
        "vanishing. Lines are geometric means over the trained seeds, bands go from the smallest to the "
        f"largest{_dotted(rows)}."
    )
    shows = f"At the end the first layer's gradient is, of the last one's: {'; '.join(told)}." if told else ""
    head = ("architecture", "first layer", "last layer", "ratio at the end")
    table = DataTable("First layer's gradient over the last one's", head, tuple(lines)) if lines else None
    title = "Gradient of the first layer over that of the last"
    return [Drawing("gradient-ratio", "", title, how, shows, draw, table)]


def mean_absolute(epoch: EpochRecord) -> Column | None:
    """The mean absolute gradient of each layer."""
    return None if epoch.gradients is None else epoch.gradients.mean_abs


def first_to_last(run: RunRecord) -> Mapping[int, float]:
    """The first layer's mean absolute gradient over the last one's, by epoch."""
    found = {}
    for epoch in run.epochs:
        column = mean_absolute(epoch)
        if column is not None and len(column) > 1 and column[0] is not None and column[-1]:
            found[epoch.epoch] = column[0] / column[-1]
    return found


def _map(of: str, which: str, also: str, shown: LayerMap, limits: tuple[float, float]) -> Drawing:
    how = (
        "Mean absolute gradient of the weights of each layer, the first layer at the top, over the epochs; "
        "a logarithmic scale, the same for all architectures. A map that darkens towards the top is of a "
        "network whose first layers get little of the error."
    )
    if shown.has_zeros:
        zero = [name for name, values in zip(shown.layers, shown.values, strict=True) if (values == 0).any()]
        named = listed(zero) if len(zero) <= 3 else plural(len(zero), "layer")
        also += f" Orange is exactly 0: {named} had no gradient at all in some epoch."
    return Drawing(
        "gradients",
        of,
        f"Gradient flow of {of}",
        how,
        f"{of}{f' ({which})' if which else ''}. {also}".strip(),
        lambda: draw_log_map(shown, limits, LABEL),
        shown.table(f"Mean absolute gradient of {of} by layer"),
    )


def _untrained(row: DrawnRow) -> list[tuple[str, str, str, LayerMap]]:
    """The first run that did not train, by itself."""
    for record, condition, run in row.untrained:
        shown = layer_map([run], run.parameter_layers, mean_absolute)
        if shown is not None:
            others = len(row.untrained) - 1
            more = f" {plural(others, 'other run')} of it did not train either." if others else ""
            about = f"This run did not train ({condition}) and is in no mean.{more}"
            return [(f"{row.name}, seed {record.seed} ({condition})", "", about, shown)]
    return []


def _first_over_last(row: DrawnRow) -> str:
    last = last_mean(row, first_to_last, logarithmic=True)
    if last is None:
        return ""
    layers = row.runs[0].parameter_layers
    return (
        f"At epoch {last[0]} the gradient of the first layer ({layers[0]}) is {scale_text(last[1])} that of "
        f"the last one ({layers[-1]})."
    )


def _least(row: DrawnRow) -> float:
    return min((value for run in row.all_runs for value in first_to_last(run).values()), default=1.0)


def _dotted(rows: list[DrawnRow]) -> str:
    return "; a run that did not train is dotted" if any(row.untrained for row in rows) else ""
