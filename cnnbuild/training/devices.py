"""Which device a process trains on, and how exactly a graphics card computes there.

One process and one seed give the same bits again on the same CPU; a graphics card is asked for speed instead:
cuDNN measures which of its algorithms is fastest, and some of them add in an order that changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from cnnbuild.errors import UsageError
from cnnbuild.training.distributed import ALONE, World


def device_of(wanted: Literal["auto", "cpu", "cuda", "mps"], world: World = ALONE) -> torch.device:
    """The device of this process; `auto` takes CUDA, then MPS, then the CPU.

    Several processes take one CUDA device each, in the order of their local ranks, or share the CPU's cores;
    an Apple GPU is one device, and is not shared.

    Raises:
        UsageError: a device was named, or more devices were, than torch finds here.
    """
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    alone = world.size == 1
    present = {"cuda": cards > 0, "mps": alone and torch.backends.mps.is_available(), "cpu": True}
    kind = next(name for name, here in present.items() if here) if wanted == "auto" else wanted
    if kind == "mps" and not alone:
        raise UsageError("several devices are CUDA devices or processes on the CPU; MPS is one device")
    if not present[kind]:
        raise UsageError(f"torch finds no {kind} device here; use device: auto or cpu")
    if kind != "cuda" or alone:
        return torch.device(kind)
    if world.local_rank >= cards:
        found = "1 CUDA device" if cards == 1 else f"{cards} CUDA devices"
        raise UsageError(f"torch finds {found} here; use fewer --devices, or device: cpu")
    return torch.device("cuda", world.local_rank)


@contextmanager
def prepared(device: torch.device, precision: Literal["fp32", "bf16", "fp16"]) -> Iterator[dict[str, bool]]:
    """What was chosen for the device, in force within the block; elsewhere than on CUDA nothing is chosen.

    `fp32` is IEEE single precision. TF32, which multiplies with 10 bits of mantissa, is used where the recipe
    has asked for as few or fewer anyway: for what bf16 and fp16 leave in fp32.
    """
    if device.type != "cuda":
        yield {}
        return
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    tf32 = precision != "fp32"
    try:
        if device.index is not None:
            torch.cuda.set_device(device)  # NCCL, and what names no device, use this one
        cudnn.benchmark = True
        cudnn.allow_tf32 = tf32
        matmul.allow_tf32 = tf32
        yield {"cudnn_benchmark": True, "tf32": tf32, "deterministic_algorithms": False}
    finally:
        cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before
