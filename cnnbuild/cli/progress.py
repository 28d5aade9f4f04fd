"""How a running study is told: lines above a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

import typer
from rich.console import Console
from rich.live import Live

from cnnbuild.cli.live_table import LiveTable, live_display
from cnnbuild.cli.study_watch import RunningRun, StudyWatch, rounded_duration
from cnnbuild.cli.terminal import counted
from cnnbuild.studies.events import (
    CellEnded,
    CellRetried,
    CellStarted,
    EpochEnded,
    StudyEvent,
    StudyNote,
    StudyPlanned,
)
from cnnbuild.texts import escaped

FEW_RUNS = 20  # of which every run may tell its last epoch
SECONDS_PER_RUN = 0.05  # a study of 1,000 runs tells an epoch of each at most every 50 s


@dataclass(frozen=True, slots=True)
class Manner:
    """How the runs of a study are worked on: by which executor, how many at once, with how many threads."""

    executor: str
    slots: int
    threads: int

    def describe(self, runs: int) -> str:
        """The sentence that a study begins with, such as "12 runs, 2 at once, 1 thread each (local)"."""
        if self.executor == "inline":
            return f"{counted(runs, 'run')}, in this process (inline)"
        if runs == 1:
            return f"1 run, {counted(self.threads, 'thread')} ({self.executor})"
        at_once = "one after the other" if self.slots == 1 else f"{min(self.slots, runs):,} at once"
        return f"{runs:,} runs, {at_once}, {counted(self.threads, 'thread')} each ({self.executor})"


class StudyProgress:
    """A listener for `run_plan`, which prints to standard error; `watch` knows how far the study is.

    Failures and retries are told at once, with their cause and the path of the log, also when quiet. A
    study goes on where nothing can be printed any more: nobody reads, but the results are still wanted.
    Only the runs whose labels are `chosen` are counted, without it all.
    """

    def __init__(self, manner: Manner, *, quiet: bool, chosen: frozenset[str] | None = None) -> None:
        self.manner = manner
        self.quiet = quiet
        self.watch = StudyWatch(chosen)
        self._awaited = 0  # runs of earlier starts that are still to be told
        self._has_begun = False
        self._live: Live | None = None
        self._told: dict[str, float] = {}  # when a run was last heard of in a plain line
        self._mute = False

    def __enter__(self) -> StudyProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def total(self) -> int:
        """How many runs the study has; 0 until it is planned."""
        return self.watch.now.total

    @property
    def ended(self) -> int:
        """How many of them have a result that is kept."""
        return self.watch.final

    def close(self) -> None:
        """Put the terminal back."""
        live, self._live = self._live, None
        if live is not None:
            self._unless_nobody_reads(live.stop)

    def __call__(self, event: StudyEvent) -> None:
        """Show one event."""
        match event:
            case StudyPlanned():
                self._planned(event)
            case CellStarted():
                self._started(event)
            case EpochEnded():
                self._epoch(event)
            case CellRetried():
                self._retried(event)
            case CellEnded():
                self._ended(event)
            case StudyNote():
                self._say(escaped(event.text), style="yellow")

    def _planned(self, event: StudyPlanned) -> None:
        self.watch.planned(event)
        for warning in event.plan.warnings:
            self._say(f"{warning}\n")
        total = len({cell.label for cell in event.plan.cells})
        if event.finished:
            verb = "run was" if total == 1 else "runs were"
            kept = "is" if event.finished == 1 else "are"
            self._say(f"{event.finished} of {total} {verb} finished before and {kept} kept")
        self._awaited = event.finished
        self._begin()

    def _begin(self) -> None:
        """Say how the rest is worked on, once everything that was finished before has been told."""
        left = self.watch.now.left
        if self._awaited > 0 or self._has_begun or not left:
            return
        self._has_begun = True
        self._say(self.manner.describe(left))
        self._begin_table()

    def _begin_table(self) -> None:
        console = Console(stderr=True)
        if self.quiet or not sys.stderr.isatty() or console.is_dumb_terminal:
            return
        self._live = live_display(LiveTable(lambda: self.watch.now, self.watch.clock), console)
        self._unless_nobody_reads(self._live.start)

    def _started(self, event: CellStarted) -> None:
        self._awaited = 0
        self._begin()
        self.watch.started(event)
        if self._live is None:
            again = f", attempt {event.attempt}" if event.attempt > 1 else ""
            self._say(f"{_numbered(event)}{again}")
            self._told[event.cell.label] = self.watch.clock()

    def _epoch(self, event: EpochEnded) -> None:
        run = self.watch.epoch(event)
        if run is not None and self._live is None and self._is_worth_a_line(run):
            self._told[event.cell.label] = self.watch.clock()
            self._say(f"{_numbered(run)}: {event.epoch}")

    def _is_worth_a_line(self, run: RunningRun) -> bool:
        """Whether an epoch is told in a plain line: the more runs there are, the more seldom."""
        news = run.news
        if news is not None and news.epoch == news.epochs and self.total <= FEW_RUNS:
            return True
        before = self._told.get(run.cell.label, run.begun)
        return self.watch.clock() - before >= SECONDS_PER_RUN * self.total

    def _retried(self, event: CellRetried) -> None:
        self.watch.retried(event)
        attempt = event.attempt
        if attempt.state == "out_of_memory":
            what = f"it is tried again with each batch in {2 * attempt.accumulate} parts"
        else:
            what = "it goes on in another process"
        cause = f"{_words(attempt.state)}: {escaped(attempt.reason)}"
        self._say(f"{_numbered(event)}: {cause}; {what} (log: {event.log})", style="yellow", urgent=True)

    def _ended(self, event: CellEnded) -> None:
        self.watch.ended(event)
        self._told.pop(event.cell.label, None)
        record = event.record
        if event.reused:
            self._awaited -= 1
        if record.state != "done":
            cause = f"{_words(record.state)}: {escaped(record.reason)}"
            self._say(f"{_numbered(event)}: {cause} (log: {event.log})", style="bold red", urgent=True)
        elif not event.reused and record.run is not None and record.run.test is not None:
            accuracy = 100 * record.run.test.accuracy
            self._say(
                f"{_numbered(event)}: test accuracy {accuracy:.2f} %, {record.seconds:.1f} s{self._rest()}"
            )
        if event.reused:
            self._begin()

    def _rest(self) -> str:
        """In plain lines, how much of the study is left; the live table says so itself."""
        now = self.watch.now
        if self._live is not None or not now.left or now.total == 1:
            return ""
        if now.ends_at is None:
            return f"; {now.left:,} left"
        seconds = max(0.0, now.ends_at - self.watch.clock())
        return f"; {now.left:,} left, about {rounded_duration(seconds)}"

    def _say(self, text: str, *, style: str = "", urgent: bool = False) -> None:
        if self.quiet and not urgent:
            return
        live = self._live
        if live is None:
            self._unless_nobody_reads(lambda: typer.echo(text, err=True))
        else:
            self._unless_nobody_reads(
                lambda: live.console.print(text, markup=False, highlight=False, soft_wrap=True, style=style)
            )

    def _unless_nobody_reads(self, write: Callable[[], None]) -> None:
        if self._mute:
            return
        try:
            write()
        except OSError:
            self._mute = True


def _numbered(event: CellStarted | CellRetried | CellEnded | RunningRun) -> str:
    return f"[{event.number}/{event.total}] {escaped(event.cell.label)}"


def _words(state: str) -> str:
    return state.replace("_", " ")
