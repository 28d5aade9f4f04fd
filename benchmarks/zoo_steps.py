"""The time of a training step of networks of the zoo, against the same step of torchvision's own modules.

    python -m benchmarks.zoo_steps --pairs 30 --seconds 90

A sample of families, batch 16 of small images, SGD with momentum, float32. Both networks get the same weights
and images, and steps alternate in pairs, as in `benchmarks/step_time.py`. What is asked: the 95 % interval of
the ratio reaches down to 1.02 or below, and both run the same operators; torchvision's in-place ones count as
those that they stand for. No network gets more than `--seconds`.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import random
import statistics
import time
from collections import Counter

import torch
from torch import nn

from benchmarks.step_time import interval, operators_of, stepper
from cnnbuild.modules.build import build_module
from tests.zoo.comparison import copy_weights
from tests.zoo.network import Network
from tests.zoo.networks import NETWORKS

BATCH = 16
LARGEST = 1.02  # to which the interval of the ratio must reach down
SAMPLE = (
    "resnet_imagenet-resnet18",
    "squeezenet-squeezenet1_1",
    "densenet-densenet121",
    "mobilenet_v2-imagenet",
    "mobilenet_v3-mobilenet_v3_small",
    "shufflenet_v2-shufflenet_v2_x0_5",
    "efficientnet-efficientnet_b0",
    "googlenet-without_heads",
    "regnet-regnet_y_400mf",
)


def both(network: Network) -> tuple[nn.Module, nn.Module]:
    """Our module and torchvision's, with the same weights, in training."""
    graph = network.graph(network.small)
    ours, theirs = build_module(graph), network.make()
    copy_weights(theirs, ours, graph)
    return ours.train(), theirs.train()


def compared(network: Network, pairs: int, most_seconds: float) -> str:
    """A row of the table; at least 3 pairs, and no new one after so many seconds."""
    ours, theirs = both(network)
    images = torch.randn(BATCH, *network.small)
    labels = torch.randint(network.classes, (BATCH,))
    names = [
        [name.replace("_.", ".") for name in operators_of(module, images, labels)]
        for module in (ours, theirs)
    ]
    order = "the same" if names[0] == names[1] else "in another order"
    same = order if Counter(names[0]) == Counter(names[1]) else differing(*map(Counter, names))
    steps = (stepper(ours, images, labels), stepper(theirs, images, labels))
    for step in steps:
        step()  # warm-up
    seconds: tuple[list[float], list[float]] = ([], [])
    draw, start = random.Random(0), time.monotonic()
    while len(seconds[0]) < pairs and (len(seconds[0]) < 3 or time.monotonic() - start < most_seconds):
        for number in draw.sample((0, 1), 2):
            seconds[number].append(steps[number]())
    ratios = [math.log(mine / other) for mine, other in zip(*seconds, strict=True)]
    low, high = interval(ratios)
    mine, other = (f"{1e3 * statistics.median(each):,.0f}" for each in seconds)
    ratio = f"{math.exp(statistics.fmean(ratios)):.3f} | {low:.3f} to {high:.3f}"
    holds = "yes" if low <= LARGEST else "no"
    return f"| {network.label} | {len(seconds[0])} | {mine} | {other} | {ratio} | {holds} | {same} |"


def differing(ours: Counter[str], theirs: Counter[str]) -> str:
    """How many operators only one of two networks runs."""
    return f"{(ours - theirs).total():,} others for {(theirs - ours).total():,} of {theirs.total():,}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=90.0, help="after which a network gets no new pair")
    parser.add_argument("--only", nargs="*", default=[], help="parts of names, in place of the sample")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, {options.threads} thread(s); ")
    print(f"Python {platform.python_version()}, torch {torch.__version__}; batch {BATCH}\n")
    print("| network | pairs | ours, ms | torchvision, ms | ratio | 95 % interval | holds | operators |")
    print("|---" * 8 + "|")
    for network in NETWORKS:
        asked = any(part in network.label for part in options.only)
        if asked if options.only else network.label in SAMPLE:
            print(compared(network, options.pairs, options.seconds), flush=True)


if __name__ == "__main__":
    main()
