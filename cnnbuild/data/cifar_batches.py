"""The batches of CIFAR's published archives, read without unpickling them.

Each batch is a pickle of a dictionary with `data`, an array of bytes (N, 3072), and `labels` or
`fine_labels`, a list of numbers. Loading a pickle can run code, so only its operations are listed
(`pickletools.genops`) and the values picked out.
"""

from __future__ import annotations

import pickletools
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

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


def read_batch(
    content: bytes, name: str, *, title: str = "CIFAR-10", labels_under: str = "labels", classes: int = 10
) -> Images:
    """The images (N, 3, 32, 32) and labels of one batch.

    Raises:
        DataError: the content is not a batch of that data set.
    """
    pixels = b""
    labels: list[int] = []
    key = ""
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name in _TEXT:
                text = _as_bytes(argument)
                pixels = max(pixels, text, key=len)
                key = text.decode("latin-1") if len(text) < PIXELS else ""
            elif operation.name in _NUMBER and key == labels_under:
                labels.append(int(argument or 0))
    except (ValueError, UnicodeError, IndexError) as error:
        raise DataError(f"{name} is not a batch of {title}: {error}") from error
    if not labels or len(pixels) != PIXELS * len(labels) or not set(labels) <= set(range(classes)):
        raise DataError(
            f"{name} is not a batch of {title}: {len(labels)} labels, {len(pixels):,} bytes of pixels"
        )
    images = np.frombuffer(pixels, dtype=np.uint8).reshape(len(labels), 3, 32, 32)
    return Images(torch.from_numpy(images.copy()), torch.tensor(labels, dtype=torch.int64))


def read_class_names(content: bytes, name: str, *, under: str, classes: int) -> tuple[str, ...]:
    """The list of texts that a file of names holds under a key such as `fine_label_names`.

    Raises:
        DataError: there are not that many, or one occurs twice.
    """
    names: list[str] = []
    reading = False
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name in _TEXT:
                text = _as_bytes(argument).decode("utf-8")
                if text.endswith("label_names"):  # the keys of such a file
                    reading = text == under
                elif reading:
                    names.append(text)
    except (ValueError, UnicodeError, IndexError) as error:
        raise DataError(f"{name} is not a list of classes: {error}") from error
    if len(names) != classes or len(set(names)) != classes:
        raise DataError(f"{name} holds {len(set(names))} names of classes; expected {classes}")
    return tuple(names)


def _as_bytes(argument: object) -> bytes:
    return bytes(argument) if isinstance(argument, bytes | bytearray) else str(argument).encode("latin-1")


def read_members(place: Path, folder: str, names: Iterable[str]) -> dict[str, bytes]:
    """The named files of a folder, or of `folder` in an archive .tar.gz; nothing is unpacked.

    Raises:
        DataError: one is missing, or the archive is damaged.
    """
    contents: dict[str, bytes] = {}
    if place.is_dir():
        for name in names:
            try:
                contents[name] = (place / name).read_bytes()
            except OSError as error:
                raise DataError(f"{place / name} cannot be read: {error.strerror}") from error
        return contents
    try:
        with tarfile.open(place, "r|gz") as members:
            for member in members:
                name = member.name.removeprefix(f"{folder}/")
                file = members.extractfile(member) if member.isfile() and name in names else None
                if file is not None:
                    contents[name] = file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{place} is damaged ({error}); delete it, and it is downloaded again") from error
    if missing := [name for name in names if name not in contents]:
        raise DataError(f"{place} lacks {', '.join(missing)}")
    return contents
