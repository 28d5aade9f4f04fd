"""The 1,797 handwritten digits of 8x8 pixels that come with scikit-learn: always there, offline."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from cnnbuild.data.dataset import Images, Source, digest_of
from cnnbuild.data.split import split_validation

LARGEST_PIXEL = 16  # the published values are 0 to 16
TEST_FRACTION = 0.2


@cache  # a text is parsed: longer than a small network trains
def load_digits() -> Source:
    """All digits, one fifth of each class for the test; pixels scaled to 0..255."""
    images, target = _published()
    pixels = torch.from_numpy(images).mul(255 / LARGEST_PIXEL).round().to(torch.uint8)
    whole = Images(pixels.unsqueeze(1), torch.from_numpy(target).to(torch.int64))  # (1797, 1, 8, 8)
    train, test = (whole.at(part) for part in split_validation(whole.labels, TEST_FRACTION))
    names = tuple(str(digit) for digit in range(10))
    return Source(train, test, names, "digits", "digits", digest_of(train, test))


def _published() -> tuple[np.ndarray, np.ndarray]:
    """The values (1797, 8, 8) and the digits (1797,), from scikit-learn's file, or asked of it.

    Its file is read where it lies, since importing scikit-learn takes over a second and 50 MB.
    """
    package = find_spec("sklearn")
    for folder in (package.submodule_search_locations or ()) if package is not None else ():
        file = Path(folder, "datasets", "data", "digits.csv.gz")
        if file.is_file():
            table = np.loadtxt(file, delimiter=",")
            return table[:, :-1].reshape(-1, 8, 8), table[:, -1]
    from sklearn import datasets

    published = datasets.load_digits()
    return published.images, published.target
