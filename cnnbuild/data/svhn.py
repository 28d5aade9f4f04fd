"""SVHN: photographed house numbers, cropped to one digit, from its authors' two MATLAB files.

A file of MATLAB's version 5 holds arrays and no code; `scipy.io.loadmat` unpickles nothing.
"""

from __future__ import annotations

import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from cnnbuild.data.catalogue import SVHN_FILES as FILES
from cnnbuild.data.dataset import Images, Source, digest_of
from cnnbuild.data.download import RemoteFile, fetch, unpublished
from cnnbuild.data.progress import OnProgress, ignore
from cnnbuild.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

SHAPE = (32, 32, 3)
PUBLISHED_ZERO = 10  # the label of the digit 0 in the files


def load_svhn(data_root: Path, *, on_progress: OnProgress = ignore) -> Source:
    """73,257 training and 26,032 test images of 3x32x32; files that are missing are downloaded.

    Raises:
        DataError: a file is missing and cannot be downloaded, or is damaged.
    """
    published = _published()
    wanted = f"place {' and '.join(FILES)} in {data_root}"
    fetch("SVHN", published, data_root, wanted=wanted, on_progress=on_progress)
    train, test = (_read(data_root / name) for name in FILES)
    return Source(
        train,
        test,
        tuple("0123456789"),
        "SVHN",
        "svhn",
        digest_of(train, test),
        warnings=unpublished(published, data_root, "SVHN"),
        where=data_root / FILES[0],
    )


def _published() -> list[RemoteFile]:
    from torchvision.datasets import SVHN

    listed: dict[str, list[str]] = SVHN.split_list
    return [RemoteFile(name, (url,), md5) for url, name, md5 in (listed["train"], listed["test"])]


def _read(path: Path) -> Images:
    """`X` (32, 32, 3, N) and `y` (N, 1) of one file."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    advice = "delete it, and it will be downloaded again"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a name that occurs twice, an unreadable one
            found: Mapping[str, object] = loadmat(str(path), variable_names=["X", "y"])
    except (
        MatReadError,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        NotImplementedError,
        zlib.error,
        Warning,
        MemoryError,
        OverflowError,
    ) as error:
        raise DataError(f"{path} is damaged ({error}); {advice}") from error
    pixels, labels = found.get("X"), found.get("y")
    if not isinstance(pixels, np.ndarray) or not isinstance(labels, np.ndarray):
        raise DataError(f"{path} lacks X or y; {advice}")
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[:3] != SHAPE:
        raise DataError(
            f"{path}: X is {pixels.dtype} {pixels.shape}, not bytes (32, 32, 3, images); {advice}"
        )
    digits = labels.reshape(-1).astype(np.int64)
    if len(digits) != pixels.shape[3] or not set(digits.tolist()) <= set(range(PUBLISHED_ZERO + 1)):
        raise DataError(f"{path}: y does not name a digit for each of {pixels.shape[3]:,} images; {advice}")
    images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)))
    return Images(images, torch.from_numpy(digits % PUBLISHED_ZERO))
