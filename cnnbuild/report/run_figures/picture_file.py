"""A figure as a file of its own, on white: SVG, PNG or PDF."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from typing import Literal, TypeAlias

from matplotlib import rc_context

from cnnbuild.report.run_figures.drawing import Drawing, drawing_style

INK, GRID = "#1b1f24", "#dfe4ea"

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


def picture_file(drawing: Drawing, kind: PictureFormat, *, dpi: int) -> bytes:
    """The content of the file, the same at every writing; `dpi` are the dots per inch of a PNG."""
    with drawing_style(drawing.kind), _on_white():
        content = io.BytesIO()
        about = {"Title": drawing.title, **_ABOUT[kind]}
        drawing.draw().savefig(content, format=kind, dpi=dpi, metadata=about)
    return content.getvalue()
