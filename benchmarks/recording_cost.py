"""What recording costs: epochs with and without diagnostics, in one run, in alternation.

    python benchmarks/recording_cost.py --dataset mnist --pairs 10
    python benchmarks/recording_cost.py --dataset mnist --images 6000 --pairs 40
    python benchmarks/recording_cost.py --dataset digits --pairs 100

`architectures/simple_cnn.yaml`, batch 64, Adam, float32, one thread. Epochs come in pairs, with and without
gradients, updates and dead units, in random order inside each pair, so that what else the machine does falls
on both alike. Two answers, both as a share of the training time of an epoch without diagnostics:

- paired: the geometric mean of the ratio of times (training and probe, without evaluation), with a 95 %
  interval by bootstrap;
- inside: the time spent in the calls themselves, which the machine's noise disturbs less, but which does not
  see what they cost the code around them.

On the CPU the clock is the process's own CPU time, which does not count what other programs take; elsewhere
it is the time on the wall.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from cnnbuild.data.load import load_dataset  # noqa: E402 - the line above makes it importable
from cnnbuild.graph.data_contract import contract_of  # noqa: E402
from cnnbuild.graph.elaborate import elaborate  # noqa: E402
from cnnbuild.lang.architecture import read_architecture  # noqa: E402
from cnnbuild.lang.dataset import DatasetSettings  # noqa: E402
from cnnbuild.lang.recipe import Recipe  # noqa: E402
from cnnbuild.modules.build import build_module  # noqa: E402
from cnnbuild.training.diagnostics import Diagnostics, EpochDiagnostics  # noqa: E402
from cnnbuild.training.fit import fit  # noqa: E402
from cnnbuild.training.record import EpochRecord  # noqa: E402
from cnnbuild.training.seeding import seeded  # noqa: E402

RESAMPLES = 10_000


@dataclass
class Clock:
    """Whether the epoch under way is recorded, and the seconds of it: training, and inside the calls."""

    now: Callable[[], float]
    is_on: bool = True
    begin: float = 0.0
    training: float = 0.0
    inside: float = 0.0
    at_end: float = 0.0
    seconds: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    shares: list[float] = field(default_factory=list)

    def next_epoch(self, *, is_on: bool) -> None:
        """Begin an epoch."""
        self.inside, self.at_end, self.is_on, self.begin = 0.0, 0.0, is_on, self.now()

    def note(self) -> None:
        """Keep the numbers of the epoch that ends."""
        self.seconds[self.is_on].append(self.training + self.at_end)
        if self.is_on:
            self.shares.append((self.inside + self.at_end) / (self.training - self.inside))


def timed(clock: Clock) -> None:
    """Make every `Diagnostics` do nothing in epochs without recording, and count its time in the others."""
    before, after, epoch = Diagnostics.before_update, Diagnostics.after_update, Diagnostics.epoch

    def hook(original: Callable[[Diagnostics, int], None]) -> Callable[[Diagnostics, int], None]:
        def call(diagnostics: Diagnostics, step: int) -> None:
            if clock.is_on:
                begin = clock.now()
                original(diagnostics, step)
                clock.inside += clock.now() - begin

        return call

    def at_end(diagnostics: Diagnostics, number: int) -> EpochDiagnostics:
        begin = clock.now()
        clock.training = begin - clock.begin
        found = epoch(diagnostics, number) if clock.is_on else EpochDiagnostics(None, None)
        clock.at_end = clock.now() - begin
        return found

    Diagnostics.before_update = hook(before)
    Diagnostics.after_update = hook(after)
    Diagnostics.epoch = at_end


def interval(log_ratios: list[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the geometric mean ratio."""
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(log_ratios, k=len(log_ratios))) for _ in range(RESAMPLES))
    return math.exp(means[int(0.025 * RESAMPLES)]), math.exp(means[int(0.975 * RESAMPLES)])


def measure(options: argparse.Namespace, clock: Clock) -> None:
    """Train one network for two epochs per pair, after one to warm up."""
    named: dict[str, object] = {"name": options.dataset}
    if options.images is not None:
        named["train_images"] = options.images
    settings = DatasetSettings.model_validate(named)
    graph = elaborate(
        read_architecture(ROOT / "architectures" / "simple_cnn.yaml"),
        contract_of(settings, data_root=options.data_root),
    )
    dataset = load_dataset(settings, data_root=options.data_root)
    order = random.Random(0)
    plan = [True, *(on for _ in range(options.pairs) for on in order.sample([True, False], k=2))]
    left = iter([*plan[1:], True])

    def next_epoch(epoch: EpochRecord) -> None:
        if epoch.epoch > 1:
            clock.note()
        clock.next_epoch(is_on=next(left))

    with seeded(0):
        module = build_module(graph)
    print(f"data      {dataset.label}, {len(dataset.train):,} training images")
    recipe = Recipe.model_validate({"epochs": len(plan), "select": "last", "device": options.device})
    fit(module, dataset, recipe, seed=0, on_epoch=next_epoch)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--images", type=int, default=None, help="training images; all by default")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data-root", type=Path, default=None)
    options = parser.parse_args()
    torch.set_num_threads(1)
    clock = Clock(time.process_time if options.device == "cpu" else time.perf_counter)
    timed(clock)
    print(f"machine   {platform.machine()}, {os.cpu_count()} cores, 1 torch thread, device {options.device}")
    print(f"load      {os.getloadavg()[0]:.1f}, with whatever else the machine does")
    print(f"versions  Python {platform.python_version()}, torch {torch.__version__}")
    measure(options, clock)
    on, off = clock.seconds[True], clock.seconds[False]
    print(f"epoch     median {statistics.median(on):.4f} s with, {statistics.median(off):.4f} s without")
    log_ratios = [math.log(a / b) for a, b in zip(on, off, strict=True)]
    low, high = interval(log_ratios)
    mean = math.exp(statistics.fmean(log_ratios))
    print(f"paired    ratio {mean:.4f}, 95 % interval {low:.4f} to {high:.4f}, {len(on)} pairs")
    print(f"inside    {100 * statistics.median(clock.shares):.2f} % of the time (median of epochs)")


if __name__ == "__main__":
    main()
