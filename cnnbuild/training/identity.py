"""Which run a checkpoint belongs to: everything that decides its bits, in words that can be compared."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping

import torch
from torch import nn

from cnnbuild.data.dataset import Dataset
from cnnbuild.errors import CheckpointError
from cnnbuild.training.run import Run

WITHOUT_EFFECT = frozenset({"keeps_freed_memory", "bf16_is_native"})  # choices that change no bit
MAX_SHOWN = 3  # differences that a message names
_ADDRESS = re.compile(r"0x[0-9a-f]+")  # what Python shows of an object without a description


def identity_of(run: Run, dataset: Dataset) -> dict[str, str]:
    """Seed, recipe, data, network, and what else the bits depend on: device, threads and torch's version."""
    entries = {"seed": str(run.seed), "data": dataset.fingerprint}
    entries |= _flat("recipe", run.recipe.plain())
    entries |= _flat("data", dataset.settings)
    entries |= _flat("head weight", dict(run.head_weights))
    for name, tensor in run.module.state_dict().items():
        entries[f"weights {name}"] = f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
    entries["layers"] = _layers_digest(run.module)
    entries["device"] = run.device.type
    entries["processes"] = str(run.world.size)
    entries["torch"] = str(torch.__version__)
    choices = {name: value for name, value in run.execution.choices().items() if name not in WITHOUT_EFFECT}
    entries |= _flat("execution", choices)
    if run.device.type == "cpu":
        entries["threads"] = str(torch.get_num_threads())
    return entries


def require_same_run(found: Mapping[str, str], expected: Mapping[str, str], path: object) -> None:
    """Refuse the checkpoint of another run.

    Raises:
        CheckpointError: the two differ; the message says in what.
    """
    names = [name for name in {**expected, **found} if found.get(name) != expected.get(name)]
    if not names:
        return
    shown = [
        f"{name} is {found.get(name, 'absent')} there and {expected.get(name, 'absent')} here"
        for name in names[:MAX_SHOWN]
    ]
    if len(names) > MAX_SHOWN:
        shown.append(f"{len(names) - MAX_SHOWN} more differ")
    raise CheckpointError(
        f"{path} is a checkpoint of another run: {'; '.join(shown)}. Nothing was changed: start the run that "
        "it belongs to, or remove it to begin this one anew"
    )


def _flat(prefix: str, value: object) -> dict[str, str]:
    """A nested mapping as one of dotted names."""
    if not isinstance(value, Mapping):
        return {prefix: json.dumps(value, default=str)}
    return {
        name: text for key, part in value.items() for name, text in _flat(f"{prefix}.{key}", part).items()
    }


def _layers_digest(module: nn.Module) -> str:
    """What the layers are apart from their weights: an activation or a stride can change without these."""
    digest = hashlib.sha256("\n".join(_layer_lines(module)).encode())
    return digest.hexdigest()[:16]


def _layer_lines(module: nn.Module) -> Iterator[str]:
    for name, child in module.named_modules():
        yield f"{name} {type(child).__qualname__} {_ADDRESS.sub('', child.extra_repr())}"
