"""From the cells of a plan to the jobs that workers get: what all seeds share is worked out once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cnnbuild.errors import UsageError
from cnnbuild.studies.adoption import Left
from cnnbuild.studies.job import Job
from cnnbuild.studies.kept_graph import KeptGraph, keep_graph
from cnnbuild.studies.plan import Cell
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.store import StudyFolder
from cnnbuild.training.environment import git_revision
from cnnbuild.training.observations import GitRevision
from cnnbuild.version import __version__


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A cell with its place in the plan, counted from 1, and its data, which were read.

    `data` is whether its images are in memory or streamed, `data_label` what the data set is called now.
    """

    number: int
    total: int
    name: str
    cell: Cell
    cell_id: str
    data: str
    data_label: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Means:
    """What every job of a study is worked on with; see `Job`."""

    executor: str
    threads: int
    parallel: int
    memory_bytes: int | None = None
    plugins: tuple[Path, ...] = ()
    data_root: Path | None = None


@dataclass
class JobMaker:
    """Makes the jobs of one study."""

    folder: StudyFolder
    means: Means
    _networks: dict[int, KeptGraph] = field(default_factory=dict)
    _revisions: dict[Path, GitRevision | None] = field(default_factory=dict)

    def check(self, runs: Sequence[PlannedRun]) -> None:
        """Do nothing if workers can be told of all runs.

        Raises:
            UsageError: a network, or a layer type of the user's own, cannot be handed to another process.
        """
        for run in runs:
            if run.cell.own_types and not self.means.plugins:
                name = next(iter(run.cell.own_types))
                raise UsageError(
                    f"the layer type '{name}' was given as a class, which other processes cannot be told of: "
                    "name its file as a plugin, or run without an executor"
                )
            self._network(run.cell)

    def job_of(self, run: PlannedRun, left: Left) -> Job:
        """The next attempt at a run."""
        cell, means = run.cell, self.means
        if cell.file not in self._revisions:
            self._revisions[cell.file] = git_revision(cell.file)
        return Job(
            name=run.name,
            folder=str(self.folder.cell(run.name).absolute()),
            cell_id=run.cell_id,
            architecture=cell.architecture,
            architecture_file=str(cell.file.absolute()),  # a worker may stand in another folder
            variant=cell.variant,
            vars=dict(cell.vars),
            grid=dict(cell.grid),
            setting=cell.setting,
            dataset=cell.dataset.plain(),
            data=run.data,
            fingerprint=run.fingerprint,
            recipe=cell.recipe.plain(),
            seed=cell.seed,
            network=self._network(cell),
            own_types=dict(cell.own_types),
            git=self._revisions[cell.file],
            plugins=tuple(str(file.absolute()) for file in means.plugins),
            data_root=None if means.data_root is None else str(means.data_root.absolute()),
            executor=means.executor,
            threads=means.threads if left.threads is None else left.threads,
            parallel=means.parallel,
            memory_bytes=means.memory_bytes,
            analyses=cell.analyses,
            attempt=len(left.earlier) + 1,
            accumulate=left.accumulate,
            earlier=left.earlier,
            start=cell.start,
        )

    def _network(self, cell: Cell) -> KeptGraph:
        """A cell's network as plain data; the seeds of one architecture share their graph."""
        known = self._networks.get(id(cell.graph))
        if known is None:
            known = keep_graph(cell.graph, file=cell.file.name)
            if known is None:
                raise UsageError(
                    f"{cell.architecture}: a layer type of its own has values that no file can say, so that "
                    "other processes cannot be told of the network; run without an executor"
                )
            self._networks[id(cell.graph)] = known
        return known


def planned_recipe(run: PlannedRun, record: CellRecord) -> CellRecord:
    """A record as the plan has it, whatever the attempt was made with and however early it ended."""
    graph = run.cell.graph
    return replace(
        record,
        cell_id=run.cell_id,
        recipe=run.cell.recipe.plain(),
        dataset_label=run.data_label,
        parameters=graph.parameters,
        macs=graph.macs,
        activation_bytes=graph.activation_bytes,
    )


def record_without_outcome(run: PlannedRun, job: Job, *, started: str, seconds: float) -> CellRecord:
    """The record of a run whose worker left none; state and reason are those of its attempt, to be added."""
    cell = run.cell
    return CellRecord(
        cell_id=run.cell_id,
        architecture=cell.architecture,
        architecture_file=str(cell.file.absolute()),
        variant=cell.variant,
        vars=dict(cell.vars),
        dataset=cell.dataset.plain(),
        dataset_label=run.data_label,
        seed=cell.seed,
        state="failed",
        reason="",
        parameters=cell.graph.parameters,
        macs=cell.graph.macs,
        activation_bytes=cell.graph.activation_bytes,
        recipe=cell.recipe.plain(),
        run=None,
        started=started,
        seconds=seconds,
        cnnbuild_version=__version__,
        git=job.git,
        grid=dict(cell.grid),
        weights={} if cell.start is None else cell.start.told,
    )
