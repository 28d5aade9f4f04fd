"""Pictures from anywhere as a trained network takes them: as bytes, in the size and colours of its data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cnnbuild.data.decoded import decode
from cnnbuild.data.resizing import resize
from cnnbuild.errors import DataError, UsageError
from cnnbuild.graph.data_contract import IMAGE_SUFFIXES
from cnnbuild.studies.run_folder import KeptData

LARGEST_VALUE = 255
GREY, COLOUR = 1, 3  # channels


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture as uint8 (C, H, W) in a network's size; `notes` say what was done to it, or seems odd."""

    source: str
    pixels: Tensor
    notes: tuple[str, ...] = ()


def pictures_in(paths: Iterable[Path]) -> Iterator[Path]:
    """The paths, each folder replaced by the image files under it, sorted by name.

    Raises:
        UsageError: a folder has no image in it.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
        if not found:
            raise UsageError(f"{path} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
        yield from found


def read_picture(path: Path, data: KeptData) -> Picture:
    """A picture from a file, converted and resized as the images of the data set were.

    Raises:
        DataError: the file is missing, or is no image that Pillow reads.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file")
    channels, height, width = data.shape
    if channels not in {GREY, COLOUR}:
        raise DataError(f"{path}: the network takes {channels} channels, and pictures have 1 or 3")
    own_size = data.settings.get("name") == "image_folder" and height == width  # resized while it is read
    pixels = decode(path, str(path), channels=channels, size=height if own_size else None)
    with Image.open(path) as image:
        size, grey = image.size, image.mode in {"1", "L", "LA", "I", "I;16", "F"}
    notes = []
    if size != (width, height):
        notes.append(f"resized from {size[0]}x{size[1]} to {width}x{height}")
    if grey != (channels == GREY):
        notes.append("grey, repeated in 3 channels" if grey else "in colour, converted to grey")
    fitted = fit_size(torch.from_numpy(np.array(pixels)), height, width)
    return Picture(str(path), fitted, (*notes, *oddities(fitted, data)))


def fit_size(pixels: Tensor, height: int, width: int) -> Tensor:
    """The uint8 image (C, H, W) in another size."""
    if tuple(pixels.shape[1:]) == (height, width):
        return pixels
    if height == width:
        return resize(pixels[None], height)[0]
    planes = (Image.fromarray(plane.numpy()) for plane in pixels)
    smooth = [np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR)) for plane in planes]
    return torch.from_numpy(np.stack(smooth))


def pictures_from(images: object, data: KeptData) -> list[Picture]:
    """Pictures given in Python: a path or several, or an array or tensor of bytes (N, C, H, W) or (C, H, W).

    Raises:
        UsageError: they are something else, or of another shape.
        DataError: some files cannot be read; all of them are named.
    """
    if isinstance(images, str | Path):
        images = [images]
    if isinstance(images, np.ndarray):
        images = torch.from_numpy(images)
    if isinstance(images, Tensor):
        return _from_tensor(images, data)
    if not isinstance(images, Iterable):
        raise UsageError(f"images are paths, or bytes in an array (N, C, H, W), not {type(images).__name__}")
    listed = list(images)
    if wrong := next((one for one in listed if not isinstance(one, str | Path)), None):
        raise UsageError(f"images are paths, or bytes in an array (N, C, H, W), not {type(wrong).__name__}")
    found, faults = read_all(pictures_in(map(Path, listed)), data)
    if faults:
        raise DataError("\n".join(faults))
    return found


def read_all(paths: Iterable[Path], data: KeptData) -> tuple[list[Picture], list[str]]:
    """The pictures that can be read, and a sentence about each that cannot."""
    found: list[Picture] = []
    faults: list[str] = []
    for path in paths:
        try:
            found.append(read_picture(path, data))
        except DataError as error:
            faults.append(str(error))
    return found, faults


def oddities(pixels: Tensor, data: KeptData) -> Iterator[str]:
    """What seems odd about a picture, next to the images that the network was trained on."""
    low, high = data.brightness
    mean = float(pixels.double().mean())
    if low <= mean <= high:
        return
    word = "brighter" if mean > high else "darker"
    note = f"{word} than every training image: mean {mean:.0f}, theirs {low:.0f} to {high:.0f}"
    if low <= LARGEST_VALUE - mean <= high:
        note += "; with black and white exchanged it would be like them"
    yield note


def _from_tensor(images: Tensor, data: KeptData) -> list[Picture]:
    expected = "x".join(str(n) for n in data.shape)
    if images.dtype != torch.uint8:
        dtype = str(images.dtype).removeprefix("torch.")
        raise UsageError(f"images in an array are bytes from 0 to 255 (uint8), not {dtype}")
    if images.dim() == len(data.shape):
        images = images[None]
    if tuple(images.shape[1:]) != data.shape:
        found = "x".join(str(n) for n in images.shape[1:])
        raise UsageError(f"the network takes images of {expected} (C, H, W), not {found}")
    return [
        Picture(f"image {number}", image, tuple(oddities(image, data))) for number, image in enumerate(images)
    ]
