"""The batches of CIFAR-10's published archive, read without unpickling them.

Each batch is a pickle of a dictionary with `data`, an array of bytes (10000, 3072), and `labels`, a list of
numbers. Loading a pickle can run code, so only its operations are listed (`pickletools.genops`) and the two
values picked out.
"""

from __future__ import annotations

import pickletools

import numpy as np
import torch

from cnnbuild.data.dataset import Images
from cnnbuild.errors import DataError

PIXELS = 3 * 32 * 32
_TEXT = {
    "BINSTRING", "SHORT_BINSTRING", "STRING", "BINBYTES", "SHORT_BINBYTES", "BINUNICODE", "SHORT_BINUNICODE",
    "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip

_NUMBER = {"BININT", "BININT1", "BININT2", "INT", "LONG1"}


def read_batch(content: bytes, name: str) -> Images:
    """The images (N, 3, 32, 32) and labels of one batch.

    Raises:
        DataError: the content is not a batch of CIFAR-10.
    """
    pixels = b""
    labels: list[int] = []
    key = ""
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name in _TEXT:
                text = (
                    bytes(argument)
                    if isinstance(argument, bytes | bytearray)
                    else str(argument).encode("latin-1")
                )
                pixels = max(pixels, text, key=len)
                key = text.decode("latin-1") if len(text) < PIXELS else ""
            elif operation.name in _NUMBER and key == "labels":
                labels.append(int(argument or 0))
    except (ValueError, UnicodeError, IndexError) as error:
        raise DataError(f"{name} is not a batch of CIFAR-10: {error}") from error
    if not labels or len(pixels) != PIXELS * len(labels) or not set(labels) <= set(range(10)):
        raise DataError(
            f"{name} is not a batch of CIFAR-10: {len(labels)} labels, {len(pixels):,} bytes of pixels"
        )
    images = np.frombuffer(pixels, dtype=np.uint8).reshape(len(labels), 3, 32, 32)
    return Images(torch.from_numpy(images.copy()), torch.tensor(labels, dtype=torch.int64))
