"""Torch's own files read: nothing in them is called, and no more memory is asked for than they have bytes."""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch

from cnnbuild.errors import DataError
from cnnbuild.modules.torch_pickles import Asked, MoreThanTensorsError, SizesError
from cnnbuild.texts import shortened

_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"
_TENSORS = "data.pkl"
_LEGACY_PICKLES = (
    5  # a magic number, a version, sizes of the machine, the tensors, the keys of their storages
)
_DAMAGED = (
    ValueError, LookupError, TypeError, EOFError, NotImplementedError, RecursionError, AttributeError,
    zipfile.BadZipFile, zlib.error, struct.error, pickle.UnpicklingError,
)  # fmt: skip
"""What a damaged file, or a file of another kind, makes of its readers."""
NOT_WEIGHTS = "is no file of weights (safetensors, or torch's), or it is damaged or cut off"


def read_torch_file(path: Path, content: bytes) -> object:
    """What torch saved in a file, read by torch once it is known that the file holds what it says.

    Raises:
        DataError: it is no such file, is damaged, holds more than tensors, or asks for more than it holds.
    """
    try:
        _require_sound(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice on tensors that are refused here anyway
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except MoreThanTensorsError as error:
        raise DataError(f"{path} {_more_than_tensors(str(error))}") from None
    except SizesError as error:
        told = shortened(str(error))
        raise DataError(f"{path} says that it holds {told}: it is damaged, or made to harm") from None
    except MemoryError:
        raise DataError(f"{path} asks for more memory than there is; it is damaged or made to harm") from None
    except Exception as error:  # noqa: BLE001 - torch's reader meets bytes of anyone with errors of any kind
        if "GLOBAL" in str(error):  # it names something to call
            raise DataError(f"{path} {_more_than_tensors('')}") from None
        raise DataError(f"{path} {NOT_WEIGHTS}") from None


def _more_than_tensors(name: str) -> str:
    """What is said of a file that would run code, or might; `name` is of what it would call."""
    named = f" ({shortened(name)})" if name else ""
    return (
        f"holds more than tensors: pickled objects{named}, which could run code when read, so nothing of it "
        "was read; save `model.state_dict()` alone"
    )


def _require_sound(content: bytes) -> None:
    """Do nothing if a file holds all that its pickles ask for, and nothing that would be called.

    Raises:
        MoreThanTensorsError: something would be called.
        SizesError: it asks for more than it holds.
        ValueError: it is damaged.
    """
    asked = Asked()
    try:
        if content.startswith(_ZIP):
            _require_room_in_zip(asked, content)
        elif content.startswith(_PICKLE):
            file = io.BytesIO(content)
            for _ in range(_LEGACY_PICKLES):
                asked.read(file)
            _require_room(asked, {}, len(content) - file.tell())
        else:
            raise ValueError("neither a zip file nor a pickle")
    except _DAMAGED as error:
        raise ValueError(str(error)) from error


def _require_room_in_zip(asked: Asked, content: bytes) -> None:
    """The same of torch's zip files, whose sums are checked, too: torch looks at neither.

    Raises:
        ValueError: something in it is compressed, there twice, overlapping or damaged.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        entries = file.infolist()
        sizes = {entry.filename: entry.file_size for entry in entries}
        stored = all(
            e.compress_type == zipfile.ZIP_STORED and e.compress_size == e.file_size for e in entries
        )
        if not stored or len(sizes) < len(entries) or sum(sizes.values()) > len(content):
            raise ValueError("compressed")  # a bomb: torch stores tensors as they are
        damaged = file.testzip()
        if damaged is not None:
            raise ValueError(damaged)
        folder = entries[0].filename.partition("/")[0]
        with file.open(f"{folder}/{_TENSORS}") as pickled:
            asked.read(io.BytesIO(pickled.read()))
    there = {name.removeprefix(f"{folder}/data/"): size for name, size in sizes.items()}
    _require_room(asked, there, 0)


def _require_room(asked: Asked, there: Mapping[str, int], rest: int) -> None:
    """Do nothing if all storages are there: in the entries of their keys, or else in the `rest` of the file.

    Raises:
        SizesError: one is not.
    """
    for key, size in asked.storages.items():
        room = there.get(key, rest)
        if size > room:
            raise SizesError(f"{size:,} bytes of numbers where there are {room:,}")
    if rest and sum(asked.storages.values()) > rest:
        raise SizesError(f"{sum(asked.storages.values()):,} bytes of numbers where there are {rest:,}")
