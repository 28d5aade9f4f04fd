"""Which device each process trains on, and how exactly a graphics card computes there.

One process and one seed give the same bits again on the same CPU. A graphics card is asked for speed instead:
cuDNN measures which of its algorithms is fastest, and some of them add in an order that changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from cnnbuild.errors import UsageError
from cnnbuild.training.distributed import World
from cnnbuild.training.machine import choose_device


def device_of(wanted: Literal["auto", "cpu", "cuda", "mps"], world: World) -> torch.device:
    """The device of this process; `auto` takes CUDA, then MPS, then the CPU.

    Several processes take one CUDA device each, in the order of their local ranks, or share the CPU's cores;
    an Apple GPU is one device, and is not shared.

    Raises:
        UsageError: a device was named, or more devices were, than torch finds here.
    """
    if world.size == 1:
        return choose_device(wanted)
    if wanted == "mps":
        raise UsageError("several devices are CUDA devices or processes on the CPU; mps is one device")
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    choose_device("cuda")
    cards = torch.cuda.device_count()
    if world.local_rank >= cards:
        found = "1 CUDA device" if cards == 1 else f"{cards} CUDA devices"
        raise UsageError(f"torch finds {found} here; use fewer --devices, or device: cpu")
    return torch.device("cuda", world.local_rank)


def device_choices(device: torch.device, precision: Literal["fp32", "bf16", "fp16"]) -> dict[str, bool]:
    """How a CUDA device computes, as the run's record keeps it; elsewhere there is nothing to choose.

    `fp32` is IEEE single precision. TF32, which multiplies with 10 bits of mantissa, is for what bf16 and
    fp16 leave in fp32: there the recipe has asked for as few bits or fewer.
    """
    if device.type != "cuda":
        return {}
    return {"cudnn_benchmark": True, "tf32": precision != "fp32", "deterministic_algorithms": False}


@contextmanager
def chosen(device: torch.device, precision: Literal["fp32", "bf16", "fp16"]) -> Iterator[None]:
    """Within it `device_choices` are in force, and a numbered CUDA device is what cuda means."""
    choices = device_choices(device, precision)
    if not choices:
        yield
        return
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    try:
        if device.index is not None:
            torch.cuda.set_device(device)
        cudnn.benchmark = choices["cudnn_benchmark"]
        cudnn.allow_tf32 = matmul.allow_tf32 = choices["tf32"]
        yield
    finally:
        cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before
