"""The results of a study, read from its folder alone: one row per architecture and data set. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

from pydantic import Field

from cnnbuild.lang.validation import Settings
from cnnbuild.studies.health import Health, health_of
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.statistics import Summary, summarize
from cnnbuild.studies.store import StudyFolder
from cnnbuild.training.record import Latency


class PlannedCell(Settings):
    """A cell that belongs to a study, as `study.json` lists it."""

    folder: str
    architecture: str
    dataset: str
    seed: int


class Invocation(Settings):
    """How a study was started, so that it can be started again; see `cnnbuild run`.

    `file` and `plugins` are absolute paths. `settings` maps paths of the study to the values of `--set`.
    `datasets` and `seeds` replace the study's own. `trust` allows the plugins that the study names.
    `memory_bytes` is the most that one run may use.
    """

    file: str
    variant: str | None = None
    settings: dict[str, object] = Field(default_factory=dict)
    datasets: tuple[str, ...] | None = None
    seeds: int | None = None
    plugins: tuple[str, ...] = ()
    trust: bool = False
    data_root: str | None = None
    executor: str | None = None
    jobs: int | None = None
    threads: int | None = None
    memory_bytes: int | None = None


class StudyFile(Settings):
    """What `study.json` holds: the question, which cells answer it, and how it was started."""

    schema_version: int = 1
    study: str
    title: str
    variant: str | None
    question: str
    description: str
    file: str
    architectures: tuple[str, ...]
    datasets: tuple[str, ...]
    baseline: str
    equivalence_points: float
    analyses: tuple[str, ...]
    warnings: tuple[str, ...]
    cnnbuild_version: str
    cells: tuple[PlannedCell, ...]
    invocation: Invocation | None = None


@dataclass(frozen=True)
class ResultRow:
    """All finished runs of one architecture on one data set, in the order of their seeds."""

    architecture: str
    dataset: str
    planned: int
    records: tuple[CellRecord, ...]

    @cached_property
    def health(self) -> tuple[Health, ...]:
        """The condition of each run."""
        return tuple(health_of(record) for record in self.records)

    @property
    def trained(self) -> tuple[CellRecord, ...]:
        """The runs that trained."""
        return tuple(r for r, health in zip(self.records, self.health, strict=True) if health.trained)

    @property
    def dataset_label(self) -> str:
        """The data set as the runs found it, such as "CIFAR-10 (JPEG)"."""
        return next((r.run.dataset_label for r in self.records if r.run is not None), self.dataset)

    @property
    def accuracies(self) -> dict[int, float]:
        """The test accuracy of each run that trained, by seed, as a fraction."""
        return {
            r.seed: r.run.test.accuracy for r in self.trained if r.run is not None and r.run.test is not None
        }

    @cached_property
    def accuracy(self) -> Summary | None:
        """The test accuracy over the runs that trained, None where there is none."""
        return summarize(list(self.accuracies.values())) if self.accuracies else None

    @property
    def parameters(self) -> int | None:
        """How many numbers the network learns."""
        return self.records[0].parameters if self.records else None

    @property
    def macs(self) -> int | None:
        """Multiply-adds for one image."""
        return self.records[0].macs if self.records else None

    @property
    def seconds_per_epoch(self) -> float | None:
        """Training seconds per epoch, without evaluation; the mean over all epochs of all runs."""
        seconds = [e.train_seconds for r in self.records if r.run is not None for e in r.run.epochs]
        return fmean(seconds) if seconds else None

    @property
    def latency(self) -> Latency | None:
        """The fastest measured forward pass of the smallest batch: what noise did least to."""
        measured = [latency for r in self.records if r.run is not None for latency in r.run.latency]
        return min(measured, key=lambda one: (one.batch_size, one.median_seconds), default=None)

    @property
    def peak_memory_bytes(self) -> int | None:
        """The largest high-water mark of memory over the runs."""
        peaks = [r.run.peak_memory_bytes for r in self.records if r.run is not None]
        return max((peak for peak in peaks if peak is not None), default=None)

    @property
    def status(self) -> str:
        """How many runs trained, and what became of the others.

        An example is "2 of 3 trained, 1 diverged".
        """
        if self.planned == len(self.trained):
            return "all trained" if self.planned > 1 else "trained"
        counts = [f"{len(self.trained)} of {self.planned} trained"]
        for condition in ("at chance", "diverged", "failed"):
            count = sum(health.condition == condition for health in self.health)
            counts += [f"{count} {condition}"] if count else []
        missing = self.planned - len(self.records)
        return ", ".join([*counts, f"{missing} not run"] if missing else counts)


@dataclass(frozen=True)
class StudyResults:
    """A study with the runs that have ended; `records` is keyed by the names of the cells' folders."""

    folder: Path
    study: StudyFile
    records: Mapping[str, CellRecord]

    @cached_property
    def rows(self) -> tuple[ResultRow, ...]:
        """One row per data set and architecture, in the order of the study file."""
        rows = []
        for dataset in self.study.datasets:
            for architecture in self.study.architectures:
                cells = [
                    c for c in self.study.cells if (c.dataset, c.architecture) == (dataset, architecture)
                ]
                ended = [self.records[cell.folder] for cell in cells if cell.folder in self.records]
                ended.sort(key=lambda record: record.seed)
                rows.append(ResultRow(architecture, dataset, len(cells), tuple(ended)))
        return tuple(row for row in rows if row.planned)

    @property
    def missing(self) -> tuple[PlannedCell, ...]:
        """The cells that have not ended."""
        return tuple(cell for cell in self.study.cells if cell.folder not in self.records)

    @property
    def failed(self) -> tuple[CellRecord, ...]:
        """The runs that ended without a result: failed or diverged."""
        return tuple(record for record in self.records.values() if record.state != "done")


def read_results(folder: Path) -> StudyResults:
    """The results in the folder of a study, whether or not all its runs have ended.

    Raises:
        UsageError: the folder holds no study, or a damaged one.
    """
    from pydantic import ValidationError

    from cnnbuild.errors import UsageError

    store = StudyFolder(folder)
    data = store.read_study()
    try:
        study = StudyFile.model_validate(data, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise UsageError(f"{folder}: study.json is damaged: {where}: {first['msg']}") from None
    records = {cell.folder: store.read_record(cell.folder) for cell in study.cells}
    return StudyResults(folder, study, {name: r for name, r in records.items() if r is not None})
