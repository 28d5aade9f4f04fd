"""A data set: uint8 images, in memory or in files, labels, and which data exactly they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from cnnbuild.graph.data_contract import DataContract

if TYPE_CHECKING:
    from cnnbuild.data.image_files import ImageFiles


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images (N, C, H, W) as uint8 and their labels (N,) as int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def at(self, indices: Tensor) -> Images:
        """Those at `indices`, in that order."""
        return Images(self.images[indices], self.labels[indices])


Part: TypeAlias = "Images | ImageFiles"
"""The training or the test part of a data set."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What a data set's files hold, before any option is applied.

    `title` is what people call it ("CIFAR-10 (JPEG)"), `form` what it was read from ("cifar10-jpeg"), `where`
    from which file or folder (None: it comes with a library). `digest` identifies pixels and labels; see
    `digest_of`.
    """

    train: Part
    test: Part
    class_names: tuple[str, ...]
    title: str
    form: str
    digest: str
    warnings: tuple[str, ...] = ()
    where: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A data set as a run uses it.

    `train` includes what will be held out for validation. `fingerprint` names the form and the pixels that
    were read; together with the settings it identifies the data. `settings` are the settings as plain data.
    `warnings` are what a reader of results must know of the data, a sentence each.
    """

    train: Part
    test: Part
    class_names: tuple[str, ...]
    contract: DataContract
    label: str
    fingerprint: str
    settings: dict[str, object]
    warnings: tuple[str, ...] = ()
    where: Path | None = None


def digest_of(train: Images, test: Images) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of all pixels and labels with their shapes."""
    digest = hashlib.sha256()
    for part in (train, test):
        digest.update(str(tuple(part.images.shape)).encode())
        digest.update(part.images.contiguous().numpy().data)
        digest.update(part.labels.to(torch.int64).contiguous().numpy().data)
    return digest.hexdigest()[:16]
