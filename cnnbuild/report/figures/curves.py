"""Learning curves: the mean over seeds with a band from the smallest to the largest, named at their ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from statistics import fmean

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from cnnbuild.report.figures.labels import short_name, spread
from cnnbuild.report.figures.legend import LINE_INCHES, legend_below, legend_inches
from cnnbuild.report.figures.looks import Look
from cnnbuild.report.figures.series import Line, Series, Value, line_of, series_of
from cnnbuild.report.figures.svg import INK, SIZE_INCHES, figure_style, figure_svg
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow

MAX_MARKERS = 8
FEWEST_FOR_BAND = 2
MOST_NAMED = 12  # architectures that are named at the ends of their lines
NAME_SIZE = 9.0
INCHES_PER_LETTER = 0.082
POINTS_PER_INCH = 72


def learning_curve(
    rows: Sequence[ResultRow],
    looks: Mapping[str, Look],
    *,
    name: str,
    title: str,
    label: str,
    train: Value,
    validation: Value,
    logarithmic: bool = False,
    onsets: Mapping[str, int] | None = None,
) -> Markup:
    """One quantity over the epochs: the mean over trained runs, and a band from the smallest to the largest.

    Validation is a thick line with filled markers, training a thin dashed one with hollow markers. A run that
    did not train is drawn by itself, thin and dotted, and is in no mean; an architecture of which none did is
    named where these end. `onsets` are epochs to be ringed on the validation line, by architecture. Where a
    run went on after others had ended, it goes on as a thin line.
    """
    ends: list[tuple[Look, str, float]] = []
    last = 1
    with figure_style(name):
        figure = _figure([row.architecture for row in rows])
        axes = figure.add_subplot()
        for at, row in enumerate(rows):
            look = looks[row.architecture]
            trained = series_of(row.trained, train)
            validated = series_of(row.trained, validation)
            if trained is not None:
                _draw(axes, trained, look, phase=at, is_main=validated is None)
            if validated is not None:
                _draw(axes, validated, look, phase=at, is_main=True)
                _ring(axes, validated, look, (onsets or {}).get(row.architecture))
            main = validated or trained
            if main is not None:
                ends.append((look, look.name, main.mean[-1]))
                last = max(last, main.last_epoch)
            dotted = [line_of(record, validation) or line_of(record, train) for record in _untrained(row)]
            for line in dotted:
                _draw_untrained(axes, line, look)
                last = max(last, *(epoch for epoch, _ in line), 1)
            stayed = [line[-1][1] for line in dotted if line and isfinite(line[-1][1])]
            if main is None and stayed:
                ends.append((look, look.name, fmean(stayed)))
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        if logarithmic:
            set_log_axis(axes, "y")
        epoch_axis(axes, last)
        axes.grid(visible=True, linewidth=0.5)
        _name_ends(axes, ends)
        return figure_svg(figure, name, title)


def lr_curve(
    groups: Sequence[tuple[Sequence[Look], Line]], *, name: str, title: str, logarithmic: bool
) -> Markup:
    """The learning rate at the end of each epoch; architectures that share a schedule share its line."""
    with figure_style(name):
        names = [_name_of(looks) for looks, _ in groups] if len(groups) > 1 else []
        figure = _figure(names)
        axes = figure.add_subplot()
        for looks, line in groups:
            axes.plot(
                [epoch for epoch, _ in line],
                [lr for _, lr in line],
                color=looks[0].colour if len(groups) > 1 else INK,
                linewidth=1.8,
                linestyle=looks[0].dash,
                marker=looks[0].marker if len(line) == 1 or len(groups) > 1 else None,
                markersize=4,
                markevery=max(1, len(line) // MAX_MARKERS),
            )
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"learning rate{' (logarithmic)' if logarithmic else ''}")
        if logarithmic:
            set_log_axis(axes, "y")
        else:
            axes.set_ylim(bottom=0)
        epoch_axis(axes, max(line[-1][0] for _, line in groups))
        axes.grid(visible=True, linewidth=0.5)
        ends = zip(groups, names, strict=True) if names else ()
        _name_ends(axes, [(looks[0], name, line[-1][1]) for (looks, line), name in ends])
        return figure_svg(figure, name, title)


def _name_of(looks: Sequence[Look]) -> str:
    """The first architecture of those that share a line, and how many more there are."""
    return looks[0].name if len(looks) == 1 else f"{looks[0].name} + {len(looks) - 1}"


def epoch_axis(axes: Axes, last: int) -> None:
    """Ticks at whole epochs from 1 to the last, also where there is only one."""
    axes.set_xlabel("epoch")
    if last == 1:
        axes.set_xlim(0.5, 1.5)
        axes.set_xticks([1])
        return
    margin = 0.03 * (last - 1)
    axes.set_xlim(1 - margin, last + margin)
    places = MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10]).tick_values(0, last)
    inner = [int(place) for place in places if 1 < place < last]
    step = inner[1] - inner[0] if len(inner) > 1 else 1
    axes.set_xticks([1, *(place for place in inner if 1 + 0.5 * step <= place < last - 0.5 * step), last])


def set_log_axis(axes: Axes, which: str) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5, as many as there is room for."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=7))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _figure(names: Sequence[str]) -> Figure:
    """A figure with room for these names at the ends of its lines, or below them where they are many."""
    width, height = SIZE_INCHES
    if len(names) > MOST_NAMED:
        width += 1
        return Figure(figsize=(width, height + legend_inches(names, width)), layout="constrained")
    room = INCHES_PER_LETTER * max((len(short_name(name)) for name in names), default=0)
    return Figure(figsize=(width + room, max(height, LINE_INCHES * len(names) + 0.7)), layout="constrained")


def _untrained(row: ResultRow) -> list[CellRecord]:
    return [record for record, health in zip(row.records, row.health, strict=True) if not health.trained]


def _draw(axes: Axes, series: Series, look: Look, *, phase: int, is_main: bool) -> None:
    """A mean with its markers; of the main line also the band, and the tails of runs that went on."""
    every = max(1, len(series.epochs) // MAX_MARKERS)
    axes.plot(
        series.epochs,
        series.mean,
        color=look.colour,
        linewidth=1.8 if is_main else 0.9,
        linestyle="-" if is_main else "--",
        marker=look.marker,
        markersize=4.5 if is_main else 3.5,
        markerfacecolor=look.colour if is_main else "none",
        markevery=(phase % every, every),
    )
    if not is_main:
        return
    if series.runs >= FEWEST_FOR_BAND:
        if len(series.epochs) == 1:
            axes.vlines(series.epochs, series.low, series.high, color=look.colour, alpha=0.35, linewidth=5)
        axes.fill_between(series.epochs, series.low, series.high, color=look.colour, alpha=0.16, linewidth=0)
    for tail in series.tails:
        axes.plot(*_columns(tail), color=look.colour, linewidth=0.8, linestyle="-")


def _draw_untrained(axes: Axes, line: Line, look: Look) -> None:
    if not line:
        return
    axes.plot(*_columns(line), color=look.colour, linewidth=0.9, linestyle=":")
    axes.plot(*line[-1], marker=look.marker, markersize=4, markerfacecolor="none", color=look.colour)


def _ring(axes: Axes, series: Series, look: Look, epoch: int | None) -> None:
    """A ring around the epoch of the lowest loss, with a line down to the axis."""
    if epoch is None or epoch not in series.epochs:
        return
    value = series.mean[series.epochs.index(epoch)]
    axes.plot(
        [epoch], [value], "o", markersize=11, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.2
    )
    axes.axvline(epoch, color=look.colour, linewidth=0.9, linestyle=(0, (1, 2)))


def _name_ends(axes: Axes, ends: Sequence[tuple[Look, str, float]]) -> None:
    """The names of the architectures at the right, each at the height where its line ends.

    Of more than twelve there is a legend below.
    """
    figure = axes.get_figure(root=True)
    if figure is None or not ends:
        return
    if len(ends) > MOST_NAMED:
        looks, names = [look for look, _, _ in ends], [name for _, name, _ in ends]
        legend_below(figure, looks, names)
        return
    height = figure.get_figheight() * POINTS_PER_INCH * 0.75  # about what the axes have
    to_axes = axes.transScale + axes.transLimits
    wanted = [float(to_axes.transform((1, value))[1]) for _, _, value in ends]
    gap = 1.25 * NAME_SIZE / height
    places = spread(wanted, gap=gap, low=0.0, high=1.0)
    for (look, name, _), at, place in zip(ends, wanted, places, strict=True):
        tie = ([1.0, 1.035], [at, place])
        for line in (
            Line2D(*tie, color=look.colour, linewidth=0.8),
            Line2D([1.05], [place], marker=look.marker, markersize=5, color=look.colour),
        ):
            line.set(transform=axes.transAxes, clip_on=False)
            axes.add_artist(line)
        axes.text(1.075, place, short_name(name), fontsize=NAME_SIZE, va="center", transform=axes.transAxes)


def _columns(line: Line) -> tuple[list[int], list[float]]:
    return [x for x, _ in line], [y for _, y in line]
