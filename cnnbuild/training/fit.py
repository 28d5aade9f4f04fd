"""One run from the first epoch to the test."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from cnnbuild.data.dataset import Dataset
from cnnbuild.errors import DivergedError
from cnnbuild.lang.recipe import Recipe, never_reached
from cnnbuild.training.allocator import kept_memory
from cnnbuild.training.checkpoint import CHECKPOINT_SCHEMA, Checkpoint, write_atomically
from cnnbuild.training.evaluate import evaluate
from cnnbuild.training.latency import measure_latency
from cnnbuild.training.machine import (
    choose_device,
    hardware_name,
    peak_memory,
    reset_peak_memory,
    versions,
)
from cnnbuild.training.record import DivergedRunError, EpochRecord, Evaluation, Latency, RunRecord, Status
from cnnbuild.training.run import Run, prepare_run, train_one_epoch
from cnnbuild.training.seeding import derived_seed, seeded
from cnnbuild.training.threads import worthwhile_threads


def fit(
    module: nn.Module,
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    checkpoint: Path | None = None,
    head_weights: Mapping[str, float] | None = None,
) -> RunRecord:
    """Train `module` (images (N, C, H, W) to logits (N, classes)) and test it once with the selected weights.

    A module with several heads gives {name: logits}: all are trained, each loss times its entry in
    `head_weights` (1 by default), and the first is tested.

    The module is changed: it ends on the run's device, in evaluation mode, with the selected weights. Order,
    augmentation and dropout follow from `seed`; initial weights were drawn before (see `seeding.seeded`).
    `on_epoch` is called after each epoch. `checkpoint` is written after each epoch and left to the caller.

    Raises:
        DivergedRunError: a loss is infinite or not a number; it carries the record so far.
        RunError: the network has no parameters or the wrong output, or the checkpoint cannot be written.
        DataError: too few images for the validation part.
        UsageError: the recipe names a device that is not here.
    """
    device = choose_device(recipe.device)
    reset_peak_memory(device)
    run = prepare_run(module, dataset, recipe, seed=seed, device=device, head_weights=head_weights or {})
    image, _ = run.train.batch(run.fitted[:1])
    with worthwhile_threads(module, image, recipe.batch_size), kept_memory():
        return _train_and_test(run, dataset, on_epoch, checkpoint)


def _train_and_test(
    run: Run, dataset: Dataset, on_epoch: Callable[[EpochRecord], None] | None, checkpoint: Path | None
) -> RunRecord:
    begin = time.perf_counter()
    try:
        with seeded(derived_seed(run.seed, "dropout")):
            for _ in range(run.recipe.epochs):
                record = train_one_epoch(run)
                if checkpoint is not None:
                    write_atomically({**checkpoint_of(run)}, checkpoint)
                if on_epoch is not None:
                    on_epoch(record)
            if run.best_weights:
                run.module.load_state_dict(run.best_weights)
            test = evaluate(run.module, run.test, len(dataset.class_names), forward=run.execution.forward)
            if not math.isfinite(test.loss):
                raise DivergedError(f"the loss became {test.loss} on the test images")
    except DivergedError as error:
        diverged = _record(run, dataset, "diverged", seconds=time.perf_counter() - begin, test=None)
        raise DivergedRunError(str(error), diverged) from None
    run.module.eval()
    seconds = time.perf_counter() - begin
    return _record(run, dataset, "done", seconds=seconds, test=test)


def checkpoint_of(run: Run) -> Checkpoint:
    """The run's state after its last finished epoch."""
    return Checkpoint(
        schema=CHECKPOINT_SCHEMA,
        seed=run.seed,
        epoch=len(run.epochs),
        module=run.module.state_dict(),
        optimizer=run.optimizer.state_dict(),
        best_epoch=run.best_epoch,
        best_module=run.best_weights,
        epochs=[asdict(epoch) for epoch in run.epochs],
        largest_loss=-1.0 if run.largest_loss is None else run.largest_loss,
        order_rng=run.order.get_state(),
        cpu_rng=torch.get_rng_state(),
        device_rng=torch.cuda.get_rng_state(run.device) if run.device.type == "cuda" else None,
    )


def _record(
    run: Run, dataset: Dataset, status: Status, *, seconds: float, test: Evaluation | None
) -> RunRecord:
    latency: tuple[Latency, ...] = ()
    if status == "done":
        sizes = sorted({1, min(run.recipe.batch_size, len(run.test))})
        latency = tuple(measure_latency(run.module, run.test, size) for size in sizes)
    peak_bytes, peak_of = peak_memory(run.device)
    train_seconds = sum(epoch.train_seconds for epoch in run.epochs)
    samples = len(run.fitted) * len(run.epochs)
    return RunRecord(
        status=status,
        seed=run.seed,
        epochs=tuple(run.epochs),
        selected_epoch=run.best_epoch if status == "done" else None,
        test=test,
        largest_loss=run.largest_loss,
        seconds=seconds,
        train_samples_per_second=samples / train_seconds if train_seconds else None,
        latency=latency,
        peak_memory_bytes=peak_bytes,
        peak_memory_of=peak_of,
        parameters=sum(parameter.numel() for parameter in run.module.parameters()),
        recipe=run.recipe.plain(),
        dataset=dataset.settings,
        dataset_label=dataset.label,
        dataset_fingerprint=dataset.fingerprint,
        class_names=dataset.class_names,
        train_images=len(run.fitted),
        validation_images=len(run.held_out),
        test_images=len(run.test),
        device=run.device.type,
        hardware=hardware_name(run.device),
        threads=torch.get_num_threads(),
        versions=versions(),
        warnings=tuple(sentence for _, sentence in never_reached(run.recipe)),
    )
