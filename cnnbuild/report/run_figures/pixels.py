"""Kept pictures as arrays that matplotlib draws: in their own pixels, whatever size they are shown in."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from cnnbuild.analyses.kept import Picture


def pixels_of(picture: Picture) -> np.ndarray:
    """Red, green, blue and opacity (H, W, 4) as bytes; of one channel the same grey in all three."""
    data = np.frombuffer(picture.data, dtype=np.uint8).reshape(
        picture.height, picture.width, picture.channels
    )
    colours = np.repeat(data, 3, axis=2) if picture.channels == 1 else data
    return np.dstack([colours, np.full(data.shape[:2], 255, dtype=np.uint8)])


def thumbnail_of(picture: Picture, most: int) -> np.ndarray:
    """The same averaged down by a whole number, so that it has at most so many pixels along a side.

    What is left over at its right and lower edge is left out.
    """
    pixels = pixels_of(picture)
    factor = -(-max(pixels.shape[:2]) // most)
    high, wide = max(1, pixels.shape[0] // factor), max(1, pixels.shape[1] // factor)
    blocks = pixels[: high * factor, : wide * factor].reshape(high, -1, wide, factor, 4)
    return np.asarray(np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8))


def levels_of(picture: Picture) -> np.ndarray:
    """The bytes of a picture of one channel (H, W)."""
    return np.frombuffer(picture.data, dtype=np.uint8).reshape(picture.height, picture.width)


def values_of(picture: Picture) -> np.ndarray:
    """What the bytes of a picture stand for (H, W, C)."""
    shape = (picture.height, picture.width, picture.channels)
    data = np.frombuffer(picture.data, dtype=np.uint8).reshape(shape).astype(np.float64)
    return picture.low + (picture.high - picture.low) * data / 255


def in_colours(levels: np.ndarray, colour_map: str) -> np.ndarray:
    """Bytes (H, W) in the colours of a map, (H, W, 4) as bytes."""
    return np.asarray(mpl.colormaps[colour_map](levels, bytes=True))


def tiled(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Pictures (h, w, 4) of one size beside and below each other, with a transparent line between them."""
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    gap = 1
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), dtype=np.uint8)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def show(axes: Axes, pixels: np.ndarray) -> None:
    """The picture alone, in square pixels, the top left corner of the first at (0, 0)."""
    height, width = pixels.shape[:2]
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="none")
    axes.set_axis_off()
