"""Images that stay in their files: what is known of each without holding its pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cnnbuild.data.decoded import Decoded, decode_noted
from cnnbuild.data.file_notes import FileNotes
from cnnbuild.data.progress import OnProgress, Progress
from cnnbuild.data.resizing import resize
from cnnbuild.errors import DataError


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file becomes an image of `shape` (C, H, W).

    `decode_size` is what Pillow makes of it while decoding; where the shape still differs it is resized as
    images in memory are.
    """

    shape: tuple[int, int, int]
    decode_size: int | None

    def decode(self, path: Path) -> Decoded:
        """The pixels as uint8 (C, H', W'), as they are in the file or as Pillow resizes them."""
        return decode_noted(path, str(path), channels=self.shape[0], size=self.decode_size)

    def finish(self, decoded: np.ndarray) -> np.ndarray:
        """The same as (C, H, W)."""
        if decoded.shape == self.shape:
            return decoded
        whole = torch.from_numpy(np.array(decoded))[None]
        return resize(whole, self.shape[1])[0].numpy()


@dataclass(frozen=True, slots=True, eq=False)
class ImageFiles:
    """Images by their files, and their labels (N,) as int64.

    `sums` and `squares` (N, C) are those of each image's pixel values: exact statistics of any subset.
    """

    paths: tuple[Path, ...]
    labels: Tensor
    reading: Reading
    sums: Tensor
    squares: Tensor

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.reading.shape

    def at(self, indices: Tensor) -> ImageFiles:
        """Those at `indices`, in that order."""
        paths = tuple(self.paths[index] for index in indices.tolist())
        return replace(
            self,
            paths=paths,
            labels=self.labels[indices],
            sums=self.sums[indices],
            squares=self.squares[indices],
        )

    def read(self, index: int) -> np.ndarray:
        """The pixels (C, H, W) of one image.

        Raises:
            DataError: the file is gone, is no image any more, or has another size.
        """
        path = self.paths[index]
        image = self.reading.finish(self.reading.decode(path).pixels)
        if image.shape != self.shape:
            raise DataError(f"{path} has changed while it was in use; start again")
        return image


@dataclass(frozen=True, slots=True)
class Listed:
    """The files of one part, and their labels."""

    name: str
    folder: Path
    paths: Sequence[Path]
    labels: Sequence[int]


def scan(parts: Sequence[Listed], reading: Reading, on_progress: OnProgress) -> dict[str, np.ndarray]:
    """One pass over all files: `digest` as `digest_of` gives it, and each part's `…_sums` and `…_squares`.

    `converted` is a sentence on those that were converted.

    Raises:
        DataError: files are not images, or the images differ in size.
    """
    total = sum(len(part.paths) for part in parts)
    digest = hashlib.sha256()
    found: dict[str, np.ndarray] = {}
    done, notes = 0, FileNotes()
    on_progress(Progress("reading images", 0, total, "images"))
    for part in parts:
        sums = np.zeros((len(part.paths), reading.shape[0]), np.int64)
        squares = np.zeros_like(sums)
        first: tuple[int, ...] = ()
        for index, file in enumerate(notes.decoded(part.paths, reading.decode)):
            decoded = file.pixels
            if not first:
                first = decoded.shape
                digest.update(str((len(part.paths), *first)).encode())
            elif decoded.shape != first:
                raise DataError(differing(part.folder, {first, decoded.shape}))
            digest.update(np.ascontiguousarray(decoded).data)
            values = reading.finish(decoded).reshape(reading.shape[0], -1).astype(np.int64)
            sums[index], squares[index] = values.sum(1), (values * values).sum(1)
            done += 1
            on_progress(Progress("reading images", done, total, "images"))
        digest.update(np.asarray(part.labels, np.int64).data)
        found |= {f"{part.name}_sums": sums, f"{part.name}_squares": squares}
    notes.refuse_faults()
    converted = np.array(notes.conversions(reading.shape[0]))
    return found | {"digest": np.array(digest.hexdigest()[:16]), "converted": converted}


def differing(where: Path, shapes: Iterable[tuple[int, ...]]) -> str:
    """The message for images of several shapes (C, H, W) where no `size` is given; it says height x width."""
    ordered = sorted(shapes)
    sizes = " and ".join(f"{height}x{width}" for _, height, width in (ordered[0], ordered[-1]))
    return f"{where}: the images differ in size ({sizes}); give a `size`"
