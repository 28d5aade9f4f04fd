"""A figure or table of the page with its words: what every part of the report is put together from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from markupsafe import Markup

Chapter: TypeAlias = Literal[
    "comparison",
    "curves",
    "efficiency",
    "gradients",
    "confusion",
    "images",
    "receptive fields",
    "weights",
    "architectures",
]
"""The part of the page in which a block stands."""


@dataclass(frozen=True, slots=True)
class DataTable:
    """The numbers of a figure, for those who do not see it; `head` names the columns, the first is a name."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One figure of the page.

    `name` is unique on the page and made of lower-case letters, digits and hyphens: ids begin with it.
    `body` is an `<svg>` or markup around images of data URIs. `caption` says what the figure shows and how it
    is read. `bytes_of_images` counts what of the body are pixels. `wide` blocks take the whole width.
    `section` is the data set and setting that it is of, as `ResultRow.where` says it; empty for all of them.
    `reading` says how all of its kind are read; only the caption of the first on a page begins with it.
    """

    name: str
    chapter: Chapter
    title: str
    body: Markup
    caption: str
    table: DataTable | None = None
    wide: bool = False
    bytes_of_images: int = 0
    section: str = ""
    reading: str = ""
