"""One run from the first epoch to the test."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from torch import nn

from cnnbuild.data.batches import Normalization
from cnnbuild.data.dataset import Dataset
from cnnbuild.errors import DivergedError
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.allocator import kept_memory
from cnnbuild.training.budget import end_of
from cnnbuild.training.devices import chosen, device_of
from cnnbuild.training.distributed import ALONE, World
from cnnbuild.training.epoch import train_one_epoch
from cnnbuild.training.evaluate import Predictions, evaluation_of, predict
from cnnbuild.training.failures import failures_told
from cnnbuild.training.interruption import StopRequest, stop_requests
from cnnbuild.training.keeping import Keeping, begin_keeping
from cnnbuild.training.machine import reset_peak_memory
from cnnbuild.training.outcome import record_of
from cnnbuild.training.record import DivergedRunError, EpochRecord, RunRecord
from cnnbuild.training.run import Run, prepare_run
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
    resume: bool = True,
    head_weights: Mapping[str, float] | None = None,
    world: World = ALONE,
    normalization: Normalization | None = None,
    on_test: Callable[[Predictions], None] | None = None,
) -> RunRecord:
    """Train `module` (images (N, C, H, W) to logits (N, classes)) and test it once with the selected weights.

    A module with several heads gives {name: logits}: all are trained, each loss times its entry in
    `head_weights` (1 by default), and the first is tested.

    The module is changed: it ends on the run's device, in evaluation mode, with the selected weights. Order,
    augmentation and dropout follow from `seed`; initial weights were drawn before (see `seeding.seeded`).
    `on_epoch` is called after each epoch, `on_test` once, with what the selected weights say of the test
    images, in their order.

    `checkpoint` is written after each epoch and every `CHECKPOINT_SECONDS` within it, the one before it kept
    beside it; `remove_checkpoint` is left to the caller, who first keeps the record. Where one of the same
    run stands there, the run goes on from it and ends with the bits of one that was never stopped; without
    `resume` it is removed instead. SIGTERM and Ctrl-C then end the run after the step they fall into.

    Of the processes of a `world` each calls this with the same arguments (`joining.joined`). They train one
    network, a share of every batch each; the first writes the checkpoint and calls `on_epoch`.

    `normalization` is that of the images to train on, for a caller that has measured it already.

    Raises:
        DivergedRunError: a loss is infinite or not a number; it carries the record so far.
        OutOfMemoryError: the device has too little memory.
        CheckpointError: the checkpoint is damaged, or of another run.
        RunInterruptedError: the run was asked to stop, and left a checkpoint.
        RunError: the network has no parameters or the wrong output, or the checkpoint cannot be written.
        DataError: there are no images, or too few for the validation part.
        UsageError: the recipe names a device that is not here, or a batch is too small for the processes.
    """
    device = device_of(recipe.device, world)
    reset_peak_memory(device)
    stopping = stop_requests() if checkpoint is not None else nullcontext(StopRequest())
    with failures_told(recipe, checkpoint), stopping as stop:
        run = prepare_run(
            module, dataset, recipe, seed=seed, device=device, head_weights=head_weights or {},
            world=world, normalization=normalization,
        )  # fmt: skip
        try:
            with _surroundings(run):
                keeping = begin_keeping(run, dataset, checkpoint, stop, resume=resume)
                return _train_and_test(run, dataset, keeping, on_epoch, on_test)
        finally:
            run.frozen.release()


@contextmanager
def _surroundings(run: Run) -> Iterator[None]:
    """Within it torch is set up for a run: its device and precision, threads, memory and random numbers."""
    world = run.world
    image, _ = run.train.batch(run.fitted[:1])
    with (
        chosen(run.device, run.execution.precision),
        worthwhile_threads(run.module, image, run.recipe.batch_size // world.size),
        kept_memory(),
        seeded(derived_seed(run.seed, "dropout" if world.first else f"dropout of process {world.rank}")),
    ):
        yield


def _train_and_test(
    run: Run,
    dataset: Dataset,
    keeping: Keeping,
    on_epoch: Callable[[EpochRecord], None] | None,
    on_test: Callable[[Predictions], None] | None,
) -> RunRecord:
    run.begin = time.perf_counter()
    try:
        while (ended := end_of(run)) is None:
            record = train_one_epoch(run, keeping.after_step)
            keeping.write()
            if on_epoch is not None and run.world.first:
                on_epoch(record)
            keeping.obey()
        if run.best_weights:
            run.module.load_state_dict(run.best_weights)
        said = predict(
            run.module,
            run.test,
            torch.arange(len(run.test)),
            forward=run.execution.forward,
            flip=run.recipe.test_time_flip,
            world=run.world,
        )
        test = evaluation_of(said, run.test.labels.cpu(), len(dataset.class_names))
        if not math.isfinite(test.loss):
            raise DivergedError(f"the loss became {test.loss} on the test images")
    except DivergedError as error:
        diverged = record_of(run, dataset, keeping.path, test=None, ended="diverged")
        raise DivergedRunError(str(error), diverged) from None
    run.module.eval()
    finished = record_of(run, dataset, keeping.path, test=test, ended=ended)
    if on_test is not None and run.world.first:
        on_test(said)
    keeping.obey()
    return finished
