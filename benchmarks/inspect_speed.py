"""The time of `cnnbuild inspect` as a whole process, against torchinfo on torchvision's model.

    python benchmarks/inspect_speed.py --rounds 9

Every round starts one process of each kind, in turn: Python itself, an import of torch and torchvision,
torchinfo's summary of torchvision's ResNet, and `cnnbuild inspect` of the same network. The medians of the
rounds are compared.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent

TORCHINFO = """
import torchvision, torchinfo
model = torchvision.models.get_model({variant!r})
print(torchinfo.summary(model, input_size=(1, 3, 224, 224), verbose=0))
"""
CNNBUILD = """
import sys
sys.argv = "cnnbuild inspect architectures/resnet.yaml@{variant} --input 3x224x224 --classes 1000".split()
from cnnbuild.cli.main import main
main()
"""


def commands(variant: str) -> dict[str, list[str]]:
    """What is measured: a label and a command line each."""
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import torch, torchvision": [sys.executable, "-c", "import torch, torchvision"],
        f"torchinfo {variant}": [sys.executable, "-c", TORCHINFO.format(variant=variant)],
        f"cnnbuild inspect {variant}": [sys.executable, "-c", CNNBUILD.format(variant=variant)],
    }


def seconds_of(command: list[str]) -> float:
    """The wall-clock time of one process.

    Raises:
        RuntimeError: it failed, or printed nothing of a model.
    """
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stderr)
    if "resnet" in command[-1] and "25,557,032" not in done.stdout.replace("_", ","):
        raise RuntimeError(f"the parameters of resnet50 are missing from:\n{done.stdout[-2000:]}")
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    measured = commands("resnet50")
    for command in measured.values():
        seconds_of(command)  # fills the disk cache
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, command in measured.items():
            seconds[name].append(seconds_of(command))
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "torchinfo"))
    print(f"machine   {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"versions  Python {platform.python_version()}, {versions}")
    print(f"{'seconds per process':28}  median    best   worst   ({rounds} rounds)")
    for name, times in seconds.items():
        print(f"{name:28}  {statistics.median(times):6.3f}  {min(times):6.3f}  {max(times):6.3f}")
    *_, rival, ours = (statistics.median(times) for times in seconds.values())
    print(f"ratio of medians              {rival / ours:.1f}")


if __name__ == "__main__":
    main()
