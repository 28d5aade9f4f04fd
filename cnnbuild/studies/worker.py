"""A process that works on one attempt at a run: it reads `job.json`, and leaves `outcome.json`.

Every executor starts this, on whatever machine, so that a run's result does not depend on the executor. By
hand it is `python -m cnnbuild.studies.worker FOLDER`.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from cnnbuild.data.dataset import Dataset
from cnnbuild.data.split import split_validation
from cnnbuild.errors import DataError, OutOfMemoryError, RunInterruptedError
from cnnbuild.files import replace_file
from cnnbuild.lang.recipe import Recipe
from cnnbuild.studies.cell_run import first_line, run_cell
from cnnbuild.studies.epoch_news import news_of
from cnnbuild.studies.job import Job, read_job
from cnnbuild.studies.job_cell import cell_of, load_data, record_without_network, take_slot
from cnnbuild.studies.record import CellRecord, State
from cnnbuild.studies.study_lock import WORKER_LOCK
from cnnbuild.training.failures import failures_told
from cnnbuild.training.pulse import beat, listening
from cnnbuild.training.record import EpochRecord

DONE = 0
"""The attempt has ended, well or not: `outcome.json` says how."""
NOT_KEPT = 1
"""Its outcome could not be written; `log.txt` says why."""
NO_JOB = 2
"""There is no `job.json`, or a damaged one."""
BUSY = 75
"""Another living process works on the run (EX_TEMPFAIL of sysexits.h)."""

LOCK_SECONDS = 10.0  # an orphan, whose supervisor was killed, may need a while to notice it


def work(folder: Path, *, device: str = "") -> int:
    """Work on the run in `folder`; gives the exit code, one of those above, or 130 or 143 after a signal.

    `device` is that of the worker's slot, where the executor gives one. A signal that asks it to stop leaves
    a checkpoint and no outcome. Everything that is printed meanwhile goes to `log.txt`.
    """
    folder = folder.absolute()
    try:
        with _output_to(folder / "log.txt"), _stopped_by_signals():
            return _locked(folder, device)
    except RunInterruptedError as stop:
        return stop.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except OSError as error:
        sys.stderr.write(f"error: {folder}: the run cannot be kept here: {error.strerror}\n")
        return NOT_KEPT


def _locked(folder: Path, device: str) -> int:
    try:
        with FileLock(folder / WORKER_LOCK, timeout=LOCK_SECONDS):
            return _attempt(folder, device)
    except Timeout:
        _say("another process works on this run; this one ends")
        return BUSY
    except NotImplementedError:
        _say(f"error: {folder}: the file system here cannot lock files")
        return NOT_KEPT
    except RunInterruptedError as stop:
        _say(str(stop))
        raise


def _attempt(folder: Path, device: str) -> int:
    outcome = folder / "outcome.json"
    try:
        job = read_job(folder)
    except DataError as error:
        _say(f"error: {error}")
        return NO_JOB
    if _is_newer(outcome, folder / "job.json"):  # a scheduler started the same attempt a second time
        _say("this attempt has ended already")
        return DONE
    try:
        with listening((folder / "pulse").touch):
            beat()
            record = _record_of(replace(job, device=device or job.device), folder)
        content = json.dumps(record.to_dict()) + "\n"  # on the disk it is when the supervisor adopts it
        replace_file(outcome, content.encode(), durable=False)
    except Exception:  # noqa: BLE001 - what cannot be recorded is told in the log
        traceback.print_exc()
        return NOT_KEPT
    return DONE


def _record_of(job: Job, folder: Path) -> CellRecord:
    """The record of an attempt, whatever became of it."""
    started, begin = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    state: State = "failed"
    try:
        take_slot(job)
        recipe = Recipe.model_validate(job.recipe)
        with failures_told(recipe, None):
            dataset = load_data(job, beat)
            cell = cell_of(job, dataset)
    except OutOfMemoryError as error:
        state, reason = "out_of_memory", first_line(error)
        traceback.print_exc()
    except Exception as error:  # noqa: BLE001 - one run must not stop the others
        reason = f"{type(error).__name__}: {first_line(error)}"
        traceback.print_exc()
    else:
        progress = _Progress(folder / "progress.jsonl", dataset, recipe)
        return run_cell(cell, dataset, folder=folder, on_epoch=progress.add, job=job)
    return record_without_network(job, state, reason, started=started, seconds=time.perf_counter() - begin)


class _Progress:
    """The file that tells each epoch as soon as it has ended."""

    def __init__(self, path: Path, dataset: Dataset, recipe: Recipe) -> None:
        self._path = path
        self._epochs = recipe.epochs
        fitted, _ = split_validation(dataset.train.labels, recipe.validation)
        self._images = len(fitted)

    def add(self, epoch: EpochRecord) -> None:
        """Append an epoch's news; a half line that a killed worker left is ended first."""
        line = news_of(epoch, epochs=self._epochs, images=self._images).to_line()
        with self._path.open("ab+") as file:  # not flushed to the disk: it is told, and kept elsewhere
            torn = False
            if file.tell():
                file.seek(-1, os.SEEK_END)
                torn = file.read(1) != b"\n"
            file.write((b"\n" if torn else b"") + line.encode() + b"\n")


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Within it, what the process prints goes to `log`, also from C, and the stack of a crash.

    Raises:
        OSError: the file cannot be written.
    """
    with log.open("a", encoding="utf-8", errors="backslashreplace", buffering=1) as file:
        told_before = faulthandler.is_enabled()
        before = os.dup(1), os.dup(2)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        faulthandler.enable(file)
        try:
            with redirect_stdout(file), redirect_stderr(file):
                yield
        finally:
            faulthandler.disable()
            for number, kept in enumerate(before, start=1):
                os.dup2(kept, number)
                os.close(kept)
            if told_before:
                faulthandler.enable(2)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Within it SIGTERM raises `RunInterruptedError`, wherever training does not answer it better."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: FrameType | None) -> None:
    del frame
    raise RunInterruptedError(f"stopped by {signal.Signals(number).name}", number)


def _is_newer(path: Path, other: Path) -> bool:
    try:
        return path.stat().st_mtime_ns > other.stat().st_mtime_ns
    except FileNotFoundError:
        return False


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m cnnbuild.studies.worker FOLDER")
    sys.exit(work(Path(sys.argv[1])))
