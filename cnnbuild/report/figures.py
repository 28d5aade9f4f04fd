"""Figures as SVG with text as text: learning curves with the spread over seeds; and how all figures look."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow
from cnnbuild.training.record import EpochRecord

INK = "#010203"  # drawn in this colour, then made the page's text colour, so that it follows light and dark
GRID = "#040506"
SIZE_INCHES = (4.6, 3.2)
MAX_MARKERS = 12
FEWEST_FOR_BAND = 2

# Okabe and Ito 2008, without black and yellow, which vanish on one of the two backgrounds
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
MARKER_PATHS = {
    "o": "M-3,0a3,3 0 1,0 6,0a3,3 0 1,0 -6,0",
    "s": "M-3,-3h6v6h-6z",
    "^": "M0,-3.5L3.5,3h-7z",
    "D": "M0,-4L4,0L0,4L-4,0z",
    "v": "M0,3.5L3.5,-3h-7z",
    "P": "M-1,-3.5h2v2.5h2.5v2h-2.5v2.5h-2v-2.5h-2.5v-2h2.5z",
}


@dataclass(frozen=True, slots=True)
class Look:
    """How one architecture is drawn everywhere: a colour and, for those who do not see it, a marker."""

    name: str
    colour: str
    marker: str

    @property
    def marker_path(self) -> str:
        """The marker as the data of an SVG path around (0, 0), about 6 units wide."""
        return MARKER_PATHS[self.marker]


def looks_of(architectures: Sequence[str]) -> dict[str, Look]:
    """A look for each architecture; from the seventh on colours return with another marker."""
    looks = {}
    for index, name in enumerate(architectures):
        turn = index // len(COLOURS)
        marker = MARKERS[(index + turn) % len(MARKERS)]
        looks[name] = Look(name, COLOURS[index % len(COLOURS)], marker)
    return looks


def learning_curve(
    rows: Sequence[ResultRow],
    looks: dict[str, Look],
    *,
    name: str,
    title: str,
    label: str,
    train: Callable[[EpochRecord], float | None],
    validation: Callable[[EpochRecord], float | None],
    logarithmic: bool = False,
) -> Markup:
    """One quantity over the epochs: the mean over trained runs, and a band from the smallest to the largest.

    Validation is solid, training dashed. A run that did not train is drawn by itself, thin and dotted, and is
    in no mean.
    """
    with figure_style(name):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        axes = figure.add_subplot()
        for row in rows:
            look = looks[row.architecture]
            _draw_mean(axes, row.trained, train, look, linestyle="--", band=False)
            _draw_mean(axes, row.trained, validation, look, linestyle="-", band=True)
            for record in _untrained(row):
                epochs = record.run.epochs if record.run is not None else ()
                points = [(e.epoch, value) for e in epochs if (value := validation(e)) is not None]
                axes.plot(*_columns(points), color=look.colour, linewidth=0.9, linestyle=":", alpha=0.9)
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if logarithmic:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(visible=True, linewidth=0.5)
        return figure_svg(figure, name, title)


def _untrained(row: ResultRow) -> list[CellRecord]:
    return [record for record, health in zip(row.records, row.health, strict=True) if not health.trained]


def _draw_mean(
    axes: Axes,
    records: Sequence[CellRecord],
    value: Callable[[EpochRecord], float | None],
    look: Look,
    *,
    linestyle: str,
    band: bool,
) -> None:
    by_epoch: dict[int, list[float]] = {}
    for record in records:
        for epoch in record.run.epochs if record.run is not None else ():
            if (measured := value(epoch)) is not None:
                by_epoch.setdefault(epoch.epoch, []).append(measured)
    if not by_epoch:
        return
    epochs = sorted(by_epoch)
    axes.plot(
        epochs,
        [fmean(by_epoch[epoch]) for epoch in epochs],
        color=look.colour,
        linewidth=1.8 if linestyle == "-" else 1.1,
        linestyle=linestyle,
        marker=look.marker if linestyle == "-" else None,
        markersize=4,
        markevery=max(1, len(epochs) // MAX_MARKERS),
    )
    if band and len(records) >= FEWEST_FOR_BAND:
        low, high = ([pick(by_epoch[epoch]) for epoch in epochs] for pick in (min, max))
        axes.fill_between(epochs, low, high, color=look.colour, alpha=0.18, linewidth=0)


def _columns(points: Sequence[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def figure_style(salt: str) -> AbstractContextManager[None]:
    """Matplotlib's settings for a figure; `salt` makes its ids the same at every writing."""
    return rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": salt,
            "text.parse_math": False,
            "font.size": 10.5,
            "font.family": ["sans-serif"],
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "grid.color": GRID,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )


def figure_svg(figure: Figure, name: str, title: str) -> Markup:
    """The figure as an element of a page: its own ids, the page's text colour, a title for screen readers."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = text.replace(INK, "currentColor").replace(GRID, "var(--grid)")
    opening, _, rest = text.partition(">")
    opening = re.sub(r' (width|height)="[^"]*"', "", opening)
    labelled = f'{opening} role="img" aria-labelledby="{name}-title">'
    svg = f'{labelled}<title id="{name}-title">{escape(title)}</title>{rest}'
    return Markup(svg)  # noqa: S704 - matplotlib escapes what it writes, and the title is escaped here
