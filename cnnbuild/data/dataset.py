"""A data set in memory: uint8 images, labels, and which data exactly they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnbuild.graph.data_contract import DataContract


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images (N, C, H, W) as uint8 and their labels (N,) as int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    def at(self, indices: Tensor) -> Images:
        """Those at `indices`, in that order."""
        return Images(self.images[indices], self.labels[indices])


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What a data set's files hold, before any option is applied.

    `title` is what people call it ("CIFAR-10 (JPEG)"), `form` what it was read from ("cifar10-jpeg").
    `digest` identifies pixels and labels; see `digest_of`.
    """

    train: Images
    test: Images
    class_names: tuple[str, ...]
    title: str
    form: str
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A data set as a run uses it.

    `train` includes what will be held out for validation. `fingerprint` names the form and the pixels that
    were read; together with the settings it identifies the data. `settings` are the settings as plain data.
    """

    train: Images
    test: Images
    class_names: tuple[str, ...]
    contract: DataContract
    label: str
    fingerprint: str
    settings: dict[str, object]


def digest_of(train: Images, test: Images) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of all pixels and labels with their shapes."""
    digest = hashlib.sha256()
    for part in (train, test):
        digest.update(str(tuple(part.images.shape)).encode())
        digest.update(part.images.contiguous().numpy().data)
        digest.update(part.labels.to(torch.int64).contiguous().numpy().data)
    return digest.hexdigest()[:16]
