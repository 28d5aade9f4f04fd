"""From a matplotlib figure to an element of a page; and, where they are asked for, to files of its own."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.artist import Artist, getp
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure

INK = "#010203"  # drawn in this colour, then made the page's text colour, so that it follows light and dark
GRID = "#040506"
INK_OF_FILES, GRID_OF_FILES, PAPER = "#1b1f24", "#dfe4ea", "#ffffff"
SIZE_INCHES = (4.6, 3.2)
DOTS_PER_INCH = 200

_COLOURED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


@dataclass(frozen=True, slots=True)
class FigureFile:
    """A figure as files of its own, on white: a whole SVG document, and a PNG."""

    svg: str
    png: bytes


_kept: ContextVar[dict[str, FigureFile] | None] = ContextVar("_kept", default=None)


@contextmanager
def figures_kept() -> Iterator[dict[str, FigureFile]]:
    """Within it, every figure that is made for a page is kept as files too, by its name.

    So that whoever draws a figure need not know whether somebody wants it as a file.
    """
    found: dict[str, FigureFile] = {}
    token = _kept.set(found)
    try:
        yield found
    finally:
        _kept.reset(token)


def keep_figure(name: str, svg: str, png: bytes) -> None:
    """Add a figure that was not drawn by matplotlib; does nothing outside `figures_kept`."""
    if (kept := _kept.get()) is not None:
        kept[name] = FigureFile(svg, png)


def is_keeping() -> bool:
    """Whether figures are kept as files now."""
    return _kept.get() is not None


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
    with _any_script():
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    drawn = buffer.getvalue()
    text = drawn[drawn.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    opening, _, rest = text.partition(">")
    labelled = f'role="img" aria-labelledby="{name}-title"><title id="{name}-title">{escape(title)}</title>'
    if is_keeping():
        keep_figure(name, _as_file(f"{opening} {labelled}", rest), _png(figure))
    opening = re.sub(r' (width|height)="[^"]*"', "", opening)
    svg = f"{opening} {labelled}{rest}".replace(INK, "currentColor").replace(GRID, "var(--grid)")
    return Markup(svg)  # noqa: S704 - matplotlib escapes what it writes, and the title is escaped here


def lay_out(figure: Figure) -> None:
    """Give everything its place, so that it is known where points of the data lie in px."""
    with _any_script():
        figure.draw_without_rendering()


@contextmanager
def _any_script() -> Iterator[None]:
    """Within it matplotlib says nothing of letters that its font has not: a page is shown in the reader's."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*missing from font", category=UserWarning)
        yield


def _as_file(opening: str, rest: str) -> str:
    """A document of its own, on white: what a page says by its style is said here by colours."""
    paper = f'<rect width="100%" height="100%" fill="{PAPER}"/>'
    svg = f'<?xml version="1.0" encoding="utf-8"?>\n{opening}{paper}{rest}'
    return svg.replace(INK, INK_OF_FILES).replace(GRID, GRID_OF_FILES)


def _png(figure: Figure) -> bytes:
    for artist in figure.findobj():
        _recolour(artist)
    buffer = io.BytesIO()
    metadata = {"Software": None}
    with _any_script():
        figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, facecolor=PAPER, metadata=metadata)
    return buffer.getvalue()


def _recolour(artist: Artist) -> None:
    """Give an artist that has a page's colour that of a file."""
    for part in _COLOURED:
        if hasattr(artist, f"get_{part}") and hasattr(artist, f"set_{part}"):
            colours = to_rgba_array(getp(artist, part)) if getp(artist, part) is not None else ()
            shown = {to_hex(colour) for colour in colours}
            if shown == {INK}:
                artist.set(**{part: INK_OF_FILES})
            elif shown == {GRID}:
                artist.set(**{part: GRID_OF_FILES})
