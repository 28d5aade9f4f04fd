"""The textbook loop under Lightning Fabric."""

from __future__ import annotations

import time
import warnings

import lightning
import torch
from lightning.fabric import Fabric
from torch.nn import functional

from benchmarks.training.result import Measured
from benchmarks.training.settings import Settings
from benchmarks.training.timing import timed
from benchmarks.training.torch_parts import adam, count, loaders, network, torch_versions


def measure(settings: Settings) -> Measured:
    """Train and evaluate; bf16 is `precision="bf16-mixed"`."""
    warnings.simplefilter("ignore")  # it advises more workers than cores
    half = settings.precision == "bf16"
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed" if half else "32-true")
    fabric.launch()
    model = network(settings)
    parameters = count(model)
    model, optimizer = fabric.setup(model, adam(model, settings))
    train, test = fabric.setup_dataloaders(*loaders(settings))
    seconds: list[float] = []
    for _ in range(settings.epochs):
        start = time.perf_counter()
        model.train()
        for images, labels in train:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(images), labels)
            fabric.backward(loss)
            optimizer.step()
        seconds.append(time.perf_counter() - start)

    def evaluate() -> float:
        model.eval()
        correct = 0
        with torch.no_grad():
            for images, labels in test:
                correct += int((model(images).argmax(1) == labels).sum())
        return correct / len(test.dataset)

    passes, accuracy = timed(evaluate, settings.evaluations)
    return Measured(
        train_seconds=tuple(seconds),
        epoch_seconds=tuple(seconds),
        evaluation_seconds=passes,
        train_images=settings.images,
        test_images=len(test.dataset),
        test_accuracy=accuracy,
        parameters=parameters,
        precision=settings.precision,
        versions={"lightning": lightning.__version__, **torch_versions()},
    )
