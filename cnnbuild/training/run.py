"""The state of one run, and how it trains for one epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cnnbuild.data.augment import augment
from cnnbuild.data.batches import BatchSource, measure_normalization, number_of_batches, shuffled_batches
from cnnbuild.data.dataset import Dataset
from cnnbuild.data.split import split_validation, stratified_subset
from cnnbuild.errors import DataError, DivergedError, RunError
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.evaluate import Score, score
from cnnbuild.training.heads import main_logits, training_loss
from cnnbuild.training.machine import synchronize
from cnnbuild.training.optimizers import make_optimizer
from cnnbuild.training.record import EpochRecord
from cnnbuild.training.schedules import learning_rate
from cnnbuild.training.seeding import derived_seed

MIN_PROBE_IMAGES = 2_000  # training images evaluated after each epoch; more where validation has more
CHECK_EVERY = {"cpu": 1}  # batches between two looks at the loss: on a GPU each look is a wait
CHECK_EVERY_ELSEWHERE = 50


@dataclass(slots=True, eq=False)
class Run:
    """What changes while a run goes on, and the tensors it works on.

    `fitted`, `held_out` and `probe` are indices into `train`: trained on, kept for validation, and the fixed
    subset of `fitted` on which training accuracy is measured.
    """

    module: nn.Module
    recipe: Recipe
    seed: int
    device: torch.device
    train: BatchSource
    test: BatchSource
    fitted: Tensor
    held_out: Tensor
    probe: Tensor
    optimizer: Optimizer
    order: torch.Generator
    steps_per_epoch: int
    head_weights: Mapping[str, float] = field(default_factory=dict)
    epochs: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    largest_loss: float | None = None


def prepare_run(
    module: nn.Module,
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    head_weights: Mapping[str, float],
) -> Run:
    """A run before its first epoch; the module is moved to the device and laid out for it.

    Raises:
        RunError: the network has no parameters, or does not give one number per class.
        DataError: nothing is left to train on or to validate with.
    """
    fitted, held_out = split_validation(dataset.train.labels, recipe.validation)
    if len(fitted) == 0 or (recipe.validation > 0 and len(held_out) == 0):
        count, fraction = len(dataset.train), recipe.validation
        raise DataError(
            f"{dataset.label}: {count} training images cannot be split with validation: {fraction}"
        )
    channels_last = any(parameter.dim() == 4 for parameter in module.parameters())
    module.to(device)
    if channels_last:
        module.to(memory_format=torch.channels_last)
    normalization = measure_normalization(dataset.train.images[fitted])
    train = BatchSource(dataset.train, normalization, device, channels_last=channels_last)
    test = BatchSource(dataset.test, normalization, device, channels_last=channels_last)
    probe_size = min(len(fitted), max(MIN_PROBE_IMAGES, len(held_out)))
    probe = fitted[stratified_subset(dataset.train.labels[fitted], probe_size)]
    _check_output(module, train, len(dataset.class_names))
    return Run(
        module=module,
        recipe=recipe,
        seed=seed,
        device=device,
        train=train,
        test=test,
        fitted=fitted.to(device),
        held_out=held_out.to(device),
        probe=probe.to(device),
        optimizer=make_optimizer(recipe, module),
        order=torch.Generator().manual_seed(derived_seed(seed, "order")),
        steps_per_epoch=number_of_batches(len(fitted), recipe.batch_size),
        head_weights=head_weights,
    )


def train_one_epoch(run: Run) -> EpochRecord:
    """Train for the next epoch, evaluate, and add the epoch's record to the run.

    Raises:
        DivergedError: a loss is infinite or not a number.
    """
    epoch = len(run.epochs) + 1
    begin = time.perf_counter()
    running_loss, lr = _update_weights(run, epoch)
    synchronize(run.device)
    train_seconds = time.perf_counter() - begin
    on_train = score(run.module, run.train, run.probe)
    on_validation = score(run.module, run.train, run.held_out) if len(run.held_out) else None
    for evaluated in (on_train, on_validation):
        if evaluated is not None and not math.isfinite(evaluated.loss):
            raise DivergedError(f"the loss became {evaluated.loss} at the end of epoch {epoch}")
    record = EpochRecord(
        epoch=epoch,
        lr=lr,
        running_loss=running_loss,
        train_loss=on_train.loss,
        train_accuracy=on_train.accuracy,
        validation_loss=on_validation.loss if on_validation else None,
        validation_accuracy=on_validation.accuracy if on_validation else None,
        seconds=time.perf_counter() - begin,
        train_seconds=train_seconds,
    )
    _keep_if_best(run, record, on_validation)
    run.epochs.append(record)
    return record


def _update_weights(run: Run, epoch: int) -> tuple[float, float]:
    """One pass over the training images: the mean loss of its images, and the last learning rate."""
    recipe = run.recipe
    check_every = CHECK_EVERY.get(run.device.type, CHECK_EVERY_ELSEWHERE)
    losses: list[Tensor] = []
    sizes: list[int] = []
    lr = 0.0
    run.module.train()
    batches = shuffled_batches(len(run.fitted), recipe.batch_size, run.order)
    for number, batch in enumerate(batches):
        lr = learning_rate(recipe, (epoch - 1) * run.steps_per_epoch + number, run.steps_per_epoch)
        for group in run.optimizer.param_groups:
            group["lr"] = lr
        images, labels = run.train.batch(run.fitted[batch.to(run.device)])
        images = augment(images, recipe.augment, run.order)
        loss = training_loss(
            run.module(images), labels, label_smoothing=recipe.label_smoothing, head_weights=run.head_weights
        )
        run.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimizer.step()
        losses.append(loss.detach())
        sizes.append(len(batch))
        if number % check_every == check_every - 1:
            _refuse_non_finite(run, losses, check_every, epoch)
    _refuse_non_finite(run, losses, len(losses), epoch)
    weights = torch.tensor(sizes, dtype=torch.float64)
    running = (torch.stack(losses).cpu().double() * weights).sum() / weights.sum()
    return float(running), lr


def _refuse_non_finite(run: Run, losses: list[Tensor], last: int, epoch: int) -> None:
    """Look at the last losses: keep the largest finite one, raise at the first that is not finite."""
    first = len(losses) - last
    for number, loss in enumerate(torch.stack(losses[-last:]).tolist(), start=max(first, 0) + 1):
        if not math.isfinite(loss):
            lr = run.optimizer.param_groups[0]["lr"]
            where = f"in epoch {epoch}, batch {number}, at a learning rate of {lr:g}"
            raise DivergedError(f"the loss became {loss} {where}")
        run.largest_loss = loss if run.largest_loss is None else max(loss, run.largest_loss)


def _keep_if_best(run: Run, record: EpochRecord, on_validation: Score | None) -> None:
    if run.recipe.select == "last" or on_validation is None:
        run.best_epoch = record.epoch
        return
    best = run.epochs[run.best_epoch - 1].validation_accuracy if run.best_epoch else None
    if best is None or on_validation.accuracy > best:
        run.best_epoch = record.epoch
        run.best_weights = {name: value.detach().clone() for name, value in run.module.state_dict().items()}


def _check_output(module: nn.Module, source: BatchSource, classes: int) -> None:
    """Refuse a network that does not give one number per class, before the first epoch."""
    count = min(2, len(source))
    images, _ = source.batch(torch.arange(count, device=source.device))
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            output: object = main_logits(module(images))
    finally:
        module.train(was_training)
    found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if found != (count, classes):
        expected = f"({count}, {classes}), one number per class"
        raise RunError(f"the network gives {found} for {count} images; expected {expected}")
