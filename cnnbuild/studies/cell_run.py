"""One cell from its graph to its record. Whatever goes wrong inside becomes part of the record."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from torch import nn

from cnnbuild.analyses.subject import Subject
from cnnbuild.data.batches import Normalization
from cnnbuild.data.dataset import Dataset
from cnnbuild.errors import CheckpointError, OutOfMemoryError
from cnnbuild.files import folder_flushed_later
from cnnbuild.modules.build import build_module
from cnnbuild.studies.epoch_news import news_of
from cnnbuild.studies.job import Job
from cnnbuild.studies.job_cell import recipe_here
from cnnbuild.studies.kept_analyses import keep_analyses
from cnnbuild.studies.plan import Cell
from cnnbuild.studies.record import CellRecord, State
from cnnbuild.studies.run_analyses import remove_analyses
from cnnbuild.studies.run_folder import Origin, RunFolder
from cnnbuild.studies.single_run import describe_run
from cnnbuild.training.checkpoint import save_weights
from cnnbuild.training.environment import git_revision
from cnnbuild.training.evaluate import Predictions
from cnnbuild.training.failures import failures_told
from cnnbuild.training.fit import fit
from cnnbuild.training.record import DivergedRunError, EpochRecord, RunRecord, loss_text
from cnnbuild.training.seeding import seeded
from cnnbuild.version import __version__

CHECKPOINT = "checkpoint.pt"
"""The state of a run that has not ended, in the folder of its cell."""


def run_cell(
    cell: Cell,
    dataset: Dataset,
    *,
    folder: Path,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    job: Job | None = None,
    accumulate: int | None = None,
) -> CellRecord:
    """Train and test one cell, or what is left of a run that was killed.

    `folder` receives `log.txt`, `weights.pt`, `analyses.json` and, until `remove_checkpoint`,
    `checkpoint.pt`; the caller writes the record. From `job`, if any, a worker made the cell; without one
    `accumulate` may be another.

    Raises nothing but what ends the program: an exception or a divergence is the record's `reason`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started, begin = datetime.now(UTC), time.perf_counter()
    origin = _origin_of(cell, job)
    with (folder / "log.txt").open("a", encoding="utf-8", buffering=1) as log:
        print(f"cnnbuild {__version__}: {cell.label}, started {started:%Y-%m-%d %H:%M:%S} UTC", file=log)
        training = _Training(cell, dataset, folder, log, job, accumulate if job is None else job.accumulate)
        state, reason, run = _ended(training, origin, on_epoch)
    return CellRecord(
        cell_id=cell.identity(dataset.fingerprint) if job is None else job.cell_id,
        architecture=cell.architecture,
        architecture_file=str(cell.file.absolute()),
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
        git=origin.git,
        grid=dict(cell.grid),
        executor="" if job is None else job.executor,
        parallel=1 if job is None else job.parallel,
        weights={} if cell.start is None else cell.start.told,
    )


def _ended(
    training: _Training, origin: Origin, on_epoch: Callable[[EpochRecord], None] | None
) -> tuple[State, str, RunRecord | None]:
    """How the training of a cell ended, why, and what is known of the run."""
    try:
        with failures_told(training.cell.recipe, training.folder / CHECKPOINT):
            return "done", "", training.with_warning(training.train(origin, on_epoch))
    except DivergedRunError as error:
        print(f"diverged: {error}", file=training.log)
        return "diverged", str(error), training.with_warning(error.record)
    except OutOfMemoryError as error:
        traceback.print_exc(file=training.log)
        return "out_of_memory", first_line(error), None
    except Exception as error:  # noqa: BLE001 - one run must not stop the others
        traceback.print_exc(file=training.log)
        return "failed", f"{type(error).__name__}: {first_line(error)}", None


def _origin_of(cell: Cell, job: Job | None) -> Origin:
    if job is None:
        return Origin(cell.file, cell.variant, cell.vars, (), git_revision(cell.file))
    return Origin(cell.file, cell.variant, cell.vars, job.plugins, job.git)


def first_line(error: BaseException) -> str:
    """The first line of what an exception says."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"


@dataclass(frozen=True, slots=True)
class _Training:
    """A cell on its way to its record; `wanted` may replace the recipe's `accumulate`."""

    cell: Cell
    dataset: Dataset
    folder: Path
    log: TextIO
    job: Job | None
    wanted: int | None

    @property
    def accumulate(self) -> int | None:
        """Into how many micro-batches a batch is split, where that is not what the recipe says."""
        return None if self.wanted == self.cell.recipe.accumulate else self.wanted

    def train(self, origin: Origin, on_epoch: Callable[[EpochRecord], None] | None) -> RunRecord:
        cell, network = self.cell, None if self.job is None else self.job.network

        def follow(epoch: EpochRecord) -> None:
            print(news_of(epoch, epochs=cell.recipe.epochs), file=self.log)
            if on_epoch is not None:
                on_epoch(epoch)

        described = describe_run(
            cell.graph,
            origin,
            self.dataset,
            cell.recipe,
            cell.seed,
            network=network,
            accumulate=self.accumulate,
            start=cell.start,
        )
        with folder_flushed_later():  # with the record, without which the run begins again
            remove_analyses(self.folder)
            RunFolder(self.folder).write_run(described)
        normalization = described.data.normalization
        try:
            module, run, said = self._fit(normalization, follow, resume=True)
        except CheckpointError as error:  # of another torch, or damaged: what it says, the log keeps
            print(f"begun anew: {error}", file=self.log)
            module, run, said = self._fit(normalization, follow, resume=False)
        with folder_flushed_later():
            save_weights(module, self.folder / "weights.pt")
            run = self._analysed(run, module, normalization, said)
        if run.resumes:
            print("went on from a checkpoint", file=self.log)
        if run.test is not None:
            print(f"test accuracy {run.test.accuracy:.4f}, loss {loss_text(run.test.loss)}", file=self.log)
        return run

    def _fit(
        self, normalization: Normalization, follow: Callable[[EpochRecord], None], *, resume: bool
    ) -> tuple[nn.Module, RunRecord, Predictions]:
        """The trained network, its record, and what it says of the test images."""
        said: list[Predictions] = []
        slot_device = "" if self.job is None else self.job.device
        with seeded(self.cell.seed):
            module = build_module(self.cell.graph)
        if self.cell.start is not None:
            self.cell.start.fill(module)
        run = fit(
            module,
            self.dataset,
            recipe_here(self.cell.recipe, accumulate=self.accumulate, slot_device=slot_device),
            seed=self.cell.seed,
            on_epoch=follow,
            checkpoint=self.folder / CHECKPOINT,
            resume=resume,
            head_weights=self.cell.graph.head_weights,
            normalization=normalization,
            on_test=said.append,
        )
        return module, run, said[0]

    def _analysed(
        self, run: RunRecord, module: nn.Module, normalization: Normalization, said: Predictions
    ) -> RunRecord:
        """The record after the run's analyses were kept, with what could not be worked out."""
        names, dataset = self.cell.analyses, self.dataset
        subject = Subject(self.cell.graph, module, dataset.test, normalization, dataset.class_names, said)
        warnings = keep_analyses(self.folder, subject, names)
        for warning in warnings:
            print(f"warning: {warning}", file=self.log)
        return replace(run, warnings=(*run.warnings, *warnings))

    def with_warning(self, run: RunRecord) -> RunRecord:
        """The record, with a word on what differs from the plan."""
        if self.accumulate is None:
            return run
        planned = self.cell.recipe.accumulate
        warning = (
            f"it ran out of memory, and was trained with accumulate: {self.accumulate} where the study says "
            f"{planned}: batch normalisation then sees fewer images at a time"
        )
        return replace(run, warnings=(*run.warnings, warning))
