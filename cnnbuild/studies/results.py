"""The results of a study, read from its folder alone. No torch.

One row per architecture, data set and setting: a point of the study's grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from cnnbuild.studies.health import UNSOUND, Health, health_of
from cnnbuild.studies.matching import Matched
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.statistics import Summary, summarize
from cnnbuild.studies.store import StudyFolder
from cnnbuild.studies.study_file import PlannedCell, StudyFile
from cnnbuild.training.record import Latency

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class ResultRow:
    """All finished runs of one architecture on one data set, in the order of their seeds.

    `setting` is a point of the grid in words, empty without one; `matched` is what `match` chose.
    """

    architecture: str
    dataset: str
    planned: int
    records: tuple[CellRecord, ...]
    setting: str = ""
    matched: Matched | None = None

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
    def where(self) -> str:
        """The data set, and the setting where there is a grid: "digits (lr=0.1)"."""
        return f"{self.dataset_label} ({self.setting})" if self.setting else self.dataset_label

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
        suspect = sum(health.condition == "suspect" for health in self.health)
        doubt = [f"{suspect} suspect"] if suspect else []
        if self.planned == len(self.trained):
            return ", ".join(["all trained" if self.planned > 1 else "trained", *doubt])
        counts = [f"{len(self.trained)} of {self.planned} trained"]
        for condition in UNSOUND:
            count = sum(health.condition == condition for health in self.health)
            counts += [f"{count} {condition}"] if count else []
        missing = self.planned - len(self.records)
        return ", ".join([*counts, *doubt, *([f"{missing} not run"] if missing else [])])


@dataclass(frozen=True)
class StudyResults:
    """A study with the runs that have ended; `records` is keyed by the names of the cells' folders."""

    folder: Path
    study: StudyFile
    records: Mapping[str, CellRecord]

    @cached_property
    def rows(self) -> tuple[ResultRow, ...]:
        """One row per data set, setting and architecture, in the order of the study file."""
        planned: dict[tuple[str, str, str], list[PlannedCell]] = {}
        for cell in self.study.cells:
            planned.setdefault((cell.dataset, cell.setting, cell.architecture), []).append(cell)
        order = product(self.study.datasets, self.study.settings or ("",), self.study.architectures)
        return tuple(self._row(planned[key], *key) for key in order if key in planned)

    def _row(self, cells: Sequence[PlannedCell], dataset: str, setting: str, architecture: str) -> ResultRow:
        ended = [self.records[cell.folder] for cell in cells if cell.folder in self.records]
        ended.sort(key=lambda record: record.seed)
        matched = self._matched.get((architecture, dataset, setting))
        return ResultRow(architecture, dataset, len(cells), tuple(ended), setting, matched)

    @cached_property
    def _matched(self) -> dict[tuple[str, str, str], Matched]:
        return {(one.architecture, one.dataset, one.setting): one for one in self.study.matched}

    @property
    def groups(self) -> tuple[tuple[ResultRow, ...], ...]:
        """The rows that are compared with each other: those of one data set and one setting."""
        found: dict[tuple[str, str], list[ResultRow]] = {}
        for row in self.rows:
            found.setdefault((row.dataset, row.setting), []).append(row)
        return tuple(tuple(rows) for rows in found.values())

    @property
    def missing(self) -> tuple[PlannedCell, ...]:
        """The cells that have not ended."""
        return tuple(cell for cell in self.study.cells if cell.folder not in self.records)

    @property
    def failed(self) -> tuple[CellRecord, ...]:
        """The runs that ended without a result: whatever their state is, but done."""
        return tuple(record for record in self.records.values() if record.state != "done")

    def to_dataframe(self) -> DataFrame:
        """A row per run that ended, where pandas is installed; see `results.csv`.

        Raises:
            UsageError: it is not.
        """
        from cnnbuild.studies.results_sheet import run_frame

        return run_frame(self)

    def _repr_html_(self) -> str:
        """The table of results with the findings, as notebooks show it."""
        from cnnbuild.graph.views.summary.html import html_fragment
        from cnnbuild.studies.results_sheet import results_sheet

        return html_fragment(results_sheet(self))


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
