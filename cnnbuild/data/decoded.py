"""One image file as uint8, and the cache of what was decoded."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from cnnbuild.data.location import cache_folder, save_in_cache
from cnnbuild.errors import DataError

CACHE_VERSION = 3  # of the decoding below: raise it when its pixels would differ
MAX_16_BIT = 65_535


class UnreadableError(DataError):
    """A file is no image that Pillow reads, or a damaged one."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The uint8 pixels (C, H, W) of a file, and what it was where converting it lost something."""

    pixels: np.ndarray
    was: str


def decode(file: IO[bytes] | Path, name: str, *, channels: int, size: int | None) -> np.ndarray:
    """One image as uint8 (C, H, W), grey for 1 channel and RGB for 3, resized to size x size where given.

    Raises:
        UnreadableError: the file is not an image that Pillow reads.
        DataError: its values have no known range.
    """
    return decode_noted(file, name, channels=channels, size=size).pixels


def decode_noted(file: IO[bytes] | Path, name: str, *, channels: int, size: int | None) -> Decoded:
    """As `decode`, with a note on what is lost.

    Raises:
        UnreadableError: the file is not an image that Pillow reads.
        DataError: its values have no known range.
    """
    try:
        with Image.open(file) as image:
            was = _kind(image, channels)
            pixels = _with_8_bits(image, name).convert("L" if channels == 1 else "RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableError(f"{name} cannot be read as an image: {error}") from error
    if size is not None and pixels.size != (size, size):
        pixels = pixels.resize((size, size), Image.Resampling.BILINEAR)
    array = np.asarray(pixels)
    return Decoded(array[None] if channels == 1 else array.transpose(2, 0, 1), was)


def _kind(image: Image.Image, channels: int) -> str:
    """What the image is where it is more, or less, than 8 bits of grey or of red, green and blue."""
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        return "with transparency"
    if image.mode.startswith("I"):
        return "of 16 bits"
    if image.mode in {"1", "L"}:
        return "in grey" if channels == 3 else ""
    return "" if image.mode in {"RGB", "P"} else f"in {image.mode}"


def _with_8_bits(image: Image.Image, name: str) -> Image.Image:
    """The image, 16-bit values scaled to 0..255; Pillow's own conversion would cut them off at 255."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in {"PNG", "PPM"}):
        values = np.asarray(image).astype(np.float64)
        return Image.fromarray((values * 255 / MAX_16_BIT).round().clip(0, 255).astype(np.uint8))
    if image.mode in {"I", "F"}:
        raise DataError(
            f"{name}: grey values of 32 bits have no known range; save the image with 8 or 16 bits"
        )
    return image


def cached(key: str, make: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays that `make` gives, from the cache if they were made before under the same key.

    Raises:
        DataError: the file in the cache is damaged, or cannot be written.
    """
    name = hashlib.sha256(f"{CACHE_VERSION} {key}".encode()).hexdigest()[:24]
    path = cache_folder() / f"{name}.npz"
    if path.is_file():
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                return {name: kept[name] for name in kept.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path} is damaged ({error}); delete it, and the images are decoded again"
            ) from error
    made = dict(make())
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **made)
    save_in_cache(path, content.getbuffer())
    return made
