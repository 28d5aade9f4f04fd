"""What a run ran on: device, processor, memory, versions."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import torch

from cnnbuild.errors import UsageError
from cnnbuild.system.memory import peak_bytes
from cnnbuild.version import __version__


def choose_device(wanted: Literal["auto", "cpu", "cuda", "mps"]) -> torch.device:
    """The device of a run; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        UsageError: a device was named that torch does not find here.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, here in present.items() if here))
    if not present[wanted]:
        raise UsageError(f"torch finds no {wanted} device here; use device: auto or cpu")
    return torch.device(wanted)


def hardware_name(device: torch.device) -> str:
    """The name of the graphics card, or of the processor."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return _processor_name()


@cache
def _processor_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in {"model name", "Model"}:
                return value.strip()
    return platform.processor() or platform.machine()


@cache
def _version_of(package: str) -> str:
    return version(package)  # which reads files


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"python": platform.python_version(), "torch": str(torch.__version__)}
    for package in ("torchvision", "numpy"):
        found[package] = _version_of(package)
    if torch.cuda.is_available():
        cudnn: object = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        found |= {"cuda": str(torch.version.cuda), "cudnn": str(cudnn)}
    return found | {"cnnbuild": __version__}


def reset_peak_memory(device: torch.device) -> None:
    """Begin a new high-water mark where the device has one; `system.memory` does it for the process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> tuple[int | None, Literal["device", "process"]]:
    """The high-water mark in bytes and whose it is; None where the system does not tell (Windows)."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device)), "device"
    return peak_bytes(), "process"


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what was asked of it, so that a clock can be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
