"""How a run that ended becomes part of its study, so that a process killed at any moment loses nothing.

A worker leaves `outcome.json`. Adopted, it is `record.json`, then a line of `runs.jsonl`, then a row of
`results.csv`; only then is anything removed. Whatever step a killed supervisor did not reach is made up for
by the next start: each step can be seen to be missing, and none is done twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from cnnbuild.errors import DataError, RunError
from cnnbuild.studies.job import Job, read_job
from cnnbuild.studies.record import Attempt, CellRecord, State
from cnnbuild.studies.run_folder import RunFolder
from cnnbuild.studies.store import CsvRow, Key, StudyFolder, csv_row, key_of
from cnnbuild.studies.study_lock import WORKER_LOCK, worker_lives

CSV_SECONDS = 1.0  # between two writings of results.csv, which is written as a whole

OF_AN_ATTEMPT = ("outcome.json", "pulse")
OF_AN_UNFINISHED_RUN = ("job.json", "progress.jsonl", WORKER_LOCK)


@dataclass(frozen=True, slots=True)
class Left:
    """What earlier starts left of a run that is not finished.

    `earlier` are the attempts so far. `accumulate` and `threads` are those that the checkpoint was made with,
    None where they may be chosen anew. `alive`: a worker of another start, on whatever machine, is at it.
    """

    earlier: tuple[Attempt, ...] = ()
    accumulate: int | None = None
    threads: int | None = None
    alive: bool = False


class Ledger:
    """What a supervisor knows of the runs of its study: a row of the table for each, never their records."""

    def __init__(
        self, folder: StudyFolder, names: Iterable[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = folder
        self._rows: dict[str, CsvRow | None] = dict.fromkeys(names)
        self._finished: dict[str, Key] = {}
        self._lost: set[str] = set()
        self._keys: set[Key] | None = None
        self._clock = clock
        self._csv_written = clock()

    def is_finished(self, name: str) -> bool:
        """Whether a run has a record to which another attempt could add nothing, and its weights."""
        if name not in self._finished:
            record = self.folder.read_record(name)
            if record is not None and record.state == "done" and not self.weights(name).is_file():
                self._lost.add(name)
                self._rows[name] = csv_row(name, record)  # until it has been run again
            elif record is not None:
                self._know(name, record)
        return name in self._finished

    def has_lost_weights(self, name: str) -> bool:
        """Whether a run was done, and is run again for its weights are gone."""
        return name in self._lost and name not in self._finished

    def weights(self, name: str) -> Path:
        """Where a run that is done keeps its weights."""
        return RunFolder(self.folder.cell(name)).weights

    def settle(self, name: str, cell_id: str) -> Left | None:
        """Make up for what a killed supervisor did not finish; None where the run is finished then.

        Raises:
            RunError: a file cannot be written.
        """
        run = self.folder.cell(name)
        if self.is_finished(name):
            self._add_missing_line(name, self._finished[name])
            self._tidy(name)
            return None
        if not run.is_dir():
            return Left()
        if worker_lives(run):
            return Left(alive=True)
        record = None if self.has_lost_weights(name) else self.folder.read_record(name)
        job = _read_job(run, cell_id)
        outcome = self.folder.read_outcome(name, cell_id)
        if outcome is not None and _was_retried(outcome, job):
            outcome = None
        elif outcome is not None and (record is None or key_of(record) != key_of(outcome)):
            record = _completed(outcome, job)
            self.adopt(name, record)
        left = _left(run, record, job)  # before the worker's files are removed
        if record is not None:
            self._add_missing_line(name, key_of(record))
            self._know(name, record)
        self._tidy(name)
        return None if name in self._finished else left

    def adopt(self, name: str, record: CellRecord) -> None:
        """Keep how a run ended, and remove what is not needed any more.

        Raises:
            RunError: a file cannot be written; the next start adopts what the worker left.
        """
        path = self.folder.cell(name) / "record.json"
        try:
            self.folder.write_record(name, record)
            path = self.folder.path / "runs.jsonl"
            self.folder.append_run(record)
        except OSError as error:
            raise _unwritable(path, error) from error
        if self._keys is not None:
            self._keys.add(key_of(record))
        self._know(name, record)
        if self._clock() - self._csv_written >= CSV_SECONDS:
            self.write_csv()
        self._tidy(name)

    def write_csv(self) -> None:
        """Write `results.csv`: a row for each run with a record, in the order of the plan.

        Raises:
            RunError: it cannot be written.
        """
        try:
            self.folder.write_rows(row for row in self._rows.values() if row is not None)
        except OSError as error:
            raise _unwritable(self.folder.path / "results.csv", error) from error
        self._csv_written = self._clock()

    def _know(self, name: str, record: CellRecord) -> None:
        self._rows[name] = csv_row(name, record)
        if record.is_final:
            self._finished[name] = key_of(record)

    def _add_missing_line(self, name: str, key: Key) -> None:
        if self._keys is None:
            self._keys = set(self.folder.keys())
        if key in self._keys:
            return
        record = self.folder.read_record(name)
        if record is None:
            return
        try:
            self.folder.append_run(record)
        except OSError as error:
            raise _unwritable(self.folder.path / "runs.jsonl", error) from error
        self._keys.add(key)

    def _tidy(self, name: str) -> None:
        """Remove what nobody needs any more; a run that is not finished keeps what it goes on from."""
        run, finished = self.folder.cell(name), name in self._finished
        checkpoint = RunFolder(run).checkpoint.name
        try:
            for file in list(run.iterdir()):
                in_the_way = file.name in OF_AN_ATTEMPT or _is_half_written(file)
                if finished:
                    in_the_way |= file.name in OF_AN_UNFINISHED_RUN or file.name.startswith(checkpoint)
                if in_the_way:
                    file.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(
                f"{run}: what is not needed any more cannot be removed: {error.strerror}"
            ) from error


def completed(outcome: CellRecord, job: Job, attempt: Attempt) -> CellRecord:
    """The record of a run whose last attempt has ended."""
    attempts = (*job.earlier, attempt)
    return replace(outcome, attempts=attempts, executor=job.executor, parallel=job.parallel)


def attempt_at(
    job: Job, state: State, reason: str, *, seconds: float, resumed: bool, host: str = ""
) -> Attempt:
    """An attempt that has ended."""
    accumulate = job.accumulate
    if accumulate is None:
        planned = job.recipe.get("accumulate", 1)
        accumulate = planned if isinstance(planned, int) else 1
    return Attempt(state, reason, seconds, host=host, accumulate=accumulate, resumed=resumed)


def _completed(outcome: CellRecord, job: Job | None) -> CellRecord:
    """The record of a run whose supervisor was killed before it had adopted the outcome."""
    if job is None:
        return outcome
    resumed = outcome.run is not None and outcome.run.resumes > 0
    attempt = attempt_at(job, outcome.state, outcome.reason, seconds=outcome.seconds, resumed=resumed)
    return completed(outcome, job, attempt)


def _was_retried(outcome: CellRecord, job: Job | None) -> bool:
    """Whether the next attempt had been decided on: the outcome is that of the attempt before."""
    if job is None or not job.earlier:
        return False
    last = job.earlier[-1]
    return (last.state, last.seconds) == (outcome.state, outcome.seconds)


def _left(run: Path, record: CellRecord | None, job: Job | None) -> Left:
    if job is None:
        return Left(record.attempts if record is not None else ())
    goes_on = bool(RunFolder(run).checkpoints)
    threads = job.threads if goes_on else None
    if record is not None and len(record.attempts) >= job.attempt:
        again = goes_on and record.state != "out_of_memory"
        return Left(record.attempts, job.accumulate if again else None, threads)
    return Left((*job.earlier, *_cut_off(run, job)), job.accumulate, threads)


def _cut_off(run: Path, job: Job) -> tuple[Attempt, ...]:
    """The attempt of a job whose supervisor was killed; none where its worker had not begun."""
    try:
        begun = (run / "job.json").stat().st_mtime
        last = (run / "pulse").stat().st_mtime
    except OSError:
        return ()
    reason = "it ended with the process that looked after the study"
    return (attempt_at(job, "killed", reason, seconds=max(0.0, last - begun), resumed=bool(job.earlier)),)


def _read_job(run: Path, cell_id: str) -> Job | None:
    try:
        job = read_job(run)
    except DataError:
        return None
    return job if job.cell_id == cell_id else None


def _is_half_written(file: Path) -> bool:
    """Whether a killed process left it: a file that `replace_file` had not yet given its name."""
    return file.name.startswith(
        (".record.json.", ".outcome.json.", ".job.json.", ".run.json.", ".weights.pt.", ".analyses.json.")
    )


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path} cannot be written: {error.strerror}. Make room, or make it writable, and start the study "
        "again: finished runs are kept, and unfinished ones go on"
    )
