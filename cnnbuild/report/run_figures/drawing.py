"""One figure of a run or of runs that are compared, not drawn yet: for a page, or for a file of its own."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import Literal, TypeAlias

from markupsafe import Markup
from matplotlib.figure import Figure

from cnnbuild.report.block import Block, Chapter, DataTable
from cnnbuild.report.figures import figure_style, figure_svg

NARROW = 4.6  # inches: the width of a figure beside another one
SMALL = 8.0  # points: the text of marks and labels inside a figure

Kind: TypeAlias = Literal[
    "accuracy",
    "loss",
    "lr",
    "gradients",
    "gradient-ratio",
    "update-ratios",
    "dead-units",
    "confusion",
    "worst-pairs",
    "per-class",
    "calibration",
    "mistakes",
    "disagreements",
    "feature-maps",
    "filters",
    "weights",
    "receptive-field",
]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One figure with its words; `draw` makes it, under `drawing_style`.

    `of` is the architecture or the run that it shows, empty where it shows all of the group. `how` says how
    it is read, the same for all of a kind, and `shows` what it shows.
    """

    kind: Kind
    of: str
    title: str
    how: str
    shows: str
    draw: Callable[[], Figure]
    table: DataTable | None = None

    @property
    def caption(self) -> str:
        """How the figure is read, and what it shows."""
        return f"{self.how} {self.shows}".strip()

    def block(self, name: str, chapter: Chapter, section: str, caption: str) -> Block:
        """The figure as a part of a page."""
        with drawing_style(name):
            svg = slimmed(figure_svg(self.draw(), name, self.title))
        pixels = sum(len(data) for data in re.findall(r"base64,([^\"]*)", svg))
        return Block(
            name=name,
            chapter=chapter,
            title=self.title,
            body=svg,
            caption=caption,
            table=self.table,
            bytes_of_images=pixels,
            section=section,
            reading=self.how,
        )


@contextmanager
def drawing_style(salt: str) -> Iterator[None]:
    """The style of all figures; signs that matplotlib's font has not are no fault.

    A page is shown in the fonts of its reader.
    """
    with warnings.catch_warnings(), figure_style(salt):
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def slimmed(svg: str) -> Markup:
    """An SVG of matplotlib without what a page does not need.

    Comments, empty lines, ids that nothing refers to, fonts named again for each text, rotations by nothing.
    """
    text = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    for list_of_ids in re.findall(r'aria-\w+="([^"]+)"', text):
        used.update(list_of_ids.split())
    text = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", text)
    text = re.sub(r"(base64,)([A-Za-z0-9+/=\s]+)", lambda found: found[1] + re.sub(r"\s", "", found[2]), text)
    text = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", text)
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d\.\d{2})\d+", r"\1", tag[0]), text)
    if fonts := re.search(r"font-family: ([^;\"]+)", text):
        text = text.replace(f"{fonts[0]}; ", "").replace("<svg ", f'<svg font-family="{fonts[1]}" ', 1)
    text = re.sub(r"\n\s*", "\n", text)
    text = re.sub(r"<g>\n(<text[^\n]*</text>)\n</g>", r"\1", text)
    return Markup(re.sub(r"<g>\n</g>\n", "", text))  # noqa: S704 - markup before, and nothing was added


def scale_text(ratio: float) -> str:
    """How many times, or which part of it, one number is of another.

    >>> scale_text(1 / 240), scale_text(3.21), scale_text(0.7)
    ('1/240', '3.2 times', '0.70 times')
    """
    if not isfinite(ratio) or ratio <= 0:
        return f"{ratio:g} times"
    if ratio < 0.1:
        return f"1/{1 / ratio:,.0f}" if ratio > 1e-6 else f"{ratio:.0e} times"
    return f"{ratio:.2f} times" if ratio < 1 else f"{ratio:,.1f} times"


def number_text(value: float) -> str:
    """A number that may be of any size, with two digits.

    >>> number_text(0.00021), number_text(0.05), number_text(0)
    ('2.1e-4', '0.05', '0')
    """
    if value == 0:
        return "0"
    if 0.01 <= abs(value) < 1000:
        return f"{value:.2g}"
    return re.sub(r"e([+-])0", r"e\1", f"{value:.1e}").replace("e+", "e")


def listed(words: list[str]) -> str:
    """Words as a sentence lists them.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def plural(count: int, word: str) -> str:
    """A count with its word: "1 seed", "3 seeds"."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def beginning(text: str, most: int) -> str:
    """The text, or its beginning where it is longer, without control characters.

    >>> beginning("a very long name", 9)
    'a very l…'
    """
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def power_of_ten(value: float, _: int | None = None) -> str:
    """A number beside a logarithmic axis.

    >>> power_of_ten(0.001), power_of_ten(1.0), power_of_ten(0.05)
    ('1e-3', '1', '0.05')
    """
    if 0.01 < value < 100:
        return f"{value:g}"
    return re.sub(r"e([+-])0", r"e\1", f"{value:.0e}").replace("e+", "e")
