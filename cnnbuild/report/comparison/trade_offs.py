"""Accuracy against parameters, multiply-adds, training time, latency and memory, with the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from cnnbuild.report.block import Block, DataTable
from cnnbuild.report.comparison.words import amount, figure_name, listed, percent, title_of
from cnnbuild.report.figures.axis_numbers import ShortNumbers
from cnnbuild.report.figures.labels import around, short_name
from cnnbuild.report.figures.legend import legend_below, legend_inches
from cnnbuild.report.figures.looks import Look
from cnnbuild.report.figures.svg import INK, figure_style, figure_svg, lay_out
from cnnbuild.studies.costs import COSTS, LATENCY, MEMORY, PARAMETERS, Cost
from cnnbuild.studies.pairwise import Pairs, pairs_of
from cnnbuild.studies.pareto import Point, Standing, front_of, matched_pairs, points_of
from cnnbuild.studies.results import ResultRow

SIZE = (4.8, 3.4)
NAME_SIZE = 9.0
MOST_NAMED = 8  # points that are named where they are; the names of more are below
WIDE_RANGE = 4  # costs that differ by more are drawn on a logarithmic axis
FEW_DECADES = 80  # a range in which 1, 2 and 5 all get a tick
MOST_JOINED = 6  # pairs of equal size; more lines would hide the points
FEWEST_FOR_INTERVAL = 3
STANDINGS: dict[Standing, str] = {
    "front": "on the front",
    "dominated": "dominated",
    "undecided": "behind it by the means only",
}
LEADER = {"arrowstyle": "-", "color": INK, "alpha": 0.6, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4}
"""The line from a name that stands far from its point."""
STEPS_ALONG = 24  # places on each piece of a line that names keep away from


def trade_off_blocks(index: int, rows: Sequence[ResultRow], looks: Mapping[str, Look]) -> list[Block]:
    """A block for each cost that at least two architectures have; none for one architecture."""
    pairs = pairs_of(rows)
    joined = _joined(rows, pairs)
    blocks = []
    for cost in COSTS:
        points = points_of(rows, cost, pairs)
        if len(points) > 1:
            blocks.append(_block(index, rows, cost, points, joined, looks))
    return blocks


def _joined(rows: Sequence[ResultRow], pairs: Pairs) -> tuple[frozenset[str], ...]:
    """The pairs that have the same number of parameters within 10 %, where they are few."""
    found = matched_pairs(points_of(rows, PARAMETERS, pairs))
    names = tuple(frozenset((one.architecture, other.architecture)) for one, other in found)
    return names if len(names) <= MOST_JOINED else ()


def _block(
    index: int,
    rows: Sequence[ResultRow],
    cost: Cost,
    points: Sequence[Point],
    joined: Sequence[frozenset[str]],
    looks: Mapping[str, Look],
) -> Block:
    name = figure_name(f"accuracy against {cost.name}", index)
    title = f"Accuracy against {cost.name} on {title_of(rows)}"
    unit = f"{cost.name}, {cost.unit}" if cost.unit else cost.name
    table = DataTable(
        title,
        ("architecture", unit, "test accuracy, %", "95 % interval, %", "standing"),
        tuple(_cells(point) for point in points),
    )
    body = _draw(name, title, cost, points, joined, looks)
    caption, where = _caption(rows, cost, points, joined), title_of(rows)
    return Block(name, "efficiency", f"Accuracy against {cost.name}", body, caption, table, section=where)


def _cells(point: Point) -> tuple[str, ...]:
    summary = point.accuracy
    interval = ""
    if summary.n >= FEWEST_FOR_INTERVAL and summary.low is not None and summary.high is not None:
        interval = f"{percent(max(0.0, summary.low))} to {percent(min(1.0, summary.high))}"
    standing = STANDINGS[point.standing]
    by = f" by {point.by.higher}" if point.by is not None else ""
    return (point.architecture, amount(point.cost.value), percent(summary.mean), interval, f"{standing}{by}")


def _caption(
    rows: Sequence[ResultRow], cost: Cost, points: Sequence[Point], joined: Sequence[frozenset[str]]
) -> str:
    front = front_of(points)
    cheapest, dearest = points[0], points[-1]
    said = [
        f"From {_said(cheapest, cost)} to {_said(dearest, cost)}.",
        f"On the Pareto front of the means (the stepped line): {listed([p.architecture for p in front])}.",
    ]
    dominated = [f"{p.architecture} by {p.by.higher}" for p in points if p.by is not None]
    if dominated:
        said.append(f"Dominated, distinguishably over the seeds (hollow): {listed(dominated)}.")
    undecided = [p.architecture for p in points if p.standing == "undecided"]
    if undecided:
        said.append(f"Behind the front by the means, but not distinguishably: {listed(undecided)}.")
    if any(p.accuracy.n >= FEWEST_FOR_INTERVAL for p in points):
        said.append("Upright bars: 95 % t intervals of the means over seeds.")
    if cost.is_measured:
        said.append(f"Level bars: the smallest and largest {cost.name} of its runs.")
        if cost is LATENCY and (batch := _smallest_batch(rows)) is not None:
            said.append(f"It is that of one forward pass of {batch} image{'' if batch == 1 else 's'}.")
        if cost is MEMORY and _is_of_process(rows):
            said.append("It is that of the whole process, with Python and torch in it.")
        if any(record.parallel > 1 for row in rows for record in row.records):
            said.append("Several runs shared the machine while this was measured.")
    if joined and cost is not PARAMETERS:
        said.append("Dotted lines join architectures whose parameters are within 10 % of each other.")
    elif joined:
        said.append("Dotted lines join architectures that are within 10 % of each other.")
    return " ".join(said)


def _smallest_batch(rows: Sequence[ResultRow]) -> int | None:
    return min((row.latency.batch_size for row in rows if row.latency is not None), default=None)


def _is_of_process(rows: Sequence[ResultRow]) -> bool:
    runs = [record.run for row in rows for record in row.trained if record.run is not None]
    return any(run.peak_memory_of == "process" for run in runs)


def _said(point: Point, cost: Cost) -> str:
    unit = cost.unit if cost.unit not in ("", "per image") else cost.name
    return f"{point.architecture} ({amount(point.cost.value)} {unit}, {percent(point.accuracy.mean)} %)"


def _draw(
    name: str,
    title: str,
    cost: Cost,
    points: Sequence[Point],
    joined: Sequence[frozenset[str]],
    looks: Mapping[str, Look],
) -> Markup:
    with figure_style(name):
        width, height = SIZE
        is_crowded = len(points) > MOST_NAMED
        names = [point.architecture for point in points]
        below = legend_inches(names, width) if is_crowded else 0.0
        figure = Figure(figsize=(width, height + below), layout="constrained")
        axes = figure.add_subplot()
        _axes(axes, cost, points)
        _draw_front(axes, points)
        by_name = {point.architecture: point for point in points}
        for pair in joined:
            ends = [by_name[one] for one in sorted(pair) if one in by_name]
            axes.plot(
                [end.cost.value for end in ends], [100 * end.accuracy.mean for end in ends],
                color=INK, linewidth=1.2, linestyle=(0, (1, 2.5)), zorder=2,
            )  # fmt: skip
        for point in points:
            _draw_point(axes, point, looks[point.architecture], cost)
        axes.grid(visible=True, linewidth=0.5)
        axes.set_axisbelow(True)
        if is_crowded:
            legend_below(figure, [looks[one] for one in names], names)
        else:
            _name_points(figure, axes, points)
        return figure_svg(figure, name, title)


def _axes(axes: Axes, cost: Cost, points: Sequence[Point]) -> None:
    smallest = min(point.cost.low for point in points)
    largest = max(point.cost.high for point in points)
    unit = f" ({cost.unit})" if cost.unit else ""
    logarithmic = smallest > 0 and largest > WIDE_RANGE * smallest
    if logarithmic:
        axes.set_xscale("log")
        subs = (1.0, 2.0, 5.0) if largest < FEW_DECADES * smallest else (1.0,)
        axes.xaxis.set_major_locator(LogLocator(subs=subs))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(ShortNumbers())
    axes.set_xlabel(f"{cost.name}{unit}{', logarithmic' if logarithmic else ''}")
    axes.set_ylabel("test accuracy (%)")
    axes.margins(x=0.14, y=0.14)


def _draw_front(axes: Axes, points: Sequence[Point]) -> None:
    """The best accuracy up to each cost: in steps, since nothing was measured between the points."""
    front = front_of(points)
    axes.plot(
        [point.cost.value for point in front],
        [100 * point.accuracy.mean for point in front],
        color=INK,
        linewidth=1.1,
        alpha=0.65,
        drawstyle="steps-post",
        zorder=1.5,
    )


def _draw_point(axes: Axes, point: Point, look: Look, cost: Cost) -> None:
    x, summary = point.cost.value, point.accuracy
    mean = 100 * summary.mean
    if summary.n >= FEWEST_FOR_INTERVAL and summary.low is not None and summary.high is not None:
        ends = (100 * max(0.0, summary.low), 100 * min(1.0, summary.high))
        axes.plot((x, x), ends, color=look.colour, linewidth=1.4, alpha=0.7, zorder=2.5)
    if cost.is_measured and point.cost.high > point.cost.low:
        axes.plot(
            (point.cost.low, point.cost.high), (mean, mean), color=look.colour, linewidth=1.4, alpha=0.7,
            zorder=2.5,
        )  # fmt: skip
    axes.plot(
        [x],
        [mean],
        look.marker,
        markersize=7.5,
        markeredgecolor=look.colour,
        markerfacecolor="none" if point.standing == "dominated" else look.colour,
        markeredgewidth=1.6,
        zorder=3,
    )


def _name_points(figure: Figure, axes: Axes, points: Sequence[Point]) -> None:
    """The names beside the points; the layout has to be known first."""
    lay_out(figure)
    px_per_point = figure.dpi / 72
    size = NAME_SIZE * px_per_point
    places = [axes.transData.transform((p.cost.value, 100 * p.accuracy.mean)) for p in points]
    area = axes.get_window_extent()
    box = (area.x0, area.y0, area.x1 + 0.1 * area.width, area.y1 + 0.05 * area.height)
    names = [short_name(point.architecture) for point in points]
    spots = [(float(x), float(y)) for x, y in places]
    taken = [axes.transData.transform(place) for place in _drawn_places(axes)]
    found = around(spots, names, size_px=size, box=box, taken=[(float(x), float(y)) for x, y in taken])
    for name, point, placed in zip(names, points, found, strict=True):
        axes.annotate(
            name,
            xy=(point.cost.value, 100 * point.accuracy.mean),
            xytext=(placed.dx / px_per_point, placed.dy / px_per_point),
            textcoords="offset points",
            ha=placed.align,
            va="center",
            fontsize=NAME_SIZE,
            annotation_clip=False,
            zorder=4,
            arrowprops=LEADER if placed.is_far else None,
        )


def _drawn_places(axes: Axes) -> list[tuple[float, float]]:
    """Places along the lines that were drawn, near to each other, in the units of the data."""
    found: list[tuple[float, float]] = []
    for line in axes.get_lines():
        path = line.get_path().interpolated(STEPS_ALONG)
        found += [(float(x), float(y)) for x, y in np.asarray(path.vertices)]
    return found
