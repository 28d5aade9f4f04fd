"""The page of a study while it runs: a process beside the study writes it anew, and costs little."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from cnnbuild.errors import CnnbuildError
from cnnbuild.studies.events import StudyEvent
from cnnbuild.system.processes import NEW_GROUP

SECONDS = 10.0  # that a study has run before its page is written for the first time, and between two writings


class LivePage:
    """A listener for the events of a study in `folder`, which passes them on to `tell`.

    The page of a study that is over before `seconds` is not written here. Leaving the context ends the
    writing; after an error it also writes the page as it stays, `final`, that no reader waits for more.
    """

    def __init__(self, folder: Path, tell: Callable[[StudyEvent], None], *, seconds: float = SECONDS) -> None:
        self.final: Path | None = None
        self._folder, self._tell, self._seconds = folder, tell, seconds
        self._begun = time.monotonic()
        self._writer: subprocess.Popen[bytes] | None = None
        self._failed = False

    def __enter__(self) -> LivePage:
        self._begun = time.monotonic()
        return self

    def __call__(self, event: StudyEvent) -> None:
        """Pass an event on, and have the page written from now on when it is time."""
        self._tell(event)
        if self._writer is None and not self._failed and time.monotonic() - self._begun >= self._seconds:
            try:
                self._writer = _started(self._folder, self._seconds)
            except OSError:  # no process to be had: the page comes at the end
                self._failed = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        writer = self._writer
        if writer is None:
            return
        writer.kill()
        writer.communicate()
        with suppress(OSError):
            for half in self._folder.glob(".report.html.*"):
                half.unlink(missing_ok=True)
        if kind is not None:
            from cnnbuild.report.page import write_report

            with suppress(CnnbuildError, OSError):  # what ended the study is what is to be told
                self.final = write_report(self._folder)


def _started(folder: Path, seconds: float) -> subprocess.Popen[bytes]:
    """The process that writes; it sees by its closed input that this one is gone, however it ended."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "cnnbuild.report.page_writer",
        os.fspath(folder.absolute()),
        str(seconds),
    ]
    places = [os.fspath(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(place for place in places if place),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(  # noqa: S603 - this interpreter, and a module of this package
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,  # Ctrl-C is for the study
        creationflags=NEW_GROUP,
    )
