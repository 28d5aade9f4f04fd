"""Sending runs to trackers through their side processes, with a time-out, and keeping what became of it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from cnnbuild.errors import DataError, RunError
from cnnbuild.studies.json_files import read_json, write_json
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.trackers.tracker import Target

SECONDS = 30.0
"""For how long a tracker may take over one run."""
FIRST_SECONDS = 120.0
"""The same for the first, for which libraries are loaded and a database made."""


class SideProcess:
    """The process that talks to one tracker; once it hung it is gone, and all further runs are not sent."""

    def __init__(
        self, target: Target, *, seconds: float = SECONDS, first_seconds: float = FIRST_SECONDS
    ) -> None:
        self.target = target
        self._seconds, self._first_seconds = seconds, max(seconds, first_seconds)
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._gone = ""

    def send(self, folder: Path) -> str:
        """Send the run in a folder; gives what its record is to say of it."""
        fault = self._gone or self._asked(folder)
        return f"not {self.target.sent}: {fault}" if fault else self.target.sent

    def close(self) -> None:
        """End the process, at once where it hangs."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(timeout=0 if self._gone else self._seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def abandon(self) -> None:
        """Send nothing more, and wait for nothing."""
        self._gone = self._gone or "the study was stopped"
        if self._process is not None:
            self._process.kill()

    def _asked(self, folder: Path) -> str:
        """Why a run was not sent; empty if it was."""
        first = self._process is None
        try:
            process = self._process or self._start()
            if process.stdin is None:
                raise OSError("its input is closed")
            process.stdin.write(json.dumps(str(folder.absolute())) + "\n")
            process.stdin.flush()
        except OSError as error:
            self._gone = f"its process cannot be asked: {error.strerror}"
            return self._gone
        limit = self._first_seconds if first else self._seconds
        try:
            answer = self._answers.get(timeout=limit)
        except queue.Empty:
            self._gone = f"no answer within {limit:g} s"
            process.kill()
            return self._gone
        if answer is None:
            self._gone = f"its process ended with exit code {process.wait()}"
            return self._gone
        return str(json.loads(answer))

    def _start(self) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "cnnbuild.studies.trackers.side",
            self.target.name,
            self.target.where,
        ]
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,  # Ctrl-C is the study's
        )
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        return self._process

    def _listen(self, process: subprocess.Popen[str]) -> None:
        """Pass on every answer, and None at the end."""
        with suppress(ValueError, OSError):
            for line in process.stdout or ():
                self._answers.put(line)
        self._answers.put(None)


class Sender:
    """Sends runs to several trackers, and writes into their records what became of it."""

    def __init__(
        self, targets: Sequence[Target], *, seconds: float = SECONDS, first_seconds: float = FIRST_SECONDS
    ) -> None:
        self._sides = [SideProcess(one, seconds=seconds, first_seconds=first_seconds) for one in targets]

    def __enter__(self) -> Sender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def track(self, record: CellRecord, folder: Path) -> dict[str, str]:
        """Send the run in a folder to where it has not been sent; gives what became of that, by tracker.

        The record in the folder is replaced by one that says so. Nothing is raised: trackers are no part of
        the result.
        """
        wanted = [side for side in self._sides if record.tracked.get(side.target.name) != side.target.sent]
        told: dict[str, str] = {side.target.name: side.send(folder) for side in wanted}
        if told:
            kept = replace(record, tracked={**record.tracked, **told})
            with suppress(RunError):  # a full disk: it is sent once more by the next `runs track`
                write_json(folder / "record.json", kept.to_dict())
        return told

    def abandon(self) -> None:
        """Send nothing more, and wait for nothing."""
        for side in self._sides:
            side.abandon()

    def close(self) -> None:
        """End the side processes."""
        for side in self._sides:
            side.close()


def track(record: CellRecord, folder: Path, targets: Sequence[Target]) -> dict[str, str]:
    """Send one run to some trackers, as `Sender.track` does."""
    with Sender(targets) as sender:
        return sender.track(record, folder)


def read_cell(folder: Path) -> CellRecord | None:
    """The record of the cell in a folder; None where it has not ended, or is no cell."""
    try:
        return CellRecord.from_dict(read_json(folder / "record.json"))
    except DataError:
        return None
