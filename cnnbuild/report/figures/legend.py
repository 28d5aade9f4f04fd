"""The names of many architectures below a figure, where there is no room beside what they name."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cnnbuild.report.figures.labels import short_name
from cnnbuild.report.figures.looks import Look

LINE_INCHES = 0.21
SAMPLE_INCHES, LETTER_INCHES = 0.55, 0.075
SIZE = 8.0


def legend_inches(names: Sequence[str], width: float) -> float:
    """The height that these names take below a figure of a width, both in inches."""
    return LINE_INCHES * ceil(len(names) / columns_of(names, width))


def legend_below(figure: Figure, looks: Sequence[Look], names: Sequence[str]) -> None:
    """Write the names below the figure, each with its line and marker; for a constrained layout."""
    samples = [Line2D([], [], color=look.colour, marker=look.marker, markersize=5) for look in looks]
    shown = [short_name(name) for name in names]
    columns = columns_of(names, figure.get_figwidth())
    figure.legend(samples, shown, loc="outside lower center", ncols=columns, fontsize=SIZE, frameon=False)


def columns_of(names: Sequence[str], width: float) -> int:
    """How many names have room beside each other."""
    longest = max((len(short_name(name)) for name in names), default=0)
    return max(1, int(width / (SAMPLE_INCHES + LETTER_INCHES * longest)))
