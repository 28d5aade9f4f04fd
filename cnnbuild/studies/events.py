"""What a study tells while it runs; whoever listens decides how to show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cnnbuild.studies.plan import Cell, StudyPlan
from cnnbuild.studies.record import CellRecord
from cnnbuild.training.record import EpochRecord


@dataclass(frozen=True, slots=True)
class StudyPlanned:
    """Every cell has passed its checks; `finished` of them need no run."""

    plan: StudyPlan
    finished: int


@dataclass(frozen=True, slots=True)
class CellStarted:
    """A run begins; `number` counts the plan's cells from 1."""

    number: int
    total: int
    cell: Cell


@dataclass(frozen=True, slots=True)
class EpochEnded:
    """An epoch of a run has been trained and measured."""

    cell: Cell
    epoch: EpochRecord


@dataclass(frozen=True, slots=True)
class CellEnded:
    """A run has ended, well or not; `reused` where an earlier start of the study had finished it."""

    number: int
    total: int
    cell: Cell
    record: CellRecord
    log: str
    reused: bool


StudyEvent: TypeAlias = StudyPlanned | CellStarted | EpochEnded | CellEnded
