"""A picture as plain data, in px: what the writers of SVG and PNG draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.graph.views.picture.parts import Kind
from cnnbuild.graph.views.picture.stack import Point

Ink: TypeAlias = Literal["ink", "muted", "box"]


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; `y` is its baseline. Ink `box` is what can be read on the box that it stands in."""

    text: str
    x: float
    y: float
    size: float
    anchor: Literal["start", "middle", "end"] = "middle"
    weight: Literal["normal", "bold"] = "normal"
    ink: Ink = "ink"


@dataclass(frozen=True, slots=True)
class Box:
    """A box with its text. `step` is its step on the scale of costs; None: it has no cost."""

    number: int
    kind: Kind
    x: float
    y: float
    width: float
    height: float
    texts: tuple[Text, ...]
    tooltip: str
    step: int | None = None
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of a level; `depth` counts the frames around it."""

    x: float
    y: float
    width: float
    height: float
    depth: int
    texts: tuple[Text, ...]
    tooltip: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from box to box, by their numbers; a `skip` goes past others on its way."""

    source: int
    target: int
    points: tuple[Point, ...]
    skip: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Swatch:
    """One step of the scale of costs in the legend."""

    x: float
    y: float
    width: float
    height: float
    step: int


@dataclass(frozen=True)
class Scene:
    """A whole picture. `title` and `description` are for those who cannot see it."""

    width: float
    height: float
    title: str
    description: str
    frames: tuple[Frame, ...]
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    texts: tuple[Text, ...]
    swatches: tuple[Swatch, ...]
