"""MNIST and its two replacements of the same form, in the folders where torchvision keeps them."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from cnnbuild.data.catalogue import MNIST_FILES as FILES
from cnnbuild.data.dataset import Images, Source, digest_of
from cnnbuild.data.download import RemoteFile, fetch, unpublished
from cnnbuild.data.progress import OnProgress, ignore
from cnnbuild.errors import DataError

UINT8_CODE = 8  # the third byte of an IDX file names the type of its values
CLASSES = 10

MnistName: TypeAlias = Literal["mnist", "fashion_mnist", "kmnist"]


@dataclass(frozen=True, slots=True)
class _Family:
    """One data set of the form: its title, and the names of its ten classes."""

    title: str
    folder: str
    class_names: tuple[str, ...]


_FAMILIES: dict[MnistName, _Family] = {
    "mnist": _Family("MNIST", "MNIST", tuple("0123456789")),
    "fashion_mnist": _Family(
        "Fashion-MNIST",
        "FashionMNIST",
        (
            "T-shirt/top",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
    ),
    "kmnist": _Family(
        "Kuzushiji-MNIST", "KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    ),
}


def load_mnist(data_root: Path, name: MnistName = "mnist", *, on_progress: OnProgress = ignore) -> Source:
    """60,000 training and 10,000 test images of 1x28x28; files that are missing are downloaded.

    Raises:
        DataError: a file is missing and cannot be downloaded, or is damaged.
    """
    family = _FAMILIES[name]
    raw = data_root / family.folder / "raw"
    published = _published(name)
    missing = [file for file, plain in zip(published, FILES, strict=True) if _find(raw, plain) is None]
    wanted = f"place {', '.join(FILES)} (or the same with .gz) in {raw}"
    fetch(family.title, missing, raw, wanted=wanted, on_progress=on_progress)
    train_images, train_labels, test_images, test_labels = (_read(raw, name) for name in FILES)
    train = _part(train_images, train_labels, raw, FILES[1])
    test = _part(test_images, test_labels, raw, FILES[3])
    used = [file for file, plain in zip(published, FILES, strict=True) if not (raw / plain).is_file()]
    return Source(
        train,
        test,
        family.class_names,
        family.title,
        name,
        digest_of(train, test),
        warnings=unpublished(used, raw, family.title),
        where=raw,
    )


def _published(name: MnistName) -> list[RemoteFile]:
    """The four archives, in the order of `FILES`."""
    from torchvision.datasets import KMNIST, MNIST, FashionMNIST

    made = {"mnist": MNIST, "fashion_mnist": FashionMNIST, "kmnist": KMNIST}[name]
    checksums: dict[str, str] = dict(made.resources)
    return [
        RemoteFile(f"{file}.gz", tuple(f"{at}{file}.gz" for at in made.mirrors), checksums[f"{file}.gz"])
        for file in FILES
    ]


def _part(images: Tensor, labels: Tensor, raw: Path, labels_file: str) -> Images:
    if len(images) != len(labels):
        raise DataError(f"{raw}: {len(images):,} images and {len(labels):,} labels do not belong together")
    if len(labels) and int(labels.max()) >= CLASSES:
        raise DataError(f"{raw / labels_file} holds a label of {int(labels.max())}; expected 0 to 9")
    return Images(images.unsqueeze(1), labels.to(torch.int64))


def _find(raw: Path, name: str) -> Path | None:
    return next((path for path in (raw / name, raw / f"{name}.gz") if path.is_file()), None)


def _read(raw: Path, name: str) -> Tensor:
    """The values of one IDX file: a header of big-endian numbers, then uint8 values."""
    path = _find(raw, name)
    if path is None:
        raise DataError(f"{raw / name} is missing")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged ({error}); delete it, and it will be downloaded again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    dimensions = content[3] if len(content) > 3 and content[:3] == bytes((0, 0, UINT8_CODE)) else 0
    header = 4 + 4 * dimensions
    if dimensions == 0 or len(content) < header:
        raise DataError(f"{path} is not an IDX file of bytes; delete it, and it will be downloaded again")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    if len(content) - header != int(np.prod(shape, dtype=np.int64)):
        raise DataError(f"{path} is cut off or damaged; delete it, and it will be downloaded again")
    return torch.from_numpy(np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape).copy())
