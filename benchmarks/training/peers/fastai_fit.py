"""fastai's Learner: MNIST as tensors in memory, CIFAR-10 as the data set that crops and flips."""

from __future__ import annotations

import time
import warnings
from functools import partial

import fastai
import fastai.callback.progress  # adds Learner.no_bar
import torch
from fastai.callback.core import Callback, CancelValidException
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Learner
from fastai.metrics import accuracy as accuracy_metric
from fastai.optimizer import OptimWrapper
from torch.nn import CrossEntropyLoss
from torch.utils.data import TensorDataset

from benchmarks.training.images import load_arrays
from benchmarks.training.result import Measured, SkippedError
from benchmarks.training.settings import Settings
from benchmarks.training.timing import timed
from benchmarks.training.torch_parts import count, datasets, network, normalized, torch_versions


class Clock(Callback):
    """The seconds of each training epoch; the validation that would follow is left out."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.start = 0.0
        self.training_only = True

    def before_train(self) -> None:
        """Start."""
        self.start = time.perf_counter()

    def after_train(self) -> None:
        """Stop."""
        self.seconds.append(time.perf_counter() - self.start)

    def before_validate(self) -> None:
        """Pass over it while training."""
        if self.training_only:
            raise CancelValidException


def measure(settings: Settings) -> Measured:
    """Train and evaluate; no weight decay and a constant rate, unlike fastai's own defaults."""
    if settings.precision == "bf16":
        raise SkippedError("its to_bf16() is autocast for CUDA alone, and does nothing on a CPU")
    warnings.simplefilter("ignore")
    if settings.dataset == "mnist":
        found = load_arrays(settings)
        train: object = TensorDataset(
            torch.from_numpy(normalized(found.train_images, settings)), torch.from_numpy(found.train_labels)
        )
        test: object = TensorDataset(
            torch.from_numpy(normalized(found.test_images, settings)), torch.from_numpy(found.test_labels)
        )
    else:
        train, test = datasets(settings)
    data = DataLoaders(
        DataLoader(train, bs=settings.batch_size, shuffle=True, num_workers=0),
        DataLoader(test, bs=settings.evaluation_batch_size, num_workers=0),
        device=torch.device("cpu"),
    )
    optimizer = partial(
        OptimWrapper, opt=torch.optim.Adam, betas=(settings.beta_1, settings.beta_2), eps=settings.eps
    )
    clock, model = Clock(), network(settings)
    learner = Learner(
        data,
        model,
        loss_func=CrossEntropyLoss(),
        opt_func=optimizer,
        metrics=accuracy_metric,
        cbs=[clock],
        wd=0.0,
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(settings.epochs, lr=settings.lr)
        clock.training_only = False
        passes, accuracy = timed(lambda: float(learner.validate()[1]), settings.evaluations)
    return Measured(
        train_seconds=tuple(clock.seconds),
        epoch_seconds=tuple(clock.seconds),
        evaluation_seconds=passes,
        train_images=settings.images,
        test_images=len(test),  # type: ignore[arg-type]
        test_accuracy=accuracy,
        parameters=count(model),
        precision=settings.precision,
        versions={"fastai": fastai.__version__, **torch_versions()},
    )
