"""MNIST from the four files of its authors, in the folder where torchvision keeps them."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cnnbuild.data.dataset import Images, Source, digest_of
from cnnbuild.data.download import downloading
from cnnbuild.errors import DataError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
UINT8_CODE = 8  # the third byte of an IDX file names the type of its values


def load_mnist(data_root: Path) -> Source:
    """60,000 training and 10,000 test images of 1x28x28; downloaded where they are missing.

    Raises:
        DataError: a file is missing and cannot be downloaded, or is damaged.
    """
    raw = data_root / "MNIST" / "raw"
    if not all(_find(raw, name) for name in FILES):
        _download(data_root, raw)
    train_images, train_labels, test_images, test_labels = (_read(raw, name) for name in FILES)
    train = Images(train_images.unsqueeze(1), train_labels.to(torch.int64))
    test = Images(test_images.unsqueeze(1), test_labels.to(torch.int64))
    names = tuple(str(digit) for digit in range(10))
    return Source(train, test, names, "MNIST", "mnist", digest_of(train, test))


def _download(data_root: Path, raw: Path) -> None:
    from torchvision.datasets import MNIST

    wanted = f"place {', '.join(FILES)} (or the same with .gz) in {raw}"
    with downloading("MNIST", wanted):
        MNIST(str(data_root), download=True)


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
