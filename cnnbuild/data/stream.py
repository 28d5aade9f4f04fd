"""Batches that are read while they are needed, by worker processes: from files, or through transforms."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from cnnbuild.data.batches import Normalization, per_channel
from cnnbuild.data.dataset import Images, Part
from cnnbuild.data.transforms import ImageTransform, apply, seed_of_image
from cnnbuild.errors import CnnbuildError, RunError
from cnnbuild.system.cores import core_count
from cnnbuild.system.processes import hidden_main

MOST_WORKERS = {"cpu": 2}  # where the network needs the cores itself
MOST_WORKERS_ELSEWHERE = 8

SECONDS_BETWEEN_LOOKS = 0.5  # of a worker at whether its parent lives
NO_EPOCH = 0  # images are wanted without transforms; epochs count from 1

_Read: TypeAlias = "np.ndarray | CnnbuildError"


@dataclass(frozen=True, slots=True, eq=False)
class Reader(Dataset[_Read]):
    """Gives uint8 batches (B, C, H, W), or (B, H, W, C) for `channels_last`; a copy works in each process.

    They go through a pipe as plain arrays, not through shared memory, which containers often have little of.
    """

    part: Part
    transforms: tuple[ImageTransform, ...]
    seed: int
    channels_last: bool

    def __getitems__(self, asked: list[int]) -> _Read:
        """The batch of an epoch and indices, or why it cannot be had: torch would wrap what is raised."""
        try:
            return self.read(asked[0], asked[1:])
        except CnnbuildError as error:
            return error

    def read(self, epoch: int, indices: Sequence[int]) -> np.ndarray:
        """The images at `indices`, transformed unless the epoch is `NO_EPOCH`.

        Raises:
            DataError: a file cannot be read any more.
        """
        if isinstance(self.part, Images) and (epoch == NO_EPOCH or not self.transforms):
            pixels = self.part.images[torch.tensor(indices)].numpy()
        else:
            pixels = np.empty((len(indices), *self.part.shape), np.uint8)
            for place, index in enumerate(indices):
                pixels[place] = self._image(epoch, index)
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)) if self.channels_last else pixels

    def _image(self, epoch: int, index: int) -> np.ndarray:
        if isinstance(self.part, Images):
            image = self.part.images[index].clone()
        else:
            image = torch.from_numpy(np.array(self.part.read(index)))
        if epoch != NO_EPOCH and self.transforms:
            image = apply(self.transforms, image, seed_of_image(self.seed, epoch, index))
            if tuple(image.shape) != self.part.shape:
                names = ", ".join(transform.name for transform in self.transforms)
                found = "x".join(map(str, image.shape))
                raise RunError(f"image {index} became {found} by {names}; the shape has to stay")
        return image.numpy()


class _Plan(Sampler[list[int]]):
    """The batches of one pass, each the epoch and its indices; the loader asks anew at each pass."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.asked)

    def __len__(self) -> int:
        return len(self.asked)


class StreamSource:
    """The same batches as `BatchSource`, for images that are not on the device.

    `transforms` are applied to training batches, image by image, seeded by `seed`, the epoch and the image's
    index: neither the number of workers nor a stop in between changes a bit. Workers start with the first
    pass, stay until `close`, and read two batches each ahead.
    """

    def __init__(
        self,
        part: Part,
        normalization: Normalization,
        device: torch.device,
        *,
        channels_last: bool,
        transforms: tuple[ImageTransform, ...] = (),
        seed: int = 0,
        workers: int | None = None,
    ) -> None:
        self._reader = Reader(part, transforms, seed, channels_last)
        self._scale = per_channel(1 / normalization.std, device)
        self._shift = per_channel(-normalization.mean / normalization.std, device)
        self._channels_last = channels_last
        self._labels = part.labels
        self._plan = _Plan()
        self._loader: DataLoader[_Read] | None = None
        self._busy = False
        self.labels = part.labels.to(device)
        self.device = device
        easy = isinstance(part, Images) and not transforms
        self.workers = (0 if easy else number_of_workers(device)) if workers is None else workers

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The images at `indices` as float32 (B, C, H, W), normalised, and their labels (B,); read here."""
        return self._ready(self._reader.read(NO_EPOCH, indices.tolist()), indices)

    def batches(
        self, index_lists: Sequence[Tensor], *, epoch: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """`batch` of each list of indices, read ahead; see `sources.Batches`.

        A second pass that begins before the first has ended is read without workers.

        Raises:
            DataError: a file cannot be read any more.
            RunError: a worker was killed.
        """
        if self.workers == 0 or self._busy or len(index_lists) < 2:
            for indices in index_lists:
                yield self._ready(self._reader.read(epoch or NO_EPOCH, indices.tolist()), indices)
            return
        self._busy = True
        try:
            with closing(self._from_workers(index_lists, epoch)) as arrays:
                for indices, pixels in zip(index_lists, arrays, strict=True):
                    yield self._ready(pixels, indices)
        finally:
            self._busy = False

    def close(self) -> None:
        """End the worker processes; the next pass would start new ones."""
        self._loader = None

    def _from_workers(
        self, index_lists: Sequence[Tensor], epoch: int | None
    ) -> Generator[np.ndarray, None, None]:
        self._plan.asked = [[epoch or NO_EPOCH, *indices.tolist()] for indices in index_lists]
        try:
            with hidden_main():
                reads = iter(self._running_loader())
            for read in reads:
                if isinstance(read, CnnbuildError):
                    raise read
                yield read
        except RuntimeError as error:
            self.close()
            raise RunError(f"a process that reads images has ended: {error}") from error

    def _running_loader(self) -> DataLoader[_Read]:
        if self._loader is None:
            self._loader = DataLoader(
                self._reader,
                batch_sampler=self._plan,
                num_workers=self.workers,
                persistent_workers=True,
                collate_fn=_as_it_is,
                worker_init_fn=partial(_begin_worker, parent=os.getpid()),
                generator=torch.Generator(),  # otherwise the loader draws from the run's
            )
        return self._loader

    def _ready(self, pixels: np.ndarray, indices: Tensor) -> tuple[Tensor, Tensor]:
        batch = torch.from_numpy(pixels)
        if self.device.type == "cuda":
            batch = batch.pin_memory().to(self.device, non_blocking=True)
        else:
            batch = batch.to(self.device)
        if self._channels_last:
            batch = batch.permute(0, 3, 1, 2)
        labels = self.labels.index_select(0, indices.to(self.device))
        return batch.float().mul_(self._scale).add_(self._shift), labels


def number_of_workers(device: torch.device) -> int:
    """How many processes read images: one per core but one, few where the network is computed on the cores.

    None inside a daemon process, which may not have children.
    """
    if multiprocessing.current_process().daemon:
        return 0
    return max(1, min(core_count() - 1, MOST_WORKERS.get(device.type, MOST_WORKERS_ELSEWHERE)))


def _begin_worker(number: int, *, parent: int) -> None:  # noqa: ARG001 - torch passes the worker's number
    """Have the worker end with the process that started it, even where that was killed.

    torch's own watch does not help a worker that waits for room in a pipe from which nobody reads. Ctrl-C is
    for the other process to answer.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _as_it_is(read: object) -> object:
    return read
