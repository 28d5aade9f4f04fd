"""The runs of a figure: those of one data set and one setting, with what was worked out of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cnnbuild.analyses.kept import Analyses
from cnnbuild.errors import DataError
from cnnbuild.report.figures import Look
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.run_analyses import read_analyses
from cnnbuild.training.record import RunRecord

MOST_READ = 10
"""Runs of one architecture whose analyses are read: pictures are drawn of one, and counts of no more."""


@dataclass(frozen=True, slots=True)
class DrawnRun:
    """A run that trained, with what it measured and what was worked out of it."""

    record: CellRecord
    run: RunRecord
    analyses: Analyses

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.record.seed


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """The runs of one architecture; `analyses` are those of its trained runs, by seed."""

    row: ResultRow
    look: Look
    analyses: Mapping[int, Analyses] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The architecture."""
        return self.row.architecture

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """What the trained runs measured."""
        return tuple(record.run for record in self.row.trained if record.run is not None)

    @property
    def untrained(self) -> tuple[tuple[CellRecord, str, RunRecord], ...]:
        """The runs that measured something and did not train, with what became of them."""
        pairs = zip(self.row.records, self.row.health, strict=True)
        return tuple(
            (record, health.condition, record.run)
            for record, health in pairs
            if not health.trained and record.run is not None and record.run.epochs
        )

    @property
    def of_seeds(self) -> str:
        """What means are over, in words: "mean over 3 seeds"."""
        return f"mean over {len(self.runs)} seeds" if len(self.runs) > 1 else f"seed {self.runs[0].seed}"

    @property
    def all_runs(self) -> tuple[RunRecord, ...]:
        """Those that trained, then the others."""
        return (*self.runs, *(run for *_, run in self.untrained))

    @property
    def analysed(self) -> tuple[DrawnRun, ...]:
        """The trained runs with analyses, from the lowest test accuracy to the highest."""
        accuracies = self.row.accuracies
        found = [
            DrawnRun(record, record.run, self.analyses[record.seed])
            for record in self.row.trained
            if record.run is not None and record.seed in self.analyses
        ]
        return tuple(sorted(found, key=lambda one: (accuracies.get(one.seed, 0.0), one.seed)))

    @property
    def representative(self) -> DrawnRun | None:
        """The run that pictures are drawn of: that of the median test accuracy, the lower of two."""
        found = self.analysed
        return found[(len(found) - 1) // 2] if found else None

    def said_of(self, run: DrawnRun) -> str:
        """Which of the runs a picture is of, in words."""
        count = len(self.analysed)
        which = f", the run of median test accuracy among {count}" if count > 1 else ""
        return f"seed {run.seed}{which}"


@dataclass(frozen=True, slots=True)
class DrawnGroup:
    """The architectures that are compared on one data set, in one setting."""

    rows: tuple[DrawnRow, ...]

    @property
    def where(self) -> str:
        """The data set, and the setting where there is a grid."""
        return self.rows[0].row.where if self.rows else ""

    @property
    def trained(self) -> tuple[DrawnRow, ...]:
        """The architectures of which at least one run trained."""
        return tuple(row for row in self.rows if row.runs)


def groups_of(results: StudyResults, looks: Mapping[str, Look], *, most: int) -> Iterator[DrawnGroup]:
    """The first groups of a study, their analyses read one group at a time.

    Where a file of analyses is damaged the run is drawn without: the page must not fail for a picture.
    """
    folders = {id(record): name for name, record in results.records.items()}
    for rows in results.groups[:most]:
        yield DrawnGroup(
            tuple(
                DrawnRow(row, looks[row.architecture], _read(results.folder / "cells", row, folders))
                for row in rows
            )
        )


def group_of_runs(
    rows: Sequence[ResultRow], looks: Mapping[str, Look], analyses: Mapping[int, Analyses]
) -> DrawnGroup:
    """A group of rows whose analyses were read already, by seed."""
    return DrawnGroup(tuple(DrawnRow(row, looks[row.architecture], analyses) for row in rows))


def _read(cells: Path, row: ResultRow, folders: Mapping[int, str]) -> dict[int, Analyses]:
    found = {}
    for record in row.trained[:MOST_READ]:
        try:
            analyses = read_analyses(cells / folders[id(record)])
        except DataError:
            continue
        if analyses is not None:
            found[record.seed] = analyses
    return found
