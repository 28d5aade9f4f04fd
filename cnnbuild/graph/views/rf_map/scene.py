"""A picture as plain data: what is drawn where, in pixels from the upper left corner.

The SVG and the PNG of a map draw the same scene.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

CHARACTER_WIDTH = 0.57  # of the font's size, on average over a line; DejaVu Sans, a wide font, has 0.52
BOLD_CHARACTER_WIDTH = 0.65

Point: TypeAlias = tuple[float, float]
Rgb: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A filled area without a border; `opacity` is from 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """Straight pieces through some points; `dash` alternates lengths of stroke and gap.

    A line without dashes ends with a square around its last point, so that two make a corner.
    """

    points: tuple[Point, ...]
    stroke: str
    width: float = 1.0
    dash: tuple[float, ...] = ()
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `y` is its baseline."""

    x: float
    y: float
    text: str
    size: float
    fill: str
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"

    @property
    def width(self) -> float:
        """How wide it is at most, whatever common font draws it."""
        return text_width(self.text, self.size, bold=self.bold)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image in a rectangle: the bytes of a PNG file. `smooth` is false where its pixels shall be seen."""

    x: float
    y: float
    width: float
    height: float
    png: bytes
    smooth: bool = False


Shape: TypeAlias = "Rectangle | Line | Dot | Text | Picture"


@dataclass(frozen=True, slots=True)
class Scene:
    """Shapes in the order in which they are drawn; `description` says in words what is seen."""

    width: int
    height: int
    title: str
    description: str
    shapes: tuple[Shape, ...]


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line of text is at most."""
    return len(text) * size * (BOLD_CHARACTER_WIDTH if bold else CHARACTER_WIDTH)


def shortened(text: str, characters: int) -> str:
    """A text with its middle left out where it is too long.

    >>> shortened("features.denseblock1", 12)
    'featur…lock1'
    """
    if len(text) <= characters:
        return text
    head = characters // 2
    return f"{text[:head]}…{text[len(text) - (characters - head - 1) :]}"


def frame(x: float, y: float, width: float, height: float, stroke: str, *, thickness: float = 1.0) -> Line:
    """The border of a rectangle."""
    right, bottom = x + width, y + height
    return Line(((x, y), (right, y), (right, bottom), (x, bottom), (x, y)), stroke, thickness)


def casing(line: Line, *, by: float = 2.0) -> Line:
    """A wider white line, for under a line that shall stand out on a photograph."""
    return replace(line, stroke="#ffffff", width=line.width + by, opacity=0.75, dash=())


def png_of(rows: Sequence[Sequence[Rgb]]) -> bytes:
    """Rows of colours as a PNG file, without a library; equal colours give equal bytes.

    Source: W3C, Portable Network Graphics, sections 5 (chunks) and 9 (filter type 0).
    """
    height, width = len(rows), len(rows[0])
    raw = b"".join(b"\0" + bytes(value for colour in row for value in colour) for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
