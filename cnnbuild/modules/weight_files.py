"""Files of weights read as tensors by name: safetensors, and torch's with nothing unpickled but tensors."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cnnbuild.errors import DataError, UsageError
from cnnbuild.files import write_asked_file
from cnnbuild.texts import shortened

SAFETENSORS = ".safetensors"
CONTAINERS = ("state_dict", "model_state_dict", "model")
"""Keys under which a training program keeps the weights beside other things."""
CHECKPOINT = b"cnnbuild checkpoint "
_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"
_HEADER_BYTES = 8
MAX_HEADER = 100_000_000  # bytes, as in safetensors' own reader


@dataclass(frozen=True, slots=True)
class FileOfWeights:
    """The tensors of a file, on the CPU, by their names in it.

    `container` is the key under which they were, beside other things; `sha256` is of the whole file.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    sha256: str
    container: str = ""


def file_of(path: Path) -> Path:
    """The file of weights that a path stands for: of a run's folder, its `weights.pt`.

    Raises:
        UsageError: there is no such file.
    """
    found = path / "weights.pt" if path.is_dir() else path
    if found.is_file():
        return found
    if path.is_dir():
        raise UsageError(
            f"{path} is a folder without weights.pt; name a file, or the folder of a finished run"
        )
    raise UsageError(f"{path}: there is no such file of weights")


def read_weights(path: Path) -> FileOfWeights:
    """The weights in a file, whatever its name: its first bytes say of which format it is.

    Raises:
        UsageError: there is no such file.
        DataError: it is damaged, cut off, or no file of weights.
    """
    path = file_of(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if content.startswith(CHECKPOINT):
        raise DataError(
            f"{path} is the checkpoint of an unfinished run; its weights.pt is there when it is done"
        )
    loaded = _safetensors(path, content) if _is_safetensors(content) else _torch_file(path, content)
    tensors, container = _unwrapped(path, loaded)
    return FileOfWeights(path, tensors, hashlib.sha256(content).hexdigest(), container)


def write_weights(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors by name, replaced as a whole: safetensors, or torch's format for `.pt` and `.pth`.

    Raises:
        UsageError: the name ends otherwise, or the file cannot be written.
    """
    plain = {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in tensors.items()}
    if path.suffix == SAFETENSORS:
        from safetensors.torch import save

        content: bytes | memoryview = save(plain)
    elif path.suffix in {".pt", ".pth"}:
        memory = io.BytesIO()
        torch.save(plain, memory)
        content = memory.getbuffer()
    else:
        raise UsageError(f"{path}: weights are written as {SAFETENSORS}, .pt or .pth; end the name so")
    write_asked_file(path, content)


def _is_safetensors(content: bytes) -> bool:
    """Whether a file begins as safetensors do: with the length of a header, and the header's brace."""
    return len(content) > _HEADER_BYTES and content[_HEADER_BYTES : _HEADER_BYTES + 1] == b"{"


def _safetensors(path: Path, content: bytes) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load

    (length,) = struct.unpack_from("<Q", content)
    there = len(content) - _HEADER_BYTES
    if length > min(there, MAX_HEADER):
        fault = f"its header should have {length:,} bytes, and {there:,} are there"
        raise DataError(f"{path} is cut off, or no safetensors file: {fault}")
    try:
        return dict(sorted(load(content).items()))
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, OverflowError) as error:
        raise DataError(f"{path} is damaged or cut off: {_first_line(error)}") from None


def _torch_file(path: Path, content: bytes) -> object:
    """What torch saved, by its own reader of tensors; a file that would run code is refused by it."""
    try:
        if content.startswith(_ZIP):
            _require_sound(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice on tensors that are refused here anyway
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except MemoryError:
        raise DataError(f"{path} asks for more memory than there is; it is damaged or made to harm") from None
    except Exception as error:  # noqa: BLE001 - torch's reader meets bytes of anyone with errors of any kind
        raise DataError(f"{path} {_why_not(error, content)}") from None


def _why_not(error: Exception, content: bytes) -> str:
    """Why torch's reader refused a file, in words that say what to do."""
    if "GLOBAL" in str(error) and content.startswith((_ZIP, _PICKLE)):  # it names something to call
        return (
            "holds more than tensors: pickled objects, which could run code when read, so nothing of it was "
            "read; save `model.state_dict()` alone"
        )
    return "is no file of weights (safetensors, or torch's), or it is damaged or cut off"


def _require_sound(content: bytes) -> None:
    """Check the sums of torch's zip file, and that nothing in it is compressed: torch looks at neither.

    Raises:
        ValueError: the content is not a file that torch wrote, or no longer.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in file.infolist()):
                raise ValueError("compressed")  # a bomb: torch stores tensors as they are
            damaged = file.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error) as error:
        raise ValueError(str(error)) from error
    if damaged is not None:
        raise ValueError(damaged)


def _unwrapped(path: Path, loaded: object) -> tuple[dict[str, Tensor], str]:
    """The tensors of what was read, and the key under which a training program has put them.

    Raises:
        DataError: there are none, or something else is among them.
    """
    container, found = "", {}
    if isinstance(loaded, Mapping) and not any(isinstance(value, Tensor) for value in loaded.values()):
        for key in CONTAINERS:
            if isinstance(loaded.get(key), Mapping):
                loaded = loaded[key]
                container = key
                break
    if not isinstance(loaded, Mapping) or not loaded:
        raise DataError(f"{path} holds no tensors by name; save `model.state_dict()`")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            other = f"{type(value).__name__} under '{shortened(str(name))}'"
            raise DataError(f"{path} holds more than tensors by name: {other}; save `model.state_dict()`")
        if value.layout is not torch.strided or value.is_quantized:
            raise DataError(f"{path}: '{shortened(name)}' is sparse or quantised; save plain tensors")
        found[name] = value
    return found, container


def _first_line(error: Exception) -> str:
    return shortened((str(error).strip().splitlines() or [type(error).__name__])[0])
