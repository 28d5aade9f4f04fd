"""The time of `cnnbuild inspect` as a whole process, against torchinfo and fvcore on torchvision's model.

    python benchmarks/inspect_speed.py --rounds 9

Every round starts one process of each kind, in turn: Python itself, an import of torch and torchvision,
torchinfo's summary and fvcore's table of torchvision's ResNet, and `cnnbuild inspect` of the same network.
The medians of the rounds are compared. Then files of 250 to 5,000 layers are inspected.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from networks import flat, joined

ROOT = Path(__file__).parent.parent
PARAMETERS = {"resnet18": "11,689,512", "resnet50": "25,557,032", "resnet152": "60,192,808"}
SIZES = (250, 500, 1000, 2000, 5000)

TORCHINFO = """
import torchvision, torchinfo
model = torchvision.models.get_model({variant!r})
print(torchinfo.summary(model, input_size=(1, 3, 224, 224), verbose=0))
"""
FVCORE = """
import logging
import torch, torchvision
from fvcore.nn import FlopCountAnalysis, flop_count_table, parameter_count
logging.disable(logging.CRITICAL)
model = torchvision.models.get_model({variant!r}).eval()
print(flop_count_table(FlopCountAnalysis(model, torch.rand(1, 3, 224, 224)), max_depth=8))
print(format(parameter_count(model)[""], ","))
"""
CNNBUILD = """
import sys
sys.argv = ["cnnbuild", *{arguments!r}]
from cnnbuild.cli.main import main
main()
"""


def cnnbuild(*arguments: str) -> list[str]:
    """The command line of one `cnnbuild`."""
    return [sys.executable, "-c", CNNBUILD.format(arguments=arguments)]


def commands(variant: str) -> dict[str, list[str]]:
    """What is measured: a label and a command line each."""
    network = f"architectures/resnet.yaml@{variant}"
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import torch, torchvision": [sys.executable, "-c", "import torch, torchvision"],
        f"torchinfo {variant}": [sys.executable, "-c", TORCHINFO.format(variant=variant)],
        f"fvcore {variant}": [sys.executable, "-c", FVCORE.format(variant=variant)],
        f"cnnbuild inspect {variant}": cnnbuild(
            "inspect", network, "--input", "3x224x224", "--classes", "1000"
        ),
    }


def seconds_of(command: list[str], expected: str = "") -> float:
    """The wall-clock time of one process.

    Raises:
        RuntimeError: it failed, or did not print what is expected of it.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed packages have theirs, and so would this one
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    seconds = time.perf_counter() - start
    if done.returncode or expected not in done.stdout:
        raise RuntimeError(f"{expected} is missing from:\n{done.stdout[-2000:]}{done.stderr}")
    return seconds


def compare(variant: str, rounds: int) -> None:
    """Measure one network with every tool in turn, and print the medians."""
    measured = commands(variant)
    expected = [PARAMETERS[variant] if variant in label else "" for label in measured]
    for command in measured.values():
        seconds_of(command)  # fills the disk cache
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for (name, command), figure in zip(measured.items(), expected, strict=True):
            seconds[name].append(seconds_of(command, figure))
    print(f"\n| {variant}, seconds per process | median | best | worst | ratio to cnnbuild |")
    print("|---|---|---|---|---|")
    ours = statistics.median(seconds[f"cnnbuild inspect {variant}"])
    for name, times in seconds.items():
        middle = statistics.median(times)
        print(f"| {name} | {middle:.3f} | {min(times):.3f} | {max(times):.3f} | {middle / ours:.1f} |")


def grow(rounds: int) -> None:
    """Measure files of more and more layers, and print the medians."""
    print("\n| layers | a list, s | named and joined, s |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            medians = []
            for make in (flat, joined):
                path = Path(folder) / f"{make.__name__}{size}.yaml"
                path.write_text(make(size))
                command = cnnbuild("inspect", str(path), "--input", "3x32x32", "--classes", "10")
                medians.append(statistics.median(seconds_of(command) for _ in range(rounds)))
            print(f"| {size:,} | {medians[0]:.2f} | {medians[1]:.2f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--networks", nargs="*", default=["resnet18", "resnet152"], choices=list(PARAMETERS))
    arguments = parser.parse_args()
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "torchvision", "torchinfo", "fvcore")
    )
    print(f"machine   {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"versions  Python {platform.python_version()}, {versions}; medians of {arguments.rounds} rounds")
    for variant in arguments.networks:
        compare(variant, arguments.rounds)
    grow(max(3, arguments.rounds // 3))


if __name__ == "__main__":
    main()
