"""The time of one training step: a module that cnnbuild built, against the same network written by hand.

    python benchmarks/step_time.py --pairs 40

ResNet-18 for 32x32 images, batch 64, SGD with momentum, float32, on the CPU. Both networks get the same
weights and the same images. Steps alternate in pairs, in random order inside each pair, so that what else the
machine does falls on both alike. The ratio of times is the geometric mean over the pairs, with a 95 %
interval by bootstrap. Before that, the operators of one forward and backward pass of both are compared, name
by name.
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
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from cnnbuild.graph.data_contract import DataContract  # noqa: E402 - the line above makes it importable
from cnnbuild.graph.elaborate import elaborate  # noqa: E402
from cnnbuild.lang.architecture import read_architecture  # noqa: E402
from cnnbuild.modules.build import build_module  # noqa: E402

BATCH = 64
THREADS = 2
RESAMPLES = 10_000


class BasicBlock(nn.Module):
    """As in torchvision.models.resnet, with relu not in place."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H / stride, W / stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        identity = x if self.downsample is None else self.downsample(x)
        return self.relu(out + identity)


class HandWritten(nn.Module):
    """ResNet-18 with one 3x3 convolution as its stem."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) to (N, 10)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Operators(TorchDispatchMode):
    """Notes the name of every operator that is run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, function, types, arguments=(), options=None):  # noqa: ANN001, ANN204
        """Run the operator and note its name."""
        self.names.append(str(function))
        return function(*arguments, **(options or {}))


def built() -> nn.Module:
    """The same network from architectures/resnet.yaml."""
    document = read_architecture(ROOT / "architectures" / "resnet.yaml")
    contract = DataContract("cifar10", 3, 32, 32, 10)
    return build_module(elaborate(document, contract, variant="resnet18", overrides={"stem": "cifar"}))


def operators_of(module: nn.Module, images: Tensor, labels: Tensor) -> list[str]:
    """The operators of one forward and backward pass, in order."""
    with Operators() as operators:
        functional.cross_entropy(module(images), labels).backward()
    module.zero_grad()
    return operators.names


def stepper(module: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], float]:
    """A function that trains one step and gives its seconds."""
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-3, momentum=0.9)

    def step() -> float:
        start = time.perf_counter()
        optimizer.zero_grad()
        functional.cross_entropy(module(images), labels).backward()
        optimizer.step()
        return time.perf_counter() - start

    return step


def interval(log_ratios: list[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the geometric mean ratio."""
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(log_ratios, k=len(log_ratios))) for _ in range(RESAMPLES))
    return math.exp(means[int(0.025 * RESAMPLES)]), math.exp(means[int(0.975 * RESAMPLES)])


def main() -> None:
    """Compare, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--channels-last", action="store_true", help="memory format of both")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    ours, theirs = built().to(memory_format=layout), HandWritten().to(memory_format=layout)
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    images = torch.randn(BATCH, 3, 32, 32).to(memory_format=layout)
    labels = torch.randint(10, (BATCH,))
    print(f"machine   {platform.machine()}, {os.cpu_count()} cores, {THREADS} torch threads")
    print(f"load      {os.getloadavg()[0]:.1f}, with whatever else the machine does")
    print(f"versions  Python {platform.python_version()}, torch {torch.__version__}")
    print(f"layout    {str(layout).removeprefix('torch.')}, batch {BATCH}")
    with torch.no_grad():
        difference = (ours.eval()(images) - theirs.eval()(images)).abs().max().item()
    ours.train()
    theirs.train()
    print(f"logits    differ by at most {difference:.1e}")
    our_operators, their_operators = (operators_of(m, images, labels) for m in (ours, theirs))
    same = "the same sequence" if our_operators == their_operators else "DIFFERENT sequences"
    print(f"operators {len(our_operators)} and {len(their_operators)}, {same}")
    for number, (a, b) in enumerate(zip(our_operators, their_operators, strict=False)):
        if a != b:
            print(f"          first difference at {number}: {a} and {b}")
            break
    steps = {"cnnbuild": stepper(ours, images, labels), "by hand": stepper(theirs, images, labels)}
    for step in steps.values():
        step()  # warm-up
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    order = random.Random(0)
    for _ in range(options.pairs):
        for name in order.sample(sorted(steps), k=2):
            seconds[name].append(steps[name]())
    log_ratios = [math.log(a / b) for a, b in zip(seconds["cnnbuild"], seconds["by hand"], strict=True)]
    low, high = interval(log_ratios)
    for name, times in seconds.items():
        print(
            f"{name:9} median {statistics.median(times):.3f} s, best {min(times):.3f} s of {len(times)} steps"
        )
    print(f"ratio     {math.exp(statistics.fmean(log_ratios)):.4f}, 95 % interval {low:.4f} to {high:.4f}")


if __name__ == "__main__":
    main()
