"""The time of building and of inspecting every network of the zoo, against torchvision's constructors.

    python -m benchmarks.zoo --rounds 7 --seconds 20 --table zoo.md

Building is what `cnnbuild.load(file).build(...)` does: the text of the file is read, elaborated and made into
modules with initial weights. In each round both networks are made once, in random order; compared is the
median of the rounds' ratios. Inspecting is reading, elaborating, and writing the whole table of `cnnbuild
inspect`, without the start of the process. GoogLeNet's and Inception-v3's constructors are asked not to draw
their weights a second time, which takes them many seconds. The networks for small images have no constructor
in torchvision; they are built and inspected only. Seconds are the processor's, which other work changes less
than the clock's. After `--seconds` of the clock a network begins no further round, so that the whole is
bounded: by 70 times that; mostly it takes a tenth of it.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

import cnnbuild
from tests.zoo import classic, modern, small_images
from tests.zoo.network import ARCHITECTURES, Network

HEAD = (
    "| network | build, ms | constructor, ms | ratio (least to most) | inspect, ms | rounds |\n"
    "|---|---|---|---|---|---|"
)
HEAD_SMALL = "| network | build, ms | inspect, ms | rounds |\n|---|---|---|---|"


@dataclass(frozen=True)
class Times:
    """Seconds of the processor, one of each for every round; no `constructor` for networks made by hand."""

    network: Network
    build: tuple[float, ...]
    inspect: tuple[float, ...]
    constructor: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Of building to constructing, the rounds from least to most."""
        return sorted(ours / theirs for ours, theirs in zip(self.build, self.constructor, strict=True))

    @property
    def row(self) -> str:
        """A row of the table, in milliseconds."""
        build, inspect = (f"{1e3 * statistics.median(each):,.0f}" for each in (self.build, self.inspect))
        rounds = len(self.build)
        if not self.constructor:
            return f"| {self.network.label} | {build} | {inspect} | {rounds} |"
        ratios = self.ratios
        ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        constructor = f"{1e3 * statistics.median(self.constructor):,.0f}"
        return f"| {self.network.label} | {build} | {constructor} | {ratio} | {inspect} | {rounds} |"


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


def times_of(network: Network, rounds: int, most_seconds: float, *, constructed: bool) -> Times:
    """At least one round, and no new one after so many seconds of the clock."""
    asked: list[Callable[[], object]] = [lambda: build(network), lambda: inspect(network)]
    if constructed:
        asked.append(network.make)
    seconds: list[list[float]] = [[] for _ in range(3)]
    order = random.Random(0)
    start = time.monotonic()
    while len(seconds[0]) < rounds and (not seconds[0] or time.monotonic() - start < most_seconds):
        for number in order.sample(range(len(asked)), len(asked)):
            seconds[number].append(seconds_of(asked[number]))
    return Times(network, *map(tuple, seconds))


def chosen(networks: Sequence[Network], only: Sequence[str]) -> list[Network]:
    """The published ones among some networks; `only` are parts of names."""
    return [n for n in networks if not n.overrides and (not only or any(part in n.label for part in only))]


def totals(of_torchvision: Sequence[Times], small: Sequence[Times]) -> Iterator[str]:
    """What all networks take together, from the medians of each."""

    def total(rows: Sequence[Times], name: str) -> str:
        return f"{sum(statistics.median(getattr(row, name)) for row in rows):,.1f} s"

    if of_torchvision:
        ratios = [statistics.median(row.ratios) for row in of_torchvision]
        yield (
            f"{len(of_torchvision)} networks of torchvision: built in {total(of_torchvision, 'build')}, "
            f"by constructors in {total(of_torchvision, 'constructor')}, "
            f"inspected in {total(of_torchvision, 'inspect')}"
        )
        above = sum(ratio > 1.5 for ratio in ratios)
        yield (
            f"ratios: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}; "
            f"{above} above 1.5"
        )
    if small:
        yield (
            f"{len(small)} networks for small images: built in {total(small, 'build')}, inspected in "
            f"{total(small, 'inspect')}"
        )
    rows = [*of_torchvision, *small]
    files = len({row.network.file for row in rows})
    yield f"all {files} files: built in {total(rows, 'build')}, inspected in {total(rows, 'inspect')}"


def main() -> None:
    """Measure, print, and write the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=20.0, help="after which a network gets no new round")
    parser.add_argument("--only", nargs="*", default=[], help="parts of networks' names")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", type=Path, help="write what is printed to this file too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    written: list[str] = []

    def say(line: str) -> None:
        written.append(line)
        print(line, flush=True)
        if options.table:
            options.table.write_text("\n".join(written) + "\n")

    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision"))
    load = os.getloadavg()[0]
    say(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, {options.threads} thread(s); ")
    say(f"Python {platform.python_version()}, {versions}; {options.rounds} rounds\n")
    groups: list[list[Times]] = []
    for networks, head, constructed in (
        ([*classic.NETWORKS, *modern.NETWORKS], HEAD, True),
        (small_images.NETWORKS, HEAD_SMALL, False),
    ):
        measured: list[Times] = []
        groups.append(measured)
        for network in chosen(networks, options.only):
            if not measured:
                say(head)
                times_of(network, 1, 0.0, constructed=constructed)  # imports
            measured.append(times_of(network, options.rounds, options.seconds, constructed=constructed))
            say(measured[-1].row)
        if measured:
            say("")
    if not any(groups):
        sys.exit("no network has such a name")
    for line in totals(*groups):
        say(f"- {line}")


if __name__ == "__main__":
    main()
