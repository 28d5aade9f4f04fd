"""What is known of a study while it runs: how far each run is, and for about how long the rest will take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import TypeAlias

from cnnbuild.studies.epoch_news import EpochNews
from cnnbuild.studies.events import CellEnded, CellRetried, CellStarted, EpochEnded, StudyPlanned
from cnnbuild.studies.plan import Cell

Kind: TypeAlias = tuple[str, str, str]
"""What runs that differ in nothing but the seed have in common: they take about the same time."""


@dataclass(frozen=True, slots=True)
class RunningRun:
    """Run `number` of `total`, on which a process works since `begun`, a moment of the watch's clock.

    `news` is its last epoch, heard of at `heard`; `epoch_seconds` are those of the epochs of this process.
    """

    cell: Cell
    number: int
    total: int
    attempt: int
    begun: float
    heard: float
    news: EpochNews | None = None
    epoch_seconds: tuple[float, ...] = ()

    def ends_at(self, expected: float | None) -> float | None:
        """When it will have ended, by its epochs, else by the seconds that such runs took; None: unknown."""
        news, budget = self.news, self.cell.recipe.seconds
        epochs = self.cell.recipe.epochs if news is None else news.epochs
        if news is not None and epochs is not None and self.epoch_seconds:
            return self.heard + max(0, epochs - news.epoch) * fmean(self.epoch_seconds)
        if budget is not None:
            return self.begun + budget
        return None if expected is None else self.begun + expected


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The study at one moment; `ends_at` is when it will have ended, about, and None where nobody knows.

    `left` counts the runs that have not ended, the `running` ones included. `run_ends` are theirs, in order.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    running: tuple[RunningRun, ...] = ()
    run_ends: tuple[float | None, ...] = ()
    ends_at: float | None = None

    @property
    def left(self) -> int:
        """How many runs have not ended."""
        return self.total - self.done - self.failed


@dataclass
class StudyWatch:
    """Follows the events of a study; `now` is its latest state, replaced as a whole by each event.

    A thread that draws may therefore read `now` whenever it likes. Only the runs whose labels are `chosen`
    are counted, without it all. `clock` gives seconds. `final` counts the runs that no later start of the
    study will run again.
    """

    chosen: frozenset[str] | None = None
    clock: Callable[[], float] = time.monotonic
    now: Snapshot = field(default_factory=Snapshot)
    final: int = 0
    _running: dict[str, RunningRun] = field(default_factory=dict)
    _waiting: dict[str, Kind] = field(default_factory=dict)
    _first_begun: dict[str, float] = field(default_factory=dict)
    _seconds: dict[Kind, list[float]] = field(default_factory=dict)  # of runs that this start finished
    _earlier: dict[Kind, list[float]] = field(default_factory=dict)  # of those that an earlier start did
    _most_at_once: int = 1

    def planned(self, event: StudyPlanned) -> None:
        """Every run is waiting."""
        cells, chosen = event.plan.cells, self.chosen
        self._waiting = {c.label: _kind(c) for c in cells if chosen is None or c.label in chosen}
        self.now = Snapshot(total=len(self._waiting))

    def started(self, event: CellStarted) -> None:
        """A process works on a run."""
        label, moment = event.cell.label, self.clock()
        self._waiting.pop(label, None)
        self._first_begun.setdefault(label, moment)
        self._running[label] = RunningRun(
            event.cell, event.number, event.total, event.attempt, moment, moment
        )
        self._most_at_once = max(self._most_at_once, len(self._running))
        self._settle()

    def epoch(self, event: EpochEnded) -> RunningRun | None:
        """A run has trained an epoch; gives the run, None where it is not known to have started."""
        run = self._running.get(event.cell.label)
        if run is None:
            return None
        seconds = (*run.epoch_seconds, event.epoch.seconds)
        run = replace(run, news=event.epoch, heard=self.clock(), epoch_seconds=seconds)
        self._running[event.cell.label] = run
        self._settle()
        return run

    def retried(self, event: CellRetried) -> None:
        """A process has gone; the run waits for its next one."""
        self._running.pop(event.cell.label, None)
        self._waiting[event.cell.label] = _kind(event.cell)
        self._settle()

    def ended(self, event: CellEnded) -> None:
        """A run has ended, or had ended before."""
        label, record = event.cell.label, event.record
        self._running.pop(label, None)
        self._waiting.pop(label, None)
        is_done = record.state == "done"
        if is_done:
            known = self._earlier if event.reused else self._seconds
            begun = self._first_begun.pop(label, None)
            whole = 0.0 if begun is None else self.clock() - begun
            known.setdefault(_kind(event.cell), []).append(max(record.seconds, whole))
        if self.chosen is None or label in self.chosen:
            self.final += record.is_final
            now = self.now
            self.now = replace(now, done=now.done + is_done, failed=now.failed + (not is_done))
        self._settle()

    def _settle(self) -> None:
        """Make `now` agree with what was heard."""
        running = tuple(self._running.values())
        known = self._known_seconds(running)
        ends = tuple(run.ends_at(_expected(_kind(run.cell), known)) for run in running)
        self.now = replace(self.now, running=running, run_ends=ends, ends_at=self._end(ends, known))

    def _known_seconds(self, running: tuple[RunningRun, ...]) -> dict[Kind, Sequence[float]]:
        """What runs of each kind took: those just finished, else as running ones look, else earlier ones."""
        hoped: dict[Kind, list[float]] = {}
        for run in running:
            end = run.ends_at(None)
            if end is not None:
                hoped.setdefault(_kind(run.cell), []).append(end - run.begun)
        return {**self._earlier, **hoped, **self._seconds}

    def _end(self, ends: tuple[float | None, ...], known: Mapping[Kind, Sequence[float]]) -> float | None:
        """When everything will have ended, if as many runs as ever share the work evenly."""
        moment = self.clock()
        work = longest = 0.0
        for end in ends:
            if end is None:
                return None
            work += max(0.0, end - moment)
            longest = max(longest, end - moment)
        for kind, count in Counter(self._waiting.values()).items():
            seconds = _expected(kind, known)
            if seconds is None:
                return None
            work += count * seconds
        return moment + max(longest, work / self._most_at_once)


def _kind(cell: Cell) -> Kind:
    return cell.architecture, cell.dataset.label, cell.setting


def _expected(kind: Kind, known: Mapping[Kind, Sequence[float]]) -> float | None:
    """The mean seconds of runs of a kind, else of all runs; None where none is known."""
    if kind in known:
        return fmean(known[kind])
    everything = [seconds for one in known.values() for seconds in one]
    return fmean(everything) if everything else None


def rounded_duration(seconds: float) -> str:
    """A duration with no more digits than an estimate deserves.

    >>> [rounded_duration(seconds) for seconds in (3, 42, 95, 3000, 8000, 200_000)]
    ['5 s', '40 s', '2 min', '50 min', '2 h 10 min', '56 h']
    """
    if seconds < 55:
        return f"{max(5, 5 * round(seconds / 5))} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 595:
        hours, tens = divmod(round(minutes / 10), 6)
        return f"{hours} h {10 * tens} min" if tens else f"{hours} h"
    return f"{round(minutes / 60)} h"
