"""What a run leaves behind: its record."""

from __future__ import annotations

from pathlib import Path

import torch

from cnnbuild.data.dataset import Dataset
from cnnbuild.data.stream import StreamSource
from cnnbuild.lang.recipe import never_reached
from cnnbuild.training.budget import what_cannot_be_repeated, what_no_batch_holds
from cnnbuild.training.devices import device_choices
from cnnbuild.training.distributed import what_is_shared
from cnnbuild.training.environment import describe_environment
from cnnbuild.training.evaluate import evaluate
from cnnbuild.training.latency import measure_latency
from cnnbuild.training.machine import hardware_name, peak_memory, versions
from cnnbuild.training.record import Ended, Evaluation, Latency, RunRecord
from cnnbuild.training.run import Run
from cnnbuild.training.threads import multiply_adds


def record_of(
    run: Run, dataset: Dataset, checkpoint: Path | None, *, test: Evaluation | None, ended: Ended
) -> RunRecord:
    """The record of a run that has ended; the module has the selected weights, and `test` is theirs.

    `test` is None for a diverged run.
    """
    seconds = run.elapsed()
    validation = None if test is None else _validated(run)
    latency = _latency(run) if test is not None and run.world.first else ()
    peak_bytes, peak_of = peak_memory(run.device)
    if peak_bytes is not None:
        (peak_bytes,) = run.world.largest(peak_bytes)
    train_seconds = sum(epoch.train_seconds for epoch in run.epochs)
    return RunRecord(
        status="diverged" if test is None else "done",
        seed=run.seed,
        epochs=tuple(run.epochs),
        selected_epoch=None if test is None else run.best_epoch,
        test=test,
        largest_loss=run.largest_loss,
        seconds=seconds,
        train_samples_per_second=run.images / train_seconds if train_seconds else None,
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
        warnings=_warnings_of(run, dataset),
        resumes=run.resumed,
        ended=ended,
        validation=validation,
        macs=multiply_adds(run.module, run.train.batch(run.fitted[:1])[0]),
        weights_bytes=sum(tensor.nbytes for tensor in run.module.state_dict().values()),
        checkpoint_bytes=_size_of(checkpoint),
        execution={
            **run.execution.choices(),
            **device_choices(run.device, run.execution.precision),
            "data": "stream" if isinstance(run.train, StreamSource) else "memory",
            "devices": run.world.size,
        },
        environment=describe_environment(run.device),
        parameter_layers=run.diagnostics.parameter_layers,
        activation_layers=run.diagnostics.activation_layers,
        weight_layers=run.diagnostics.weight_layers,
        loss_curve=run.diagnostics.loss_curve,
        alike_layers=run.diagnostics.alike_layers,
    )


def _latency(run: Run) -> tuple[Latency, ...]:
    """What one image takes, and a batch of the recipe."""
    sizes = sorted({1, min(run.recipe.batch_size, len(run.test))})
    return tuple(measure_latency(run.module, run.test, size) for size in sizes)


def _validated(run: Run) -> Evaluation | None:
    """The selected weights on the validation part, None where there is none."""
    if len(run.held_out) == 0:
        return None
    forward, flip = run.execution.forward, run.recipe.test_time_flip
    return evaluate(
        run.module, run.train, run.classes, run.held_out, forward=forward, flip=flip, world=run.world
    )


def _warnings_of(run: Run, dataset: Dataset) -> tuple[str, ...]:
    """What a reader of the record should know before its figures."""
    return (
        *(sentence for _, sentence in never_reached(run.recipe)),
        *dataset.warnings,
        *what_no_batch_holds(run.recipe, len(run.fitted)),
        *what_cannot_be_repeated(run.recipe),
        *what_is_shared(run.module, run.world),
        *run.warnings,
    )


def _size_of(checkpoint: Path | None) -> int | None:
    return checkpoint.stat().st_size if checkpoint is not None and checkpoint.exists() else None
