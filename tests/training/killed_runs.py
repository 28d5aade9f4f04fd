"""Runs in processes of their own that are killed, and what they leave behind."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from cnnbuild.data.load import load_dataset
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training import epoch, keeping, steps
from cnnbuild.training.checkpoint import read_checkpoint
from cnnbuild.training.fit import fit
from cnnbuild.training.record import RunRecord
from cnnbuild.training.seeding import seeded

Result = TypeVar("Result")
FORKSERVER = "forkserver"
TIMES = {"seconds", "train_seconds", "resumed", "resumes"}  # what a run that was killed may differ in
OF_THE_MACHINE = {
    "latency",
    "peak_memory_bytes",
    "train_samples_per_second",
    "checkpoint_bytes",
    "environment",
}


def network() -> nn.Module:
    """Convolution, batch normalisation and dropout for the digits."""
    with seeded(1):
        return nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(96, 10),
        )


def train(settings: Mapping[str, object], checkpoint: Path | None) -> tuple[RunRecord, nn.Module]:
    """The run that the tests kill: 240 digits for a few epochs."""
    dataset = load_dataset(DatasetSettings(name="digits", train_images=240), data_root=None)
    recipe = Recipe.model_validate({"epochs": 3, "batch_size": 32, "device": "cpu", **settings})
    module = network()
    return fit(module, dataset, recipe, seed=3, checkpoint=checkpoint), module


def outcome(record: RunRecord, module: nn.Module, checkpoint: Path) -> dict[str, object]:
    """Everything a run ends with, apart from its times: record, weights, and all of the last checkpoint."""
    found = read_checkpoint(checkpoint)
    assert found is not None
    data = without(asdict(record), TIMES | OF_THE_MACHINE)
    return {"record": data, "weights": dict(module.state_dict()), "kept": without(found[0], TIMES)}


def without(data: object, names: set[str]) -> object:
    """Nested plain data without the entries of these names."""
    if isinstance(data, Mapping):
        return {key: without(value, names) for key, value in data.items() if key not in names}
    if isinstance(data, list | tuple):
        return [without(value, names) for value in data]
    return data


def differences(one: object, other: object, where: str = "") -> list[str]:
    """Where two nests of plain data and tensors differ in a bit."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if list(one) != list(other):
            return [f"{where}: {list(one)} and {list(other)}"]
        return [line for key in one for line in differences(one[key], other[key], f"{where}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            line
            for n, (a, b) in enumerate(zip(one, other, strict=True))
            for line in differences(a, b, f"{where}.{n}")
        ]
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        same = one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
        return [] if same else [where]
    return [] if one == other else [f"{where}: {one} and {other}"]


def die_at(moment: int) -> None:
    """Arrange that this process kills itself at its nth event: a step, an evaluation, or part of a write.

    At a flush only half of the file has reached the disk.
    """
    events = 0

    def counted(
        function: Callable[..., Result], before_death: Callable[[int], None] | None = None
    ) -> Callable[..., Result]:
        def wrapped(*args: object, **settings: object) -> Result:
            nonlocal events
            events += 1
            if events == moment:
                if before_death is not None:
                    before_death(*args)  # type: ignore[arg-type]
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **settings)

        return wrapped

    def halve(descriptor: int) -> None:
        about = os.fstat(descriptor)
        if stat.S_ISREG(about.st_mode):  # a folder is flushed too
            os.ftruncate(descriptor, about.st_size // 2)

    steps.training_loss = counted(steps.training_loss)
    epoch.score = counted(epoch.score)
    os.fsync = counted(os.fsync, halve)
    Path.replace = counted(Path.replace)  # type: ignore[method-assign]


def slow_writes() -> None:
    """Make every write to the disk last, so that a kill from outside falls into one."""
    flush = os.fsync

    def slow(descriptor: int) -> None:
        time.sleep(0.004)
        flush(descriptor)

    os.fsync = slow


def run_in_child(
    settings: Mapping[str, object], checkpoint: Path, result: Path, moment: int, seconds: float
) -> None:
    """What the child does: train, go on from the checkpoint, and write how it ended; or die at a moment."""
    torch.set_num_threads(1)
    keeping.CHECKPOINT_SECONDS = seconds
    if moment:
        die_at(moment)
    else:
        slow_writes()
    record, module = train(settings, checkpoint)
    torch.save(outcome(record, module, checkpoint), result)


def start(
    settings: Mapping[str, object], folder: Path, *, moment: int = 0, seconds: float = 0.0
) -> BaseProcess:
    """Start the run in a child that shares no state with this process; torch is loaded once for all of them."""
    context = multiprocessing.get_context(FORKSERVER)
    context.set_forkserver_preload(["tests.training.killed_runs", "sklearn.datasets", "torch._dynamo"])
    arguments = (settings, folder / "checkpoint.pt", folder / "result.pt", moment, seconds)
    child = context.Process(target=run_in_child, args=arguments)
    child.start()
    return child


def finish(
    settings: Mapping[str, object], folder: Path, moments: Sequence[int], *, seconds: float = 0.0
) -> dict[str, object]:
    """The outcome after a child died at each of the moments in turn and a last one came to the end."""
    for moment in moments:
        child = start(settings, folder, moment=moment, seconds=seconds)
        child.join()
        assert child.exitcode == -signal.SIGKILL, f"it ended with {child.exitcode} before event {moment}"
    child = start(settings, folder, moment=10**9, seconds=seconds)
    child.join()
    assert child.exitcode == 0
    return dict(torch.load(folder / "result.pt", weights_only=True))


def lifetime(settings: Mapping[str, object], folder: Path) -> float:
    """Seconds from the start of an undisturbed child to its end, the fork server's own start not among them."""
    start(settings, folder, moment=1).join()
    begin = time.perf_counter()
    start(settings, folder).join()
    return time.perf_counter() - begin


def kill_at_random(
    settings: Mapping[str, object], folder: Path, rng: random.Random, longest: float
) -> tuple[int, dict[str, object]]:
    """The outcome of a run that was killed from outside twice, and how many of the kills met it alive."""
    hits = 0
    for _ in range(2):
        child = start(settings, folder)
        child.join(timeout=rng.uniform(0, longest))
        if child.exitcode is None:
            child.kill()
            hits += 1
        child.join()
    return hits, finish(settings, folder, [])
