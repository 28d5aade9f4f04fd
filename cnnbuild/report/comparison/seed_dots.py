"""Every run as a dot: the scatter over seeds that a mean alone would hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnnbuild.report.block import Block, DataTable
from cnnbuild.report.comparison.words import figure_name, listed, percent, seeds_of, title_of
from cnnbuild.report.figures.labels import short_name
from cnnbuild.report.figures.looks import Look
from cnnbuild.report.figures.svg import INK, figure_style, figure_svg
from cnnbuild.studies.results import ResultRow

DOTS_INCHES, STATUS_INCHES, LETTER_INCHES = 3.6, 1.3, 0.086
LINE_INCHES = 0.36
JITTER = (0.0, -0.16, 0.16, -0.08, 0.08, -0.22, 0.22)  # lines, so that equal scores are seen as several
FEWEST_FOR_INTERVAL = 3
SMALLEST_SPAN = 1.0  # points of accuracy: scores that agree to a tenth of one are not drawn as if far apart


def seed_dots_blocks(index: int, rows: Sequence[ResultRow], looks: Mapping[str, Look]) -> list[Block]:
    """The dots of one data set; none where no run trained."""
    if not any(row.accuracies for row in rows):
        return []
    name, title = figure_name("seed dots", index), f"Every run on {title_of(rows)}"
    table = DataTable(
        f"Test accuracy of each run on {title_of(rows)}, in %",
        ("architecture", "runs that trained", "mean", "95 % interval", "each seed"),
        tuple(_cells(row) for row in rows),
    )
    body = _draw(name, title, rows, looks)
    return [Block(name, "comparison", "Every run", body, _caption(rows), table, section=title_of(rows))]


def _cells(row: ResultRow) -> tuple[str, ...]:
    summary = row.accuracy
    each = ", ".join(f"{seed}: {percent(accuracy)}" for seed, accuracy in row.accuracies.items())
    if summary is None:
        return (row.architecture, row.status, "", "", "")
    interval = ""
    if summary.n >= FEWEST_FOR_INTERVAL and summary.low is not None and summary.high is not None:
        interval = f"{percent(max(0.0, summary.low))} to {percent(min(1.0, summary.high))}"
    return (row.architecture, row.status, percent(summary.mean), interval, each)


def _caption(rows: Sequence[ResultRow]) -> str:
    scored = [(row, list(row.accuracies.values())) for row in rows if row.accuracies]
    spans = [
        f"{row.architecture} {percent(min(values))} to {percent(max(values))} % over {seeds_of(len(values))}"
        if len(values) > 1
        else f"{row.architecture} {percent(values[0])} % (1 seed)"
        for row, values in scored
    ]
    said = f"Test accuracy: {listed(spans)}."
    intervals = any(len(values) >= FEWEST_FOR_INTERVAL for _, values in scored)
    reading = " One marker for each run that trained"
    reading += "; the upright stroke is their mean" if any(len(values) > 1 for _, values in scored) else ""
    reading += ", the pale line its 95 % t interval, from three seeds on." if intervals else "."
    missing = [row.architecture for row in rows if len(row.trained) < row.planned]
    left = (
        f" Runs of {listed(missing)} without a usable score are named at the right, and have no marker."
        if missing
        else ""
    )
    return said + reading + left


def _draw(name: str, title: str, rows: Sequence[ResultRow], looks: Mapping[str, Look]) -> Markup:
    with figure_style(name):
        height = LINE_INCHES * len(rows) + 0.75
        left = 0.25 + LETTER_INCHES * max(len(short_name(row.architecture)) for row in rows)
        right = STATUS_INCHES if any(len(row.trained) < row.planned for row in rows) else 0.15
        width = left + DOTS_INCHES + right
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((left / width, 0.55 / height, DOTS_INCHES / width, 1 - 0.65 / height))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        for at, row in enumerate(rows):
            _draw_row(axes, at, row, looks[row.architecture])
        axes.set_yticks(range(len(rows)), [short_name(row.architecture) for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("test accuracy (%)")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.margins(x=0.06)
        low, high = axes.get_xlim()
        room = max(0.0, SMALLEST_SPAN - (high - low)) / 2
        axes.set_xlim(low - room, high + room)
        axes.grid(visible=True, axis="x", linewidth=0.5)
        axes.set_axisbelow(True)
        return figure_svg(figure, name, title)


def _draw_row(axes: Axes, at: int, row: ResultRow, look: Look) -> None:
    summary = row.accuracy
    if len(row.trained) < row.planned:
        axes.text(
            1.02, at, row.status.replace(", ", "\n"), va="center", fontsize=8,
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    if summary is None:
        return
    mean = 100 * summary.mean
    if summary.n >= FEWEST_FOR_INTERVAL and summary.low is not None and summary.high is not None:
        ends = (100 * max(0.0, summary.low), 100 * min(1.0, summary.high))
        axes.plot(ends, (at, at), color=look.colour, linewidth=5, alpha=0.25, solid_capstyle="butt")
    if summary.n > 1:
        axes.plot([mean, mean], [at - 0.32, at + 0.32], color=INK, linewidth=1.3)
    for order, accuracy in enumerate(row.accuracies.values()):
        shift = 0.0 if summary.n == 1 else JITTER[order % len(JITTER)]
        axes.plot(
            [100 * accuracy], [at + shift], look.marker, color=look.colour, markersize=5.5,
            markeredgewidth=0, alpha=0.85,
        )  # fmt: skip
