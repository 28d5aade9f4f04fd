"""A picture of a data set: some training images of each class, enlarged without smoothing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, TypeAlias

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

DOTS_PER_INCH = 200
IMAGE_INCHES = 0.42  # the side of one image
GAP = 0.06  # between images, as a share of their side
NAME_INCHES = 0.085  # of one letter of a class's name
MOST_ROWS = 20  # classes below each other; more stand in further columns
TITLE_INCHES = 0.45
MARGIN = 0.1
LONGEST_NAME = 24

PictureFormat: TypeAlias = Literal["png", "svg", "pdf"]


@dataclass(frozen=True, slots=True)
class ClassSamples:
    """A class's name and some of its images (N, C, H, W) as uint8."""

    name: str
    images: np.ndarray


def samples_picture(title: str, classes: Sequence[ClassSamples], kind: PictureFormat) -> bytes:
    """The picture: one row per class, its name on the left; the same bytes at every writing."""
    blocks = ceil(len(classes) / MOST_ROWS)
    rows = ceil(len(classes) / blocks)
    most = max(len(of.images) for of in classes)
    names = [of.name if len(of.name) <= LONGEST_NAME else f"{of.name[: LONGEST_NAME - 1]}…" for of in classes]
    label = NAME_INCHES * (max(len(name) for name in names) + 2)
    step = IMAGE_INCHES * (1 + GAP)
    width, height = blocks * (label + most * step) + MARGIN, TITLE_INCHES + rows * step + MARGIN
    with rc_context(
        {
            "font.family": "DejaVu Sans",
            "image.composite_image": False,  # each image in an SVG with its own pixels
            "svg.hashsalt": "samples",
            "svg.fonttype": "none",
            "text.parse_math": False,
        }
    ):
        figure = Figure(figsize=(max(width, NAME_INCHES * len(title)), height))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.text(0.08, TITLE_INCHES * 0.55, title, fontsize=9, fontweight="bold", va="center")
        for index, (name, of) in enumerate(zip(names, classes, strict=True)):
            block, row = divmod(index, rows)
            left, top = block * (label + most * step) + label, TITLE_INCHES + row * step
            axes.text(left - 0.08, top + IMAGE_INCHES / 2, name, fontsize=8, ha="right", va="center")
            for column, image in enumerate(of.images):
                x, (tall, wide) = left + column * step, image.shape[1:]
                share = IMAGE_INCHES / max(tall, wide)
                axes.imshow(
                    image[0] if len(image) == 1 else image.transpose(1, 2, 0),
                    extent=(x, x + share * wide, top + share * tall, top),
                    interpolation="nearest",
                    cmap="gray",
                    vmin=0,
                    vmax=255,
                    aspect="auto",
                )
        axes.set_xlim(0, figure.get_figwidth())
        axes.set_ylim(height, 0)
        content = io.BytesIO()
        about = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
        figure.savefig(content, format=kind, dpi=DOTS_PER_INCH, metadata={"Title": title, **about})
    return content.getvalue()
