"""Looks after the runs of a study while processes work on them: starts, watches, adopts, tries again.

It holds no data set and no record longer than it takes to write it, so that its memory does not grow with the
study.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from cnnbuild.errors import RunError, RunInterruptedError
from cnnbuild.studies.adoption import Ledger, Left
from cnnbuild.studies.attempts import Running, Waiting, next_attempt, prepared, record_of
from cnnbuild.studies.events import CellEnded, CellRetried, CellStarted, EpochEnded, StudyEvent, StudyNote
from cnnbuild.studies.executors.executor import Executor, Exit
from cnnbuild.studies.in_process import being_stopped, stopped_early
from cnnbuild.studies.jobs_of_plan import JobMaker, PlannedRun
from cnnbuild.studies.policy import Ending, Policy, classify, decide
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.study_lock import worker_lives
from cnnbuild.studies.worker import BUSY
from cnnbuild.training.interruption import stop_requests

POLL_SECONDS = 0.2  # how long news of an epoch may wait; an exit is told at once
PULSE_SECONDS = 1.0  # between two looks at the workers' signs of life
ELSEWHERE_SECONDS = 2.0  # between two looks at runs that another start's workers are at
LAST_SECONDS = 30.0  # that a killed process may take to be gone


def supervise(
    runs: Sequence[tuple[PlannedRun, Left]],
    executor: Executor,
    ledger: Ledger,
    jobs: JobMaker,
    policy: Policy,
    tell: Callable[[StudyEvent], None],
) -> None:
    """Have all `runs` worked on, and keep how each ended; none of their workers is left at the end.

    The executor is not closed. Ctrl-C and SIGTERM stop the workers, which leave checkpoints; a second one
    does not wait for these.

    Raises:
        RunInterruptedError: a signal asked to stop.
        RunError: a record cannot be written, or the executor can start nothing any more; the workers were
            stopped, and the next start goes on.
    """
    _Supervisor(executor, ledger, jobs, policy, tell).supervise(runs)


class _Supervisor:
    def __init__(
        self,
        executor: Executor,
        ledger: Ledger,
        jobs: JobMaker,
        policy: Policy,
        tell: Callable[[StudyEvent], None],
    ) -> None:
        self.executor, self.ledger, self.jobs = executor, ledger, jobs
        self.policy, self.tell = policy, tell
        self.waiting: deque[Waiting] = deque()
        self.elsewhere: list[Waiting] = []
        self.running: dict[str, Running] = {}
        self.unfinished = 0
        self.failed = False
        self.stopping = False
        self.writable = True
        self.looked_elsewhere = self.looked_at_pulses = time.monotonic()

    def supervise(self, runs: Sequence[tuple[PlannedRun, Left]]) -> None:
        self.unfinished = len(runs)
        for run, left in runs:
            one = Waiting(run, left)
            if left.alive:
                self._wait_for_other(one)
            else:
                self.waiting.append(one)
        try:
            with stop_requests() as stop:
                while (self.waiting or self.running or self.elsewhere) and not stop.signal_number:
                    if self.policy.fail_fast and self.failed:
                        self._stop_workers()
                        self._tell_what_is_left()
                        break
                    self._turn()
                if stop.signal_number:
                    if self.running:
                        with stop.hold_back():
                            self.tell(StudyNote(being_stopped(len(self.running))))
                    self._stop_workers()
                    raise RunInterruptedError(
                        f"stopped with {self.unfinished} of {len(runs)} runs not finished", stop.signal_number
                    )
        except RunError:
            self.writable = False
            self._stop_workers()
            raise
        finally:
            self._kill_workers()

    def _turn(self) -> None:
        """Start what fits, and hear what is new."""
        self._start_what_fits()
        if not self.running:  # what can be started has no slot, or workers of another start are waited for
            time.sleep(POLL_SECONDS)
        self._hear(POLL_SECONDS)
        self._end_stalled()
        self._look_elsewhere()

    def _start_what_fits(self) -> None:
        free = min(self.executor.free_slots(), len(self.waiting))
        begun = [prepared(self.waiting.popleft(), self.jobs) for _ in range(free)]
        if begun:
            self.executor.start([one.job for one in begun])
            self.running |= {one.job.name: one for one in begun}
            for one in begun:
                self._tell_progress(one, has_ended=False)

    def _hear(self, seconds: float) -> None:
        """Wait for an exit for so long, tell what was trained meanwhile, and see to the exits."""
        exits = self.executor.wait(seconds)
        gone = [(self.running.pop(ended.name), ended) for ended in exits if ended.name in self.running]
        for one in self.running.values():
            self._tell_progress(one, has_ended=False)
        for one, ended in gone:
            self._tell_progress(one, has_ended=True)
            self._end(one, ended)

    def _tell_progress(self, one: Running, *, has_ended: bool) -> None:
        run = one.waiting.run
        if not one.told and (has_ended or self.executor.is_running(run.name)):
            one.told = True
            one.pulse.begin(time.monotonic())
            self.tell(CellStarted(run.number, run.total, run.cell, one.job.attempt))
        if one.told:
            for news in one.tail.read():
                self.tell(EpochEnded(run.cell, news))

    def _end_stalled(self) -> None:
        """Kill workers without a sign of life; a queued one need give none."""
        limit, now = self.policy.stall_seconds, time.monotonic()
        if limit is None or now - self.looked_at_pulses < PULSE_SECONDS:
            return
        self.looked_at_pulses = now
        for name, one in self.running.items():
            if one.told and one.silent_seconds is None and one.pulse.silent_for(now) > limit:
                one.silent_seconds = one.pulse.silent_for(now)
                self.executor.stop(name, kill=True)

    def _end(self, one: Running, ended: Exit) -> None:
        """See to an attempt that has ended: another one, or the run's record."""
        run = one.waiting.run
        outcome = self.ledger.folder.read_outcome(run.name, run.cell_id)
        if ended.code == BUSY and outcome is None and not one.silent_seconds:
            self._wait_for_other(one.waiting)
            return
        ending = classify(ended, outcome, one.silent_seconds)
        accumulate = one.job.accumulate or run.cell.recipe.accumulate
        verdict = decide(
            ending,
            one.waiting.tally,
            self.policy,
            run.cell.recipe,
            run.cell.graph,
            accumulate=accumulate,
        )
        if not self.writable or (self.stopping and (verdict.again or ending.state == "killed")):
            return  # it goes on, or its outcome is adopted, when the study does
        if verdict.again:
            waiting, attempt = next_attempt(one, ended, ending, outcome, verdict)
            self.waiting.appendleft(waiting)
            self.tell(CellRetried(run.number, run.total, run.cell, attempt, self._log(run)))
        else:
            note = f"; {verdict.note}" if verdict.note else ""
            ending = Ending(ending.state, f"{ending.reason}{note}")
            self._adopt(run, record_of(one, ended, ending, outcome))

    def _adopt(self, run: PlannedRun, record: CellRecord) -> None:
        self.ledger.adopt(run.name, record)
        self.unfinished -= 1
        self.failed |= record.state != "done"
        self.tell(CellEnded(run.number, run.total, run.cell, record, self._log(run), reused=False))

    def _wait_for_other(self, waiting: Waiting) -> None:
        self.elsewhere.append(waiting)
        label = waiting.run.cell.label
        self.tell(StudyNote(f"{label}: a worker of an earlier start is still at it, and is waited for"))

    def _look_elsewhere(self) -> None:
        """See to the runs whose other workers have ended."""
        if not self.elsewhere or time.monotonic() - self.looked_elsewhere < ELSEWHERE_SECONDS:
            return
        self.looked_elsewhere = time.monotonic()
        still: list[Waiting] = []
        for waiting in self.elsewhere:
            run = waiting.run
            if worker_lives(self.ledger.folder.cell(run.name)):
                still.append(waiting)
                continue
            left = self.ledger.settle(run.name, run.cell_id)
            if left is None:
                self._tell_reused(run)
            elif left.alive:
                still.append(waiting)
            else:
                self.waiting.append(Waiting(run, left, waiting.tally))
        self.elsewhere = still

    def _tell_reused(self, run: PlannedRun) -> None:
        self.unfinished -= 1
        record = self.ledger.folder.read_record(run.name)
        if record is not None:
            self.tell(CellEnded(run.number, run.total, run.cell, record, self._log(run), reused=True))

    def _tell_what_is_left(self) -> None:
        if self.unfinished:
            self.tell(StudyNote(stopped_early(self.unfinished)))

    def _stop_workers(self) -> None:
        """Ask all workers to write a checkpoint and end; after the time of grace, kill them."""
        self.stopping = True
        for name in list(self.running):
            self.executor.stop(name, kill=False)
        end = time.monotonic() + self.policy.grace_seconds
        while self.running and time.monotonic() < end:
            self._hear(POLL_SECONDS)

    def _kill_workers(self) -> None:
        """Leave no worker behind."""
        self.stopping = True
        for name in list(self.running):
            self.executor.stop(name, kill=True)
        end = time.monotonic() + LAST_SECONDS
        while self.running and time.monotonic() < end:
            for ended in self.executor.wait(POLL_SECONDS):
                self.running.pop(ended.name, None)

    def _log(self, run: PlannedRun) -> str:
        return str(self.ledger.folder.cell(run.name) / "log.txt")
