"""The time of building and of inspecting every network of the zoo, against torchvision's constructors.

    python -m benchmarks.zoo --rounds 5

Building is what `cnnbuild.load(file).build(...)` does: the text of the file is read, elaborated and made into
modules with initial weights. In each round both networks are made once, in random order; compared is the
median of the rounds' ratios. Networks that torchvision does not have are compared with those that the tests
write by hand. Inspecting is reading, elaborating, and writing the whole table of `cnnbuild inspect`, without
the start of the process. Seconds are the processor's, which other work changes less than the clock's.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version

import torch

import cnnbuild
from tests.zoo.network import ARCHITECTURES, Network
from tests.zoo.networks import NETWORKS


def seconds_of(work: Callable[[], object]) -> float:
    """The processor's time for one call; what it made is let go after it."""
    gc.collect()
    start = time.process_time()
    made = work()
    seconds = time.process_time() - start
    del made
    return seconds


def build(network: Network) -> object:
    """The module of a network, from its file's text."""
    path = ARCHITECTURES / network.file
    loaded = cnnbuild.load(path, variant=network.variant)
    return loaded.build(input=network.shape, classes=network.classes)


def inspect(network: Network) -> str:
    """The table of a network, from its file's text."""
    loaded = cnnbuild.load(ARCHITECTURES / network.file, variant=network.variant)
    return str(loaded.inspect(input=network.shape, classes=network.classes))


def rounds_of(network: Network, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of building, of the other constructor and of inspecting, one each for every round."""
    asked: list[Callable[[], object]] = [lambda: build(network), network.make, lambda: inspect(network)]
    seconds: tuple[list[float], list[float], list[float]] = ([], [], [])
    order = random.Random(0)
    for _ in range(rounds):
        for number in order.sample(range(len(asked)), len(asked)):
            seconds[number].append(seconds_of(asked[number]))
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="parts of networks' names")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    chosen = [
        network
        for network in NETWORKS
        if not network.overrides
        and (not arguments.only or any(part in network.label for part in arguments.only))
    ]
    print(f"machine   {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision"))
    print(f"versions  Python {platform.python_version()}, {versions}")
    print(f"rounds    {arguments.rounds}, {arguments.threads} thread(s)\n")
    print("| network | build, ms | constructor, ms | ratio (least to most) | inspect, ms |")
    print("|---|---|---|---|---|")
    rounds_of(chosen[0], 1)  # imports
    ratios, totals = [], [0.0, 0.0, 0.0]
    for network in chosen:
        seconds = rounds_of(network, arguments.rounds)
        of_rounds = sorted(ours / theirs for ours, theirs in zip(*seconds[:2], strict=True))
        ratios.append(statistics.median(of_rounds))
        medians = [statistics.median(each) for each in seconds]
        totals = [total + median for total, median in zip(totals, medians, strict=True)]
        ours, theirs, shown = (f"{1000 * median:,.0f}" for median in medians)
        spread = f"{ratios[-1]:.2f} ({of_rounds[0]:.2f} to {of_rounds[-1]:.2f})"
        print(f"| {network.label} | {ours} | {theirs} | {spread} | {shown} |", flush=True)
    ours, theirs, shown = (f"{total:,.1f}" for total in totals)
    print(
        f"\n{len(chosen)} networks: built in {ours} s, by constructors in {theirs} s, inspected in {shown} s"
    )
    print(f"ratios: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
