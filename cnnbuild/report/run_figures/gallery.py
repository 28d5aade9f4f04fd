"""Pictures beside each other, each with some lines of text below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from cnnbuild.analyses.kept import Picture
from cnnbuild.report.run_figures.drawing import NARROW, SMALL, beginning
from cnnbuild.report.run_figures.pixels import pixels_of

COLUMNS = 4
SIDE = 0.84  # inches, of a picture's longer side
LINE = 0.135  # inches, of a line of text
HEADING = 0.24
LONGEST = 18  # letters that fit below a picture


@dataclass(frozen=True, slots=True)
class Item:
    """A picture and what stands below it."""

    picture: Picture
    lines: tuple[str, ...]


def draw_gallery(parts: Sequence[tuple[str, Sequence[Item]]]) -> Figure:
    """Parts below each other, each a heading (or none) and its pictures in rows of four."""
    step = NARROW / COLUMNS
    heights = []
    for heading, items in parts:
        lines = max(len(item.lines) for item in items)
        rows = -(-len(items) // COLUMNS)
        heights.append((HEADING if heading else 0.0, rows, SIDE + 0.12 + LINE * lines + 0.1))
    total = sum(head + rows * row for head, rows, row in heights)
    figure = Figure(figsize=(NARROW, total))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, NARROW)
    axes.set_ylim(total, 0)
    top = 0.0
    for (heading, items), (head, rows, row) in zip(parts, heights, strict=True):
        if heading:
            axes.text(0.04, top + head / 2, heading, fontsize=SMALL + 1.5, fontweight="bold", va="center")
        top += head
        for index, item in enumerate(items):
            line, column = divmod(index, COLUMNS)
            left, upper = column * step, top + line * row
            share = SIDE / max(item.picture.height, item.picture.width)
            wide, tall = share * item.picture.width, share * item.picture.height
            start, below = left + (step - wide) / 2, upper + 0.04
            extent = (start, start + wide, below + tall, below)
            axes.imshow(pixels_of(item.picture), extent=extent, interpolation="none", aspect="auto")
            for number, text in enumerate(item.lines):
                y = upper + SIDE + 0.12 + LINE * (number + 0.5)
                axes.text(left + step / 2, y, text, fontsize=SMALL - 1, ha="center", va="center")
        top += rows * row
    axes.set_xlim(0, NARROW)  # drawing a picture has moved them
    axes.set_ylim(total, 0)
    axes.set_axis_off()
    return figure


def fitting(before: str, name: str) -> str:
    """A word and a name, cut so that the line fits below a picture.

    >>> fitting("said ", "a very long name")
    'said a very long …'
    """
    return f"{before}{beginning(name, LONGEST - len(before))}"
