"""Where a run's randomness comes from: one seed, and torch's global generators put back afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it, initial weights and dropout follow from `seed`; afterwards all generators are as before.

    Covers the CPU, every CUDA device and MPS.
    """
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    mps_state = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    with torch.random.fork_rng(devices=devices):
        if devices or mps_state is not None:
            torch.manual_seed(seed)
        else:  # the same without a word to each device that is not here, which takes longer than drawing
            torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            if mps_state is not None:
                torch.mps.set_rng_state(mps_state)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's global generators that a run on `device` draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_state(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Put the generators back to what `random_state` found."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states["mps"])


def derived_seed(seed: int, purpose: str) -> int:
    """A seed of its own for one purpose of a run, so that dropout does not repeat the numbers of the weights.

    >>> derived_seed(0, "order") == derived_seed(0, "dropout")
    False
    """
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
