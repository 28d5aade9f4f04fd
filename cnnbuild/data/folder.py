"""A folder `train/<class>/`, `test/<class>/` of image files, decoded into memory or left where they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch

from cnnbuild.data.dataset import Images, Source, digest_of
from cnnbuild.data.decoded import cached
from cnnbuild.data.file_notes import FileNotes
from cnnbuild.data.image_files import ImageFiles, Listed, Reading, differing, scan
from cnnbuild.data.progress import OnProgress, Progress
from cnnbuild.data.space import fits_in_memory
from cnnbuild.errors import DataError
from cnnbuild.graph.data_contract import class_names, images_of

PARTS = ("train", "test")

DataMode: TypeAlias = Literal["auto", "memory", "stream"]
"""Where images are while a run uses them: in memory, read from files, or as fits."""


def load_folder(
    folder: Path, *, title: str, form: str, reading: Reading, data: DataMode, on_progress: OnProgress
) -> Source:
    """`train/<class>/` and `test/<class>/` with the classes in alphabetical order.

    `reading` says what an image becomes; only images left in their files are resized by it, those in memory
    are as decoded. They are left where `data` is `stream`, or `auto` and the pixels do not fit into memory.

    Raises:
        DataError: a part is missing, the two have different classes, or an image cannot be used.
    """
    names = class_names(folder / "train")
    if (found := class_names(folder / "test")) != names:
        differing_names = ", ".join(sorted(set(names) ^ set(found)))
        raise DataError(f"{folder}: train/ and test/ do not have the same classes ({differing_names})")
    listed = [_list(folder, part, names) for part in PARTS]
    channels, height, width = reading.shape
    count = sum(len(part.paths) for part in listed) * channels * height * width
    key = f"noted {channels} {reading.decode_size} {_listing(folder, listed)}"
    if data == "stream" or (data == "auto" and not fits_in_memory(count)):
        kept = cached(f"statistics {form} {reading.shape} {key}", lambda: scan(listed, reading, on_progress))
        left, left_test = (_left_in_files(part, reading, kept) for part in listed)
        return Source(left, left_test, names, title, form, str(kept["digest"]), _warnings(kept), folder)
    kept = cached(f"{form} {key}", lambda: _decode(listed, reading, on_progress))
    train, test = images_from(kept)
    return Source(train, test, names, title, form, str(kept["digest"]), _warnings(kept), folder)


def _warnings(kept: dict[str, np.ndarray]) -> tuple[str, ...]:
    converted = str(kept["converted"])
    return (converted,) if converted else ()


def _left_in_files(part: Listed, reading: Reading, kept: dict[str, np.ndarray]) -> ImageFiles:
    return ImageFiles(
        tuple(part.paths),
        torch.tensor(part.labels, dtype=torch.int64),
        reading,
        torch.from_numpy(kept[f"{part.name}_sums"]),
        torch.from_numpy(kept[f"{part.name}_squares"]),
    )


def images_from(kept: dict[str, np.ndarray]) -> tuple[Images, Images]:
    """The two parts from the arrays that `arrays_of` gave."""
    train, test = (
        Images(torch.from_numpy(kept[f"{part}_images"]), torch.from_numpy(kept[f"{part}_labels"]))
        for part in PARTS
    )
    return train, test


def arrays_of(train: Images, test: Images) -> dict[str, np.ndarray]:
    """Two parts and their digest as arrays, as the cache keeps them."""
    return {
        "train_images": train.images.numpy(),
        "train_labels": train.labels.numpy(),
        "test_images": test.images.numpy(),
        "test_labels": test.labels.numpy(),
        "digest": np.array(digest_of(train, test)),
    }


def _decode(listed: Sequence[Listed], reading: Reading, on_progress: OnProgress) -> dict[str, np.ndarray]:
    total = sum(len(part.paths) for part in listed)
    done, notes = 0, FileNotes()
    parts: list[Images] = []
    on_progress(Progress("decoding images", 0, total, "images"))
    for part in listed:
        pixels = np.empty(0, np.uint8)
        for index, file in enumerate(notes.decoded(part.paths, reading.decode)):
            image = file.pixels
            if index == 0:
                pixels = np.empty((len(part.paths), *image.shape), np.uint8)
            elif image.shape != pixels.shape[1:]:
                raise DataError(differing(part.folder, {image.shape, pixels.shape[1:]}))
            pixels[index] = image
            done += 1
            on_progress(Progress("decoding images", done, total, "images"))
        parts.append(Images(torch.from_numpy(pixels), torch.tensor(part.labels, dtype=torch.int64)))
    notes.refuse_faults()
    converted = np.array(notes.conversions(reading.shape[0]))
    return arrays_of(parts[0], parts[1]) | {"converted": converted}


def _list(folder: Path, part: str, names: tuple[str, ...]) -> Listed:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = images_of(folder / part, [name])
        paths += found
        labels += [label] * len(found)
    return Listed(part, folder / part, paths, labels)


def _listing(folder: Path, listed: Sequence[Listed]) -> str:
    """A digest of the files' names, sizes and times, so that a changed folder is decoded anew."""
    digest = hashlib.sha256()
    for part in listed:
        for path in part.paths:
            status = path.stat()
            name = path.relative_to(folder).as_posix()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
