"""How fast this machine trains a network: some real steps on random images, in about a second."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import gcd

import torch

from cnnbuild.data.augment import augment
from cnnbuild.data.dataset import Dataset, Images
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.lang.recipe import AugmentChoice, Recipe, Transform
from cnnbuild.modules.build import build_module
from cnnbuild.studies.plan import Cell
from cnnbuild.training.allocator import kept_memory
from cnnbuild.training.machine import choose_device, synchronize
from cnnbuild.training.run import Run, prepare_run
from cnnbuild.training.seeding import seeded
from cnnbuild.training.steps import take_step
from cnnbuild.training.threads import worthwhile_threads

MEASURE_SECONDS = 0.5  # of training steps; the warm-up and the building come to it
PASSES_SECONDS = 0.1
MOST_MACS_PER_STEP = 30e9  # a larger batch is measured by a part of it: a second or so on one core


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds for one image: of training, and of evaluation; and of a pass with a single image."""

    train: float
    evaluate: float
    single: float


def measure_speed(cell: Cell, *, threads: int) -> Speed:
    """How fast a cell's network trains with its batch size, optimiser and precision on this machine.

    Augmentation is that of the recipe, without what works in other processes. Nothing is kept, and the global
    generator is put back.

    Raises:
        RunError: the network cannot be trained; so do layer types of the user's own with whatever they raise.
    """
    recipe = _recipe_of(cell)
    contract = cell.graph.contract
    device = choose_device(recipe.device)
    with seeded(0), _threads(threads):
        module = build_module(cell.graph)
        run = prepare_run(
            module,
            _random_dataset(contract, max(recipe.batch_size, contract.classes)),
            recipe,
            seed=0,
            device=device,
            head_weights=cell.graph.head_weights,
        )
        image, _ = run.train.batch(run.fitted[:1])
        with worthwhile_threads(module, image, recipe.batch_size), kept_memory():
            return _speed_of(run)


def _speed_of(run: Run) -> Speed:
    """Means, not medians: what else the machine is busy with holds up the real runs too."""
    indices = run.fitted[: run.recipe.batch_size]

    def step(number: int) -> None:
        images, labels = run.train.batch(indices)
        images, targets = augment(images, labels, run.recipe.augment, run.order, classes=run.classes)
        take_step(run, images, targets, number)

    run.module.train()
    run.frozen.hold()
    train = _mean_seconds(step, run.device, MEASURE_SECONDS)
    images, _ = run.train.batch(indices)
    run.module.eval()
    with torch.inference_mode():
        evaluate = _mean_seconds(lambda _: run.execution.forward(images), run.device, PASSES_SECONDS)
        single = _mean_seconds(lambda _: run.execution.forward(images[:1]), run.device, PASSES_SECONDS)
    return Speed(train / len(indices), evaluate / len(indices), single)


def _mean_seconds(work: Callable[[int], object], device: torch.device, budget: float) -> float:
    """Of a piece of work that is repeated until the budget is used up; the first, which prepares, apart."""
    taken: list[float] = []
    begin = time.perf_counter()
    while len(taken) < 2 or time.perf_counter() - begin < budget:
        start = time.perf_counter()
        work(len(taken))
        synchronize(device)
        taken.append(time.perf_counter() - start)
        if taken[0] > 2 * budget:
            break  # so slow that what is prepared does not count
    return statistics.fmean(taken[1:] or taken)


def _recipe_of(cell: Cell) -> Recipe:
    """The recipe with all that a few steps can tell, and batches that they can afford."""
    recipe, accumulate = cell.recipe, cell.recipe.accumulate
    affordable = max(1, int(MOST_MACS_PER_STEP / max(1, 3 * cell.graph.macs)))
    parts = max(1, min(recipe.batch_size, affordable) // accumulate)
    batch_size = min(recipe.batch_size, max(2, parts) * accumulate)
    augment: tuple[AugmentChoice, ...] = tuple(
        one for one in recipe.augment if not isinstance(one.chosen, Transform)
    )
    changes: dict[str, object] = {
        "batch_size": batch_size,
        "accumulate": gcd(batch_size, accumulate),
        "augment": augment,
        "validation": 0.0,
        "select": "last",
        "stop_early": None,
        "compile": False,
        "data": "memory",
    }
    return recipe.model_copy(update=changes)


def _random_dataset(contract: DataContract, count: int) -> Dataset:
    images = torch.randint(0, 256, (count, *contract.shape), dtype=torch.uint8)
    part = Images(images, torch.arange(count) % contract.classes)
    names = tuple(str(n) for n in range(contract.classes))
    return Dataset(part, part, names, contract, "random images", "", {})


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
