"""What a run ran on: device, processor, memory, versions."""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import torch

from cnnbuild.errors import UsageError
from cnnbuild.version import __version__

PEAK_SLACK = 2**23  # bytes by which two counts of a process's memory may differ: the system counts in batches


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
    """Begin a new high-water mark where the device has one; see `reset_process_peak` for the process's."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def reset_process_peak() -> bool:
    """Begin a new high-water mark of this process's memory; whether the system can do that (Linux).

    Where the process has replaced its program since it began, the mark of the earlier program may stand.
    """
    if sys.platform != "linux":
        return False
    import resource

    try:
        Path("/proc/self/clear_refs").write_bytes(b"5")  # proc_pid_clear_refs(5): VmHWM becomes VmRSS
        resident = int(Path("/proc/self/statm").read_bytes().split()[1]) * resource.getpagesize()
    except OSError:
        return False
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 <= resident + PEAK_SLACK


def peak_memory(device: torch.device) -> tuple[int | None, Literal["device", "process"]]:
    """The high-water mark in bytes and whose it is; None where the system does not tell (Windows)."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device)), "device"
    if sys.platform == "win32":
        return None, "process"
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024, "process"  # macOS counts bytes, Linux kibibytes


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what was asked of it, so that a clock can be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
