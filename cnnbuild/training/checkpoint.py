"""Weights and checkpoints as files: written whole or not at all, read without unpickling but tensors.

A checkpoint begins with one line that holds the length and the SHA-256 of what follows, so that a file that
was cut short or changed by a single bit is known before any of it is used. The one before it stays beside it
as `<name>.previous`.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor, nn

from cnnbuild.errors import CheckpointError, RunError
from cnnbuild.files import flush_folder, move_over, replace_file

CHECKPOINT_SCHEMA = 2
MAGIC = b"cnnbuild checkpoint "
_REMEDY = "name another folder with --out"
_REMEDIES = {errno.ENOSPC: f"free space, or {_REMEDY}", errno.EDQUOT: f"free space, or {_REMEDY}"}


class Checkpoint(TypedDict):
    """All that a run needs to go on and end with the same bits.

    `identity` says which run it is, `hardware` what it ran on. `epochs` are the finished ones as plain data,
    `progress` the one that was under way, None between two epochs. `order_rng` is the generator of shuffling
    and augmentation, `random` holds torch's global ones (dropout). `processes` holds what each of several
    processes has of its own, (processes, ...). `parts` holds the state of whatever else a recipe asks for, by
    name.
    """

    identity: dict[str, str]
    hardware: str
    module: dict[str, Tensor]
    optimizer: dict[str, object]
    best_epoch: int
    best_module: dict[str, Tensor]
    epochs: list[dict[str, object]]
    progress: dict[str, object] | None
    parts: dict[str, dict[str, object]]
    steps: int
    images: int
    largest_loss: float | None
    seconds: float
    resumed: int
    warnings: list[str]
    order_rng: Tensor
    random: dict[str, Tensor]
    processes: dict[str, Tensor]


def save_weights(module: nn.Module, path: Path) -> None:
    """Write the state dictionary, on the CPU and in torch's default memory layout; parents are created.

    Raises:
        RunError: the file cannot be written.
    """
    write_atomically({name: _plain(tensor) for name, tensor in module.state_dict().items()}, path)


def write_atomically(content: Mapping[str, object], path: Path) -> None:
    """`torch.save`, the file replaced as a whole.

    Raises:
        RunError: the file cannot be written; what stood at `path` before still stands.
    """
    try:
        replace_file(path, _saved(content))
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error


def previous_of(path: Path) -> Path:
    """Where the checkpoint before the one at `path` is kept."""
    return path.with_name(f"{path.name}.previous")


def remove_checkpoint(path: Path) -> None:
    """Remove a checkpoint, the one before it, and what a killed process left of the next.

    Raises:
        RunError: one of them cannot be removed.
    """
    for file in (path, previous_of(path), _next_of(path)):
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{file} cannot be removed: {error.strerror}") from error


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint; the one that stood at `path` becomes the previous one once the new one is whole.

    Killed at any moment, a whole checkpoint stands at `path` or at `previous_of(path)`. Parents are created.

    Raises:
        RunError: the file cannot be written; the checkpoints that stood before still stand.
    """
    payload = _saved({**checkpoint})
    upcoming = _next_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with upcoming.open("wb") as file:
                file.write(_header(payload))
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            upcoming.unlink(missing_ok=True)
            raise
        if path.exists():
            move_over(path, previous_of(path))
        move_over(upcoming, path)
        flush_folder(path.parent)
    except OSError as error:
        advice = "the last checkpoint still stands: the same run, started again, goes on from it"
        if not path.exists() and not previous_of(path).exists():
            advice = f"there is no earlier checkpoint; {_REMEDIES.get(error.errno or 0, _REMEDY)}"
        raise RunError(f"{path} cannot be written: {error.strerror}; {advice}") from error


def read_checkpoint(path: Path) -> tuple[Checkpoint, str] | None:
    """The checkpoint to go on from and a warning ("" for none), or None where there is none.

    It is the previous one where the last is damaged (the warning says so), or where its writer was killed
    before the last one had its name.

    Raises:
        CheckpointError: what is there cannot be used.
    """
    faults: list[str] = []
    for file in (path, previous_of(path)):
        try:
            found = _read(file)
        except CheckpointError as error:
            faults.append(str(error))
            continue
        if found is None:
            continue
        if not faults:
            return found, ""
        return found, f"{faults[0]}; the run went on from the checkpoint before it"
    if not faults:
        return None
    raise CheckpointError(
        f"{'; '.join(faults)}. No other checkpoint of this run is there, and nothing was changed: put back a "
        "copy of it, or remove it to begin anew"
    )


def _read(path: Path) -> Checkpoint | None:
    """The checkpoint of one file, or None where there is no file.

    Raises:
        CheckpointError: the file cannot be read, or is not exactly what was written.
    """
    try:
        content = memoryview(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    line, _, _ = bytes(content[:200]).partition(b"\n")
    words = line.split()
    if not line.startswith(MAGIC) or len(words) != 5:
        raise CheckpointError(f"{path} is damaged: it does not begin like a checkpoint")
    if words[2] != str(CHECKPOINT_SCHEMA).encode() and words[2].isdigit():
        schema = words[2].decode()
        raise CheckpointError(
            f"{path} is a checkpoint of schema {schema}; this version reads {CHECKPOINT_SCHEMA}"
        )
    payload = content[len(line) + 1 :]
    if words[3].isdigit() and len(payload) < int(words[3]):
        raise CheckpointError(f"{path} is damaged: {len(payload):,} of {int(words[3]):,} bytes are there")
    if _header(payload) != line + b"\n":
        raise CheckpointError(f"{path} is damaged: its content and its checksum disagree")
    checkpoint: Checkpoint = torch.load(io.BytesIO(payload), weights_only=True, map_location="cpu")
    return checkpoint


def _next_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")


def _header(payload: memoryview) -> bytes:
    digest = hashlib.sha256(payload).hexdigest()
    return MAGIC + f"{CHECKPOINT_SCHEMA} {len(payload)} {digest}\n".encode()


def _saved(content: Mapping[str, object]) -> memoryview:
    in_memory = io.BytesIO()  # torch hides a full disk behind an error of its own
    torch.save(dict(content), in_memory)
    return in_memory.getbuffer()


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu").contiguous()
