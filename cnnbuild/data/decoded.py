"""Image files as uint8 tensors, decoded once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from cnnbuild.data.dataset import Images, Source, digest_of
from cnnbuild.data.location import cache_folder, save_in_cache
from cnnbuild.errors import DataError
from cnnbuild.graph.data_contract import class_names, images_in, images_of

CACHE_VERSION = 2  # of the decoding below: raise it when its pixels would differ
PARTS = ("train", "test")
MAX_16_BIT = 65_535


def decode(file: IO[bytes] | Path, name: str, *, channels: int, size: int | None) -> np.ndarray:
    """One image as uint8 (C, H, W), grey for 1 channel and RGB for 3, resized to size x size where given.

    Raises:
        DataError: the file is not an image that Pillow reads, or its values have no known range.
    """
    try:
        with Image.open(file) as image:
            pixels = _with_8_bits(image, name).convert("L" if channels == 1 else "RGB")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{name} cannot be read as an image: {error}") from error
    if size is not None and pixels.size != (size, size):
        pixels = pixels.resize((size, size), Image.Resampling.BILINEAR)
    array = np.asarray(pixels)
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


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


def load_folder(folder: Path, *, title: str, form: str, channels: int, size: int | None) -> Source:
    """`train/<class>/` and `test/<class>/` with the classes in alphabetical order.

    Raises:
        DataError: a part is missing, the two have different classes, or an image cannot be used.
    """
    names = class_names(folder / "train")
    if (found := class_names(folder / "test")) != names:
        differing = ", ".join(sorted(set(names) ^ set(found)))
        raise DataError(f"{folder}: train/ and test/ do not have the same classes ({differing})")

    def decode_all() -> tuple[Images, Images]:
        train, test = (_decode_part(folder / part, names, channels=channels, size=size) for part in PARTS)
        return train, test

    key = f"{form} {channels} {size} {_listing(folder, names)}"
    train, test, digest = cached(key, decode_all)
    return Source(train, test, names, title, form, digest)


def cached(key: str, decode_all: Callable[[], tuple[Images, Images]]) -> tuple[Images, Images, str]:
    """The two parts and their digest, from the cache if they were decoded before under the same key."""
    name = hashlib.sha256(f"{CACHE_VERSION} {key}".encode()).hexdigest()[:24]
    path = cache_folder() / f"{name}.npz"
    if path.is_file():
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                train = Images(torch.from_numpy(kept["train_images"]), torch.from_numpy(kept["train_labels"]))
                test = Images(torch.from_numpy(kept["test_images"]), torch.from_numpy(kept["test_labels"]))
                return train, test, str(kept["digest"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path} is damaged ({error}); delete it, and the images are decoded again"
            ) from error
    train, test = decode_all()
    digest = digest_of(train, test)
    content = io.BytesIO()
    np.savez(
        content,
        train_images=train.images.numpy(),
        train_labels=train.labels.numpy(),
        test_images=test.images.numpy(),
        test_labels=test.labels.numpy(),
        digest=np.array(digest),
    )
    save_in_cache(path, content.getbuffer())
    return train, test, digest


def stack(arrays: list[np.ndarray], labels: list[int], where: str) -> Images:
    """Decoded images as one tensor.

    Raises:
        DataError: there are none, or they differ in size.
    """
    if not arrays:
        raise DataError(f"{where} holds no images")
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        sizes = " and ".join(f"{width}x{height}" for _, height, width in (shapes[0], shapes[-1]))
        raise DataError(f"{where}: the images differ in size ({sizes}); give a `size`")
    return Images(torch.from_numpy(np.stack(arrays)), torch.tensor(labels, dtype=torch.int64))


def _decode_part(part: Path, names: tuple[str, ...], *, channels: int, size: int | None) -> Images:
    arrays: list[np.ndarray] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        for path in images_of(part, [name]):
            arrays.append(decode(path, str(path), channels=channels, size=size))
            labels.append(label)
    return stack(arrays, labels, str(part))


def _listing(folder: Path, names: tuple[str, ...]) -> str:
    """A digest of the files' names, sizes and times, so that a changed folder is decoded anew."""
    digest = hashlib.sha256()
    for path in _files(folder, names):
        status = path.stat()
        digest.update(
            f"{path.relative_to(folder).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode()
        )
    return digest.hexdigest()


def _files(folder: Path, names: tuple[str, ...]) -> Iterator[Path]:
    for part in PARTS:
        for name in names:
            yield from images_in(folder / part / name)
