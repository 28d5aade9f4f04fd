"""One epoch of a run: every training image once, then the evaluation that selects."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from cnnbuild.data.augment import augment
from cnnbuild.data.batches import shuffled_batches
from cnnbuild.errors import DivergedError
from cnnbuild.lang.recipe import Plateau
from cnnbuild.training.budget import is_out_of_time, steps_of_epoch, used_up
from cnnbuild.training.evaluate import Score, score
from cnnbuild.training.machine import synchronize
from cnnbuild.training.progress import EpochProgress
from cnnbuild.training.reading import training_batches
from cnnbuild.training.record import EpochRecord
from cnnbuild.training.run import Run
from cnnbuild.training.schedules import learning_rate
from cnnbuild.training.steps import split_without_remnant, take_step

CHECK_EVERY = {"cpu": 1}  # steps between two looks at the loss: on a GPU each look is a wait
CHECK_EVERY_ELSEWHERE = 50


def train_one_epoch(run: Run, after_step: Callable[[], None]) -> EpochRecord:
    """Train for the next epoch, or for what is left of the one under way, evaluate, and add the record.

    `after_step` is called between two steps, when the run's state can be kept.

    Raises:
        DivergedError: a loss is infinite or not a number.
    """
    epoch = len(run.epochs) + 1
    progress, indices = _begin(run)
    _update_weights(run, progress, indices, after_step)
    settle(run)
    run.world.average_buffers(run.module.buffers())
    synchronize(run.device)
    train_seconds = progress.elapsed()
    if run.average is not None:
        run.average.after_epoch(epoch)
    watched = run.diagnostics.epoch(epoch)
    with _averaged(run):
        on_train, on_validation = _evaluate(run, epoch)
        record = EpochRecord(
            epoch=epoch,
            lr=progress.lr,
            running_loss=progress.loss_sum / progress.images,
            train_loss=on_train.loss,
            train_accuracy=on_train.accuracy,
            validation_loss=on_validation.loss if on_validation else None,
            validation_accuracy=on_validation.accuracy if on_validation else None,
            seconds=progress.elapsed(),
            train_seconds=train_seconds,
            validation_per_class=on_validation.per_class_accuracy if on_validation else (),
            gradients=watched.gradients,
            dead_units=watched.dead_units,
            weights=watched.weights,
        )
        _keep_if_best(run, record)
    _follow(run, on_validation)
    run.epochs.append(record)
    run.steps += progress.steps
    run.images += progress.images
    run.progress = None
    return record


def settle(run: Run) -> None:
    """Look at the losses that wait on the device: keep the largest, and hand all on to the diagnostics.

    Raises:
        DivergedError: one is infinite or not a number.
    """
    if run.progress is None:
        return
    losses, fault = run.progress.settle(epoch=len(run.epochs) + 1)
    run.diagnostics.add_losses(losses)
    if losses:
        run.largest_loss = max(losses if run.largest_loss is None else [run.largest_loss, *losses])
    if fault:
        raise DivergedError(fault)


def _begin(run: Run) -> tuple[EpochProgress, tuple[Tensor, ...]]:
    """The epoch under way, and the indices of its batches on the device; the first of them may be done.

    The order is drawn at the epoch's start. For an epoch under way it is drawn again from the generator's
    state of then, and the generator put back to where augmentation had come.
    """
    now = run.order.get_state()
    progress = run.progress
    if progress is None:
        progress = run.progress = EpochProgress(order=now)
    run.order.set_state(progress.order)
    parts = list(shuffled_batches(len(run.fitted), run.recipe.batch_size, run.order))
    if progress.steps:
        run.order.set_state(now)
    order = torch.cat(parts).to(run.device, non_blocking=run.device.type == "cuda")
    return progress, torch.split(run.fitted[order], [len(part) for part in parts])


def _update_weights(
    run: Run, progress: EpochProgress, indices: tuple[Tensor, ...], after_step: Callable[[], None]
) -> None:
    """One step for each batch that is not done, while steps and seconds are left."""
    recipe, plateau = run.recipe, run.plateau.reductions
    check_every = CHECK_EVERY.get(run.device.type, CHECK_EVERY_ELSEWHERE)
    run.module.train()
    run.frozen.hold()
    asked = indices[progress.steps : steps_of_epoch(run)]
    batches = training_batches(run, asked, epoch=len(run.epochs) + 1)
    for number, (images, labels) in enumerate(batches, start=progress.steps):
        if number and is_out_of_time(run):
            break
        step = run.steps + number
        lr = learning_rate(recipe, step, run.steps_per_epoch, reductions=plateau, elapsed=used_up(run))
        for group in run.optimizer.param_groups:
            group["lr"] = lr
        images, targets = augment(images, labels, recipe.augment, run.order, classes=run.classes)
        progress.add(take_step(run, images, targets, step), len(images), lr)
        if progress.steps % check_every == 0:
            settle(run)
        after_step()


def _averaged(run: Run) -> AbstractContextManager[None]:
    """The module with the averaged weights, where the recipe asks for an average and there is one."""
    if run.average is None:
        return nullcontext()
    parts = split_without_remnant(run.fitted, run.recipe.batch_size)
    return run.average.applied(run.module, lambda: (images for images, _ in run.train.batches(parts)))


def _evaluate(run: Run, epoch: int) -> tuple[Score, Score | None]:
    """How the network does on the probe of the training images, and on the validation images.

    Raises:
        DivergedError: a loss is infinite or not a number.
    """
    forward, flip, world = run.execution.forward, run.recipe.test_time_flip, run.world
    on_train = score(run.module, run.train, run.probe, forward=forward, flip=flip, world=world)
    on_validation = None
    if len(run.held_out):
        on_validation = score(run.module, run.train, run.held_out, forward=forward, flip=flip, world=world)
    for evaluated in (on_train, on_validation):
        if evaluated is not None and not math.isfinite(evaluated.loss):
            raise DivergedError(f"the loss became {evaluated.loss} at the end of epoch {epoch}")
    return on_train, on_validation


def _keep_if_best(run: Run, record: EpochRecord) -> None:
    """Keep the epoch's weights where they are the ones to test; averaged ones are in the module only now."""
    accuracy = record.validation_accuracy
    if run.recipe.select == "last" or accuracy is None:
        run.best_epoch = record.epoch
        if run.average is None:
            return
    else:
        best = run.epochs[run.best_epoch - 1].validation_accuracy if run.best_epoch else None
        if best is not None and accuracy <= best:
            return
        run.best_epoch = record.epoch
    run.best_weights = {name: value.detach().clone() for name, value in run.module.state_dict().items()}


def _follow(run: Run, validation: Score | None) -> None:
    """Tell the plateau and early stopping how the epoch ended."""
    if validation is None:
        return
    schedule, rule = run.recipe.schedule.chosen, run.recipe.stop_early
    if isinstance(schedule, Plateau):
        run.plateau = run.plateau.after(schedule, validation.loss)
    if rule is not None:
        run.patience = run.patience.after(rule, validation)
