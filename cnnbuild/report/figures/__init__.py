"""How figures look, how they become part of a page or files, and learning curves."""

from cnnbuild.report.figures.curves import FEWEST_FOR_BAND, MAX_MARKERS, learning_curve
from cnnbuild.report.figures.looks import COLOURS, MARKER_PATHS, MARKERS, Look, looks_of
from cnnbuild.report.figures.svg import (
    GRID,
    INK,
    SIZE_INCHES,
    FigureFile,
    figure_style,
    figure_svg,
    figures_kept,
)

__all__ = [
    "COLOURS",
    "FEWEST_FOR_BAND",
    "GRID",
    "INK",
    "MARKERS",
    "MARKER_PATHS",
    "MAX_MARKERS",
    "SIZE_INCHES",
    "FigureFile",
    "Look",
    "figure_style",
    "figure_svg",
    "figures_kept",
    "learning_curve",
    "looks_of",
]
