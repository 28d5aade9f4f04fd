"""A figure as a file of its own, on white: SVG, PNG or PDF."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from textwrap import wrap
from typing import Literal, TypeAlias

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from cnnbuild.report.run_figures.drawing import Drawing, drawing_style

INK, GRID = "#1b1f24", "#dfe4ea"
POINTS_PER_INCH = 72
TITLE_POINTS = 11.0
LETTERS_PER_INCH = 11  # of the title
LINE_INCHES, MARGIN_INCHES = 0.18, 0.1

PictureFormat: TypeAlias = Literal["svg", "png", "pdf"]
FORMATS: tuple[PictureFormat, ...] = ("svg", "png", "pdf")

_ABOUT: dict[PictureFormat, dict[str, None]] = {
    "svg": {"Date": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
}


def _on_white() -> AbstractContextManager[None]:
    return rc_context(
        {
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "grid.color": GRID,
            "savefig.facecolor": "#ffffff",
        }
    )


def picture_file(drawing: Drawing, kind: PictureFormat, *, where: str, dpi: int) -> bytes:
    """The content of the file, the same at every writing.

    `where` is the data set of the figure, for its title, `dpi` are the dots per inch of a PNG.
    """
    with drawing_style(drawing.kind), _on_white():
        content = io.BytesIO()
        about = {"Title": drawing.title, **_ABOUT[kind]}
        figure = drawing.draw()
        figure.set_dpi(dpi if kind == "png" else POINTS_PER_INCH)  # text is as wide as it will be in the file
        _add_title(figure, f"{drawing.title}{f' on {where}' if where else ''}")
        figure.savefig(content, format=kind, dpi=dpi, metadata=about)
    return content.getvalue()


def _add_title(figure: Figure, title: str) -> None:
    """Write the title above the figure, which becomes so much higher."""
    if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        figure.draw_without_rendering()  # which puts everything at its place
        figure.set_layout_engine("none")
    width, height = figure.get_size_inches()
    lines = wrap(title, int(width * LETTERS_PER_INCH)) or [""]
    taller = height + MARGIN_INCHES + LINE_INCHES * len(lines)
    share = height / taller
    figure.set_size_inches(width, taller)
    for axes in figure.axes:
        left, bottom, wide, high = axes.get_position(original=True).bounds
        axes.set_position((left, bottom * share, wide, high * share))
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((x, y * share))
    for legend in figure.legends:
        legend.set_bbox_to_anchor((0.0, 0.0, 1.0, share), transform=figure.transFigure)
    added = figure.text(0.01, 1 - 0.04 / taller, "\n".join(lines), fontsize=TITLE_POINTS, va="top")
    added.set_fontweight("bold")
