"""Files of weights read as tensors by name: safetensors, and torch's with nothing unpickled but tensors."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cnnbuild.errors import DataError, UsageError
from cnnbuild.files import write_asked_file
from cnnbuild.modules.torch_files import read_torch_file
from cnnbuild.texts import escaped, shortened

SAFETENSORS = ".safetensors"
CONTAINERS = ("state_dict", "model_state_dict", "model")
"""Keys under which a training program keeps the weights beside other things."""
CHECKPOINT = b"cnnbuild checkpoint "
_HEADER_BYTES = 8
MAX_FAULT = 120  # characters
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
    except MemoryError:
        raise DataError(f"{path} is larger than the memory there is") from None
    if not content:
        raise DataError(f"{path} is empty")
    if content.startswith(CHECKPOINT):
        raise DataError(
            f"{path} is the checkpoint of an unfinished run; its weights.pt is there when it is done"
        )
    loaded = _safetensors(path, content) if _is_safetensors(content) else read_torch_file(path, content)
    tensors, container = _unwrapped(path, loaded)
    return FileOfWeights(path, tensors, hashlib.sha256(content).hexdigest(), container)


def not_finite(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, int]]:
    """How many numbers of each tensor are NaN, and how many are infinite; without those of which none is."""
    found = {}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() or tensor.is_complex():
            numbers = tensor.float() if tensor.itemsize == 1 else tensor  # of a byte torch tells nothing
            counts = int(numbers.isnan().sum()), int(numbers.isinf().sum())
            if any(counts):
                found[name] = counts
    return found


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
        raise DataError(f"{path} is damaged or cut off: {_fault(error)}") from None


def _unwrapped(path: Path, loaded: object) -> tuple[dict[str, Tensor], str]:
    """The tensors of what was read, and the key under which a training program has put them.

    Raises:
        DataError: there are none, or something else is among them.
    """
    container, found = "", {}
    if isinstance(loaded, Mapping) and not any(isinstance(value, Tensor) for value in loaded.values()):
        holding = [key for key, value in loaded.items() if _is_of_tensors(value)]
        known = [key for key in CONTAINERS if isinstance(loaded.get(key), Mapping)]
        if not known and len(holding) > 1:
            listed = ", ".join(f"'{_quoted(key)}'" for key in holding)
            raise DataError(
                f"{path} holds tensors by name under {listed}; save one of them: "
                f"`torch.save(torch.load(FILE)['{_quoted(holding[0])}'], 'weights.pt')`"
            )
        if chosen := [*known, *holding]:
            loaded, container = loaded[chosen[0]], str(chosen[0])
    if not isinstance(loaded, Mapping) or not loaded:
        raise DataError(f"{path} holds no tensors by name; save `model.state_dict()`")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            other = f"{type(value).__name__} under '{_quoted(name)}'"
            raise DataError(f"{path} holds more than tensors by name: {other}; save `model.state_dict()`")
        if value.layout is not torch.strided or value.is_quantized:
            raise DataError(f"{path}: '{_quoted(name)}' is sparse or quantised; save plain tensors")
        found[name] = value
    return found, container


def _quoted(name: object) -> str:
    """A name in a file, which may be of any length and hold what a terminal obeys."""
    return escaped(shortened(str(name)))


def _is_of_tensors(value: object) -> bool:
    """Whether something is a dictionary of tensors by name, as a network's weights are."""
    if not isinstance(value, Mapping) or not value:
        return False
    return all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items())


def _fault(error: Exception) -> str:
    """What the reader of safetensors found, in a line."""
    if isinstance(error, KeyError):  # of its table of types
        return f"numbers of a type that torch's reader does not know: {shortened(str(error))}"
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return shortened(text.removeprefix("Error while deserializing: "), MAX_FAULT)
