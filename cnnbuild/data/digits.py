"""The 1,797 handwritten digits of 8x8 pixels that come with scikit-learn: always there, offline."""

from __future__ import annotations

from functools import cache

import torch

from cnnbuild.data.dataset import Images, Source, digest_of
from cnnbuild.data.split import split_validation

LARGEST_PIXEL = 16  # the published values are 0 to 16
TEST_FRACTION = 0.2


@cache  # scikit-learn parses a text: longer than a small network trains
def load_digits() -> Source:
    """All digits, one fifth of each class for the test; pixels scaled to 0..255."""
    from sklearn import datasets

    published = datasets.load_digits()
    pixels = torch.from_numpy(published.images).mul(255 / LARGEST_PIXEL).round().to(torch.uint8)
    whole = Images(pixels.unsqueeze(1), torch.from_numpy(published.target).to(torch.int64))  # (1797, 1, 8, 8)
    train, test = (whole.at(part) for part in split_validation(whole.labels, TEST_FRACTION))
    names = tuple(str(digit) for digit in range(10))
    return Source(train, test, names, "digits", "digits", digest_of(train, test))
