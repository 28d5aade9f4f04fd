"""Images that stay in their files: what is known of each without holding its pixels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cnnbuild.data.decoded import decode
from cnnbuild.data.progress import OnProgress, Progress
from cnnbuild.data.resizing import resize
from cnnbuild.errors import DataError

AT_ONCE = 256  # images that are decoded ahead while one is looked at


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file becomes an image of `shape` (C, H, W).

    `decode_size` is what Pillow makes of it while decoding; where the shape still differs it is resized as
    images in memory are.
    """

    shape: tuple[int, int, int]
    decode_size: int | None

    def decode(self, path: Path) -> np.ndarray:
        """The pixels as uint8 (C, H', W'), as they are in the file or as Pillow resizes them."""
        return decode(path, str(path), channels=self.shape[0], size=self.decode_size)

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
        decoded = self.reading.decode(path)
        image = self.reading.finish(decoded)
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

    Raises:
        DataError: a file is not an image, or the images differ in size.
    """
    total = sum(len(part.paths) for part in parts)
    digest = hashlib.sha256()
    found: dict[str, np.ndarray] = {}
    done = 0
    on_progress(Progress("reading images", 0, total, "images"))
    for part in parts:
        sums = np.zeros((len(part.paths), reading.shape[0]), np.int64)
        squares = np.zeros_like(sums)
        first: tuple[int, ...] = ()
        for index, decoded in enumerate(decode_ahead(part.paths, reading)):
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
    return found | {"digest": np.array(digest.hexdigest()[:16])}


def decode_ahead(paths: Sequence[Path], reading: Reading) -> Iterator[np.ndarray]:
    """The decoded images in order; Pillow works in threads meanwhile."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for start in range(0, len(paths), AT_ONCE):
            yield from pool.map(reading.decode, paths[start : start + AT_ONCE])


def differing(where: Path, shapes: Iterable[tuple[int, ...]]) -> str:
    """The message for images of several sizes where no `size` is given."""
    ordered = sorted(shapes)
    sizes = " and ".join(f"{width}x{height}" for _, height, width in (ordered[0], ordered[-1]))
    return f"{where}: the images differ in size ({sizes}); give a `size`"
