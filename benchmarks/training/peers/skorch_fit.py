"""skorch's NeuralNetClassifier: MNIST as arrays in memory, CIFAR-10 as the data set that crops and flips."""

from __future__ import annotations

import time

import numpy as np
import skorch
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from benchmarks.training.images import load_arrays
from benchmarks.training.result import Measured, SkippedError
from benchmarks.training.settings import Settings
from benchmarks.training.timing import timed
from benchmarks.training.torch_parts import count, datasets, network, normalized, torch_versions


class Clock(Callback):
    """The seconds of each training epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.start = 0.0

    def on_epoch_begin(self, _net: object, **_: object) -> None:
        """Start."""
        self.start = time.perf_counter()

    def on_epoch_end(self, _net: object, **_: object) -> None:
        """Stop."""
        self.seconds.append(time.perf_counter() - self.start)


def measure(settings: Settings) -> Measured:
    """Train and evaluate; bf16 is Accelerate's, by skorch's own mixin."""
    clock = Clock()
    module = network(settings)
    versions = {"skorch": skorch.__version__, **torch_versions()}
    kind, options = NeuralNetClassifier, {}
    if settings.precision == "bf16":
        kind, options, versions["accelerate"] = _accelerated()
    net = kind(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=settings.lr,
        optimizer__betas=(settings.beta_1, settings.beta_2),
        optimizer__eps=settings.eps,
        max_epochs=settings.epochs,
        batch_size=settings.batch_size,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=settings.evaluation_batch_size,
        train_split=None,
        callbacks=[("clock", clock)],
        classes=list(range(10)),
        verbose=0,
        **options,
    )
    found = load_arrays(settings)
    if settings.dataset == "mnist":
        test = normalized(found.test_images, settings)
        net.fit(normalized(found.train_images, settings), found.train_labels)
    else:
        train, test = datasets(settings)
        net.fit(train, None)
    passes, accuracy = timed(
        lambda: float(np.mean(net.predict(test) == found.test_labels)), settings.evaluations
    )
    seconds = tuple(dict(net.callbacks)["clock"].seconds)
    return Measured(
        train_seconds=seconds,
        epoch_seconds=seconds,
        evaluation_seconds=passes,
        train_images=settings.images,
        test_images=len(found.test_labels),
        test_accuracy=accuracy,
        parameters=count(net.module_),
        precision=settings.precision,
        versions=versions,
    )


def _accelerated() -> tuple[type[NeuralNetClassifier], dict[str, object], str]:
    """The classifier with skorch's AccelerateMixin, its options, and Accelerate's version."""
    try:
        import accelerate
        from skorch.hf import AccelerateMixin
    except ModuleNotFoundError as error:
        raise SkippedError("its bf16 needs accelerate, which is not installed") from error

    class AcceleratedNet(AccelerateMixin, NeuralNetClassifier):
        """As skorch's documentation says it."""

    options = {"accelerator": accelerate.Accelerator(cpu=True, mixed_precision="bf16")}
    return AcceleratedNet, options, accelerate.__version__
