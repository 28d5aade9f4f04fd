"""What a study tells while it runs; whoever listens decides how to show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cnnbuild.studies.epoch_news import EpochNews
from cnnbuild.studies.plan import Cell, StudyPlan
from cnnbuild.studies.record import Attempt, CellRecord


@dataclass(frozen=True, slots=True)
class StudyPlanned:
    """Every cell has passed its checks; `finished` of them need no run."""

    plan: StudyPlan
    finished: int


@dataclass(frozen=True, slots=True)
class CellStarted:
    """A process begins to work on a run; `number` counts the plan's cells from 1, `attempt` its processes."""

    number: int
    total: int
    cell: Cell
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class EpochEnded:
    """An epoch of a run has been trained and measured."""

    cell: Cell
    epoch: EpochNews


@dataclass(frozen=True, slots=True)
class CellRetried:
    """A process that worked on a run ended without finishing it, and another will; `attempt` says why."""

    number: int
    total: int
    cell: Cell
    attempt: Attempt
    log: str


@dataclass(frozen=True, slots=True)
class CellEnded:
    """A run has ended, well or not; `reused` where an earlier start of the study had finished it."""

    number: int
    total: int
    cell: Cell
    record: CellRecord
    log: str
    reused: bool


@dataclass(frozen=True, slots=True)
class StudyNote:
    """Something that whoever watches should know: a node was lost, a tracker does not answer."""

    text: str


StudyEvent: TypeAlias = StudyPlanned | CellStarted | EpochEnded | CellRetried | CellEnded | StudyNote
