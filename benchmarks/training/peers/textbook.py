"""The loop of every tutorial: torchvision's data set, ToTensor, Normalize, DataLoader, Adam."""

from __future__ import annotations

import time

import torch
from torch.nn import functional

from benchmarks.training.result import Measured
from benchmarks.training.settings import Settings
from benchmarks.training.timing import timed
from benchmarks.training.torch_parts import adam, count, loaders, network, torch_versions


def measure(settings: Settings) -> Measured:
    """Train and evaluate; bf16 is autocast's."""
    train, test = loaders(settings)
    model = network(settings)
    optimizer = adam(model, settings)
    half = settings.precision == "bf16"
    seconds: list[float] = []
    for _ in range(settings.epochs):
        start = time.perf_counter()
        model.train()
        for images, labels in train:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                loss = functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
        seconds.append(time.perf_counter() - start)

    def evaluate() -> float:
        model.eval()
        correct = 0
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            for images, labels in test:
                correct += int((model(images).argmax(1) == labels).sum())
        return correct / len(test.dataset)  # type: ignore[arg-type]

    passes, accuracy = timed(evaluate, settings.evaluations)
    return Measured(
        train_seconds=tuple(seconds),
        epoch_seconds=tuple(seconds),
        evaluation_seconds=passes,
        train_images=settings.images,
        test_images=len(test.dataset),  # type: ignore[arg-type]
        test_accuracy=accuracy,
        parameters=count(model),
        precision=settings.precision,
        versions=torch_versions(),
    )
