"""Training and evaluation on one processor: the textbook loop, cnnbuild's forms, and the machine's peak.

    python benchmarks/step_forms.py --network simple_cnn --threads 1 --rounds 9

Every contender trains the same network with Adam on the same random bytes, data path included: the textbook
loop as torchvision's data sets and a DataLoader give them (PIL image, ToTensor, Normalize; crop and flip for
colour), cnnbuild's as its engine does. Contenders are processes that alternate in random order; figures are
medians over the rounds. With one thread they are of the processor's time, which other programs disturb less
than the clock's; otherwise of the clock's.

The peak is the fastest matrix product of 1024 x 1024 found on as many threads; a step's arithmetic is 2 per
multiply-add of the forward and the backward pass, as torch counts them.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from cnnbuild.data.augment import augment  # noqa: E402
from cnnbuild.data.batches import BatchSource, measure_normalization, shuffled_batches  # noqa: E402
from cnnbuild.data.dataset import Images  # noqa: E402
from cnnbuild.graph.data_contract import DataContract  # noqa: E402
from cnnbuild.graph.elaborate import elaborate  # noqa: E402
from cnnbuild.lang.architecture import read_architecture  # noqa: E402
from cnnbuild.lang.recipe import Recipe  # noqa: E402
from cnnbuild.modules.build import build_module  # noqa: E402
from cnnbuild.training.allocator import kept_memory  # noqa: E402
from cnnbuild.training.evaluate import predict  # noqa: E402
from cnnbuild.training.execution import prepare_execution  # noqa: E402
from cnnbuild.training.heads import training_loss  # noqa: E402
from cnnbuild.training.optimizers import make_optimizer  # noqa: E402

CPU = torch.device("cpu")
CLASSES, COLOURS = 10, 3
SIDE = 1024  # of the matrices
CROP_PADDING = 4
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Contender:
    """Functions that train on all images once and that evaluate them once."""

    train: Callable[[], None]
    evaluate: Callable[[], None]


class Pictures(Dataset):
    """Bytes as torchvision's MNIST and CIFAR10 give them: a PIL image, transformed, and a label."""

    def __init__(self, images: Images, steps: Callable[[Image.Image], Tensor]) -> None:
        self.images = images.images.permute(0, 2, 3, 1).squeeze(-1).numpy()
        self.labels = images.labels.tolist()
        self.steps = steps

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """The image and the label at a place."""
        return self.steps(Image.fromarray(self.images[index])), self.labels[index]


def network(name: str, contract: DataContract) -> nn.Module:
    """A network from architectures/, the same weights each time."""
    torch.manual_seed(0)
    return build_module(elaborate(read_architecture(ROOT / "architectures" / f"{name}.yaml"), contract))


def textbook(module: nn.Module, images: Images, batch_size: int) -> Contender:
    """torchvision, DataLoader, Adam, as tutorials write it."""
    channels = images.images.shape[1]
    still = [transforms.ToTensor(), transforms.Normalize((0.5,) * channels, (0.25,) * channels)]
    moved = [transforms.RandomCrop(images.images.shape[-1], CROP_PADDING), transforms.RandomHorizontalFlip()]
    steps = transforms.Compose([*(moved if channels == COLOURS else []), *still])
    fitted = DataLoader(Pictures(images, steps), batch_size, shuffle=True)
    tested = DataLoader(Pictures(images, transforms.Compose(still)), batch_size)
    optimizer = torch.optim.Adam(module.parameters())

    def train() -> None:
        module.train()
        for batch, labels in fitted:
            optimizer.zero_grad()
            loss = functional.cross_entropy(module(batch), labels)
            loss.backward()
            optimizer.step()
            loss.item()

    def evaluate() -> None:
        module.eval()
        with torch.no_grad():
            correct = sum((module(batch).argmax(1) == labels).sum().item() for batch, labels in tested)
        if correct < 0:
            raise ValueError(correct)

    return Contender(train, evaluate)


def engine(module: nn.Module, images: Images, recipe: Recipe) -> Contender:
    """What one epoch of cnnbuild's engine does, and its evaluation."""
    module.to(memory_format=torch.channels_last)
    source = BatchSource(images, measure_normalization(images.images), CPU, channels_last=True)
    form = prepare_execution(module, recipe, CPU, source.batch(torch.arange(1))[0])
    optimizer = make_optimizer(recipe, module)
    order = torch.Generator().manual_seed(0)

    def train() -> None:
        module.train()
        for indices in shuffled_batches(len(source), recipe.batch_size, order):
            batch, labels = source.batch(indices)
            batch, targets = augment(batch, labels, recipe.augment, order, classes=CLASSES)
            loss = training_loss(form.forward(batch), targets, label_smoothing=0.0, head_weights={})
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss.item()

    def evaluate() -> None:
        predict(module, source, torch.arange(len(source)), forward=form.forward)

    return Contender(train, evaluate)


def clock_of(threads: int) -> Callable[[], float]:
    """Of the processor's time, or of the clock's where several threads share the work."""
    return time.process_time if threads == 1 else time.perf_counter


def peak(precision: str, clock: Callable[[], float], seconds: float = 1.0) -> float:
    """The most operations per second of a matrix product, two for each multiply-add."""
    a, b = (torch.randn(SIDE, SIDE, dtype=DTYPES[precision]) for _ in "ab")
    best = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = clock()
        a @ b
        best = min(best, clock() - start)
    return 2 * SIDE**3 / best


def operations(module: nn.Module, shape: tuple[int, ...]) -> tuple[int, int]:
    """Operations for one image: of a training step, and of an evaluation."""
    counts = []
    for training in (True, False):
        module.train(training)
        images = torch.rand(2, *shape)
        with FlopCounterMode(display=False) as counter:
            output = module(images)
            if training:
                training_loss(output, torch.arange(2), label_smoothing=0.0, head_weights={}).backward()
        module.zero_grad()
        counts.append(counter.get_total_flops() // 2)
    return counts[0], counts[1]


@dataclass(frozen=True)
class Options:
    """What is measured."""

    network: str
    shape: tuple[int, int, int]
    batch_size: int
    images: int
    threads: int


def contract_of(options: Options) -> DataContract:
    """Random bytes of the asked shape."""
    return DataContract("random bytes", *options.shape, CLASSES)


def serve(name: str, options: Options, pipe: Connection) -> None:
    """A process of its own for one contender: trains and evaluates once for each word that comes in.

    Its allocator is its own too: what cnnbuild sets does not reach the textbook loop.
    """
    torch.set_num_threads(options.threads)
    clock = clock_of(options.threads)
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (options.images, *options.shape), dtype=torch.uint8, generator=draw)
    images = Images(pixels, torch.randint(0, CLASSES, (options.images,), generator=draw))
    module = network(options.network, contract_of(options))
    if name == "textbook":
        contender, keeping = textbook(module, images, options.batch_size), nullcontext(False)
    else:
        steps = [{"random_crop": {"padding": CROP_PADDING}}, "horizontal_flip"]
        settings = {"batch_size": options.batch_size, "precision": name}
        if options.shape[0] == COLOURS:
            settings["augment"] = steps
        contender, keeping = engine(module, images, Recipe.model_validate(settings)), kept_memory()
    with keeping:
        while pipe.recv():
            seconds = []
            for run in (contender.train, contender.evaluate):
                begin = clock()
                run()
                seconds.append(clock() - begin)
            pipe.send(seconds)


def measure(options: Options, rounds: int) -> dict[str, list[list[float]]]:
    """The seconds of training and of evaluation of each contender, in each round after a warm-up."""
    processes = get_context("spawn")
    names = ["textbook", *DTYPES]
    pipes: dict[str, Connection] = {}
    for name in names:
        pipes[name], theirs = processes.Pipe()
        processes.Process(target=serve, args=(name, options, theirs), daemon=True).start()
    order = random.Random(0)
    seconds: dict[str, list[list[float]]] = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in order.sample(names, k=len(names)):
            pipes[name].send(True)
            found = pipes[name].recv()
            if number > 0:
                seconds[name].append(found)
    for pipe in pipes.values():
        pipe.send(False)
    return seconds


def report(options: Options, seconds: dict[str, list[list[float]]], peaks: dict[str, float]) -> None:
    """Print samples per second, the ratio to the textbook in the same round, and to the peak."""
    work = operations(network(options.network, contract_of(options)), options.shape)
    for place, what in enumerate(("train", "evaluate")):
        for name, rounds in seconds.items():
            times = [found[place] for found in rounds]
            ratios = [
                theirs[place] / found[place]
                for theirs, found in zip(seconds["textbook"], rounds, strict=True)
            ]
            speed = options.images / statistics.median(times)
            top = peaks.get(name, peaks["fp32"])
            print(
                f"{what:8} {name:8} {speed:8,.0f} samples/s  {statistics.median(ratios):5.2f}x textbook  "
                f"{speed * work[place] / 1e9:6.1f} GFLOP/s = {speed * work[place] / top:4.0%} of the peak"
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="simple_cnn")
    parser.add_argument("--colour", action="store_true", help="3x32x32 with crop and flip, not 1x28x28")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--images", type=int, default=1_280)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    shape = (COLOURS, 32, 32) if chosen.colour else (1, 28, 28)
    options = Options(chosen.network, shape, chosen.batch_size, chosen.images, chosen.threads)
    torch.set_num_threads(options.threads)
    print(f"{platform.machine()}, {options.threads} threads, torch {torch.__version__}")
    print(f"load {os.getloadavg()[0]:.1f}, with whatever else the machine does")
    print(f"{options.network}, {shape}, batch {options.batch_size}, {options.images} images")
    peaks = {precision: peak(precision, clock_of(options.threads)) for precision in DTYPES}
    print("matrix product " + ", ".join(f"{name} {value / 1e9:.0f} GFLOP/s" for name, value in peaks.items()))
    report(options, measure(options, chosen.rounds), peaks)


if __name__ == "__main__":
    main()
