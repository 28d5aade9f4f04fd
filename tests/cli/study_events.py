"""What a running study tells, made up: which events come at which second, for runs whose fates are known."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from cnnbuild.lang.study import read_study
from cnnbuild.studies.epoch_news import EpochNews
from cnnbuild.studies.events import (
    CellEnded,
    CellRetried,
    CellStarted,
    EpochEnded,
    StudyEvent,
    StudyPlanned,
)
from cnnbuild.studies.plan import Cell, StudyPlan, plan_study
from cnnbuild.studies.record import Attempt, State
from tests.studies.studies_on_disk import STUDY, write_study
from tests.studies.synthetic import cell_record


@dataclass(frozen=True)
class Fate:
    """What becomes of a run: each of `retries` ends a process after its second epoch; then it ends so."""

    seconds_per_epoch: float = 10.0
    state: State = "done"
    reason: str = ""
    retries: tuple[Attempt, ...] = ()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def tiny_plan(folder: Path, *, seeds: int = 2, epochs: int = 4, text: str = STUDY) -> StudyPlan:
    """The runs `narrow` and `wide` on digits; the seeds of `narrow` come first."""
    path = write_study(folder, text)
    return plan_study(read_study(path, seeds=seeds, settings={"train.epochs": epochs}), data_root=None)


def told(
    plan: StudyPlan, *, slots: int = 1, fates: Mapping[str, Fate] | None = None, finished: int = 0
) -> Iterator[tuple[float, StudyEvent]]:
    """The events of a study of `slots` runs at once, each with its second; `finished` were so before."""
    yield 0.0, StudyPlanned(plan, finished)
    total, waiting = len(plan.cells), list(enumerate(plan.cells, start=1))
    for number, cell in waiting[:finished]:
        yield 0.0, CellEnded(number, total, cell, _record(cell, Fate(), 40.0), _log(cell), reused=True)
    order, events = count(), list[tuple[float, int, StudyEvent]]()
    busy, moment = 0, 0.0
    del waiting[:finished]
    while waiting or events:
        while waiting and busy < slots:
            number, cell = waiting.pop(0)
            busy += 1
            for when, event in _life(number, total, cell, (fates or {}).get(cell.label, Fate()), moment):
                heapq.heappush(events, (when, next(order), event))
        moment, _, event = heapq.heappop(events)
        busy -= isinstance(event, CellEnded)
        yield moment, event


def _life(
    number: int, total: int, cell: Cell, fate: Fate, begun: float
) -> Iterator[tuple[float, StudyEvent]]:
    epochs, moment, done = cell.recipe.epochs or 0, begun, 0
    for attempt, retried in enumerate((*fate.retries, None), start=1):
        yield moment, CellStarted(number, total, cell, attempt)
        stop = epochs if fate.state == "done" else epochs // 2
        for epoch in range(done + 1, (min(done + 2, stop) if retried else stop) + 1):
            moment += fate.seconds_per_epoch
            done = epoch
            yield moment, EpochEnded(cell, _news(epoch, epochs, fate.seconds_per_epoch))
        if retried is not None:
            yield moment, CellRetried(number, total, cell, retried, _log(cell))
    yield (
        moment,
        CellEnded(number, total, cell, _record(cell, fate, moment - begun), _log(cell), reused=False),
    )


def _news(epoch: int, epochs: int, seconds: float) -> EpochNews:
    return EpochNews(epoch, epochs, 2 / (epoch + 1), 0.5, 1 - 0.5 / (epoch + 1), seconds, 1438 / seconds)


def _record(cell: Cell, fate: Fate, seconds: float) -> object:
    rest = {} if fate.state == "done" else {"run": None}
    return cell_record(
        cell.architecture, cell.seed, 912, state=fate.state, reason=fate.reason, seconds=seconds, **rest
    )


def _log(cell: Cell) -> str:
    return f"runs/tiny/cells/{cell.architecture}-seed{cell.seed}/log.txt"
