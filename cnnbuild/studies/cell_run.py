"""One cell from its graph to its record. Whatever goes wrong inside becomes part of the record."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from torch import nn

from cnnbuild.data.batches import Normalization
from cnnbuild.data.dataset import Dataset
from cnnbuild.errors import CheckpointError, OutOfMemoryError
from cnnbuild.modules.build import build_module
from cnnbuild.studies.epoch_news import news_of
from cnnbuild.studies.plan import Cell
from cnnbuild.studies.record import CellRecord, State
from cnnbuild.studies.run_folder import Origin, RunFolder
from cnnbuild.studies.single_run import describe_run
from cnnbuild.training.checkpoint import save_weights
from cnnbuild.training.environment import git_revision
from cnnbuild.training.fit import fit
from cnnbuild.training.observations import GitRevision
from cnnbuild.training.record import DivergedRunError, EpochRecord, RunRecord, loss_text
from cnnbuild.training.seeding import seeded
from cnnbuild.version import __version__

CHECKPOINT = "checkpoint.pt"
"""The state of a run that has not ended, in the folder of its cell."""


def run_cell(
    cell: Cell, dataset: Dataset, *, folder: Path, on_epoch: Callable[[EpochRecord], None] | None = None
) -> CellRecord:
    """Train and test one cell, or what is left of a run that was killed.

    `folder` receives `log.txt`, `weights.pt` and, until `remove_checkpoint`, `checkpoint.pt`; writing the
    record is left to the caller.

    Raises nothing but what ends the program: an exception or a divergence is the record's `reason`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started, begin = datetime.now(UTC), time.perf_counter()
    state: State = "done"
    reason, run = "", None
    git = git_revision(cell.file)
    with (folder / "log.txt").open("a", encoding="utf-8", buffering=1) as log:
        print(f"cnnbuild {__version__}: {cell.label}, started {started:%Y-%m-%d %H:%M:%S} UTC", file=log)
        try:
            run = _train(cell, dataset, folder, git, log, on_epoch)
        except DivergedRunError as error:
            state, reason, run = "diverged", str(error), error.record
            print(f"diverged: {reason}", file=log)
        except OutOfMemoryError as error:
            state, reason = "out_of_memory", _first_line(error)
            traceback.print_exc(file=log)
        except Exception as error:  # noqa: BLE001 - one run must not stop the others
            state, reason = "failed", f"{type(error).__name__}: {_first_line(error)}"
            traceback.print_exc(file=log)
    return CellRecord(
        cell_id=cell.identity(dataset.fingerprint),
        architecture=cell.architecture,
        architecture_file=str(cell.file),
        variant=cell.variant,
        vars=dict(cell.vars),
        dataset=cell.dataset.plain(),
        dataset_label=dataset.label,
        seed=cell.seed,
        state=state,
        reason=reason,
        parameters=cell.graph.parameters,
        macs=cell.graph.macs,
        activation_bytes=cell.graph.activation_bytes,
        recipe=cell.recipe.plain(),
        run=run,
        started=started.isoformat(timespec="seconds"),
        seconds=time.perf_counter() - begin,
        cnnbuild_version=__version__,
        git=git,
        grid=dict(cell.grid),
    )


def _train(
    cell: Cell,
    dataset: Dataset,
    folder: Path,
    git: GitRevision | None,
    log: TextIO,
    on_epoch: Callable[[EpochRecord], None] | None,
) -> RunRecord:
    def follow(epoch: EpochRecord) -> None:
        print(news_of(epoch, epochs=cell.recipe.epochs), file=log)
        if on_epoch is not None:
            on_epoch(epoch)

    origin = Origin(cell.file, cell.variant, cell.vars, git=git)
    described = describe_run(cell.graph, origin, dataset, cell.recipe, cell.seed)
    RunFolder(folder).write_run(described)
    normalization = described.data.normalization
    try:
        module, run = _fit(cell, dataset, normalization, folder / CHECKPOINT, follow, resume=True)
    except CheckpointError as error:  # of another torch, or damaged: what it says, the log keeps
        print(f"begun anew: {error}", file=log)
        module, run = _fit(cell, dataset, normalization, folder / CHECKPOINT, follow, resume=False)
    save_weights(module, folder / "weights.pt")
    if run.resumes:
        print("went on from a checkpoint", file=log)
    if run.test is not None:
        print(f"test accuracy {run.test.accuracy:.4f}, loss {loss_text(run.test.loss)}", file=log)
    return run


def _fit(
    cell: Cell,
    dataset: Dataset,
    normalization: Normalization,
    checkpoint: Path,
    follow: Callable[[EpochRecord], None],
    *,
    resume: bool,
) -> tuple[nn.Module, RunRecord]:
    with seeded(cell.seed):
        module = build_module(cell.graph)
    run = fit(
        module,
        dataset,
        cell.recipe,
        seed=cell.seed,
        on_epoch=follow,
        checkpoint=checkpoint,
        resume=resume,
        head_weights=cell.graph.head_weights,
        normalization=normalization,
    )
    return module, run


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"
