"""Lightning's Trainer, with logger, progress bar, checkpoints and model summary off."""

from __future__ import annotations

import logging
import time
import warnings

import lightning
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn import functional

from benchmarks.training.result import Measured
from benchmarks.training.settings import Settings
from benchmarks.training.timing import timed
from benchmarks.training.torch_parts import adam, count, loaders, network, torch_versions


class Classifier(LightningModule):
    """The network with its training and test step."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.network = network(settings)
        self.correct = 0

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The loss of a batch."""
        images, labels = batch
        return functional.cross_entropy(self.network(images), labels)

    def test_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Count what is right."""
        images, labels = batch
        self.correct += int((self.network(images).argmax(1) == labels).sum())

    def configure_optimizers(self) -> torch.optim.Adam:
        """Adam."""
        return adam(self, self.settings)


class Clock(Callback):
    """The seconds of each training epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.start = 0.0

    def on_train_epoch_start(self, *_: object) -> None:
        """Start."""
        self.start = time.perf_counter()

    def on_train_epoch_end(self, *_: object) -> None:
        """Stop."""
        self.seconds.append(time.perf_counter() - self.start)


def measure(settings: Settings) -> Measured:
    """Train and evaluate; bf16 is `precision="bf16-mixed"`."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # it advises more workers than cores
    train, test = loaders(settings)
    module, clock = Classifier(settings), Clock()
    trainer = Trainer(
        max_epochs=settings.epochs,
        accelerator="cpu",
        devices=1,
        precision="bf16-mixed" if settings.precision == "bf16" else "32-true",
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        callbacks=[clock],
    )
    trainer.fit(module, train)

    def evaluate() -> float:
        module.correct = 0
        trainer.test(module, test, verbose=False)
        return module.correct / len(test.dataset)  # type: ignore[arg-type]

    passes, accuracy = timed(evaluate, settings.evaluations)
    return Measured(
        train_seconds=tuple(clock.seconds),
        epoch_seconds=tuple(clock.seconds),
        evaluation_seconds=passes,
        train_images=settings.images,
        test_images=len(test.dataset),  # type: ignore[arg-type]
        test_accuracy=accuracy,
        parameters=count(module),
        precision=settings.precision,
        versions={"lightning": lightning.__version__, **torch_versions()},
    )
