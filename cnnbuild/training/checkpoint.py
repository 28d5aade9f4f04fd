"""Weights and checkpoints: written whole or not at all, read without unpickling anything but tensors."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor, nn

from cnnbuild.errors import RunError
from cnnbuild.files import replace_file

CHECKPOINT_SCHEMA = 1


class Checkpoint(TypedDict):
    """All that a run needs to go on after `epoch` finished epochs and end with the same bits.

    `order_rng` is the generator of shuffling and augmentation, `cpu_rng` and `device_rng` torch's global ones
    (dropout). The learning rate follows from the position alone. `largest_loss` is -1 before the first batch.
    """

    schema: int
    seed: int
    epoch: int
    module: dict[str, Tensor]
    optimizer: dict[str, object]
    best_epoch: int
    best_module: dict[str, Tensor]
    epochs: list[dict[str, float | int | None]]
    largest_loss: float
    order_rng: Tensor
    cpu_rng: Tensor
    device_rng: Tensor | None


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
    in_memory = io.BytesIO()  # torch hides a full disk behind an error of its own
    torch.save(dict(content), in_memory)
    try:
        replace_file(path, in_memory.getbuffer())
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu").contiguous()
