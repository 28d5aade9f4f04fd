"""In which number format a network is computed; parameters and their gradients stay in fp32."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import torch

from cnnbuild.errors import UsageError

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]

DTYPES: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}

# multiply-adds of one module for one batch, on average, from which bf16 pays for its casts
WORTH_BF16 = {"cpu": 5_000_000, "cuda": 100_000_000}
CPU_BF16 = ("avx512_bf16", "amx_bf16", "sve_bf16", "bf16")  # as torch and /proc/cpuinfo call them
FIRST_CUDA_BF16 = (8, 0)  # Ampere


def choose_precision(
    wanted: Literal["auto", "fp32", "bf16", "fp16"], device: torch.device, work: int
) -> Precision:
    """The precision of a run; `work` is the mean multiply-adds of one module for one batch.

    `auto` is bf16 where the device computes it natively and the network has enough to compute, and fp32
    otherwise. Nothing else decides: not the time, not the load.

    Raises:
        UsageError: fp16 was asked for where no gradient can be scaled.
    """
    if wanted == "fp16" and device.type != "cuda":
        raise UsageError(f"precision: fp16 needs a CUDA device, not {device.type}; use bf16 or auto")
    if wanted != "auto":
        return wanted
    worth = WORTH_BF16.get(device.type)
    return "bf16" if worth is not None and work >= worth and native_bf16(device) else "fp32"


def native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 numbers itself, rather than through fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.get_device_capability(device) >= FIRST_CUDA_BF16)
    if device.type != "cpu":
        return False
    return any(flag in _processor_flags() for flag in CPU_BF16)


def _processor_flags() -> frozenset[str]:
    if hasattr(torch.cpu, "get_capabilities"):
        return frozenset(name for name, value in torch.cpu.get_capabilities().items() if value is True)
    information = Path("/proc/cpuinfo")
    if not information.is_file():
        return frozenset()
    return frozenset(information.read_text(encoding="utf-8", errors="replace").split())
