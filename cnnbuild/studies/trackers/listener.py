"""Trackers that listen to a study: each run that ends is sent by a thread of its own while others train."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from cnnbuild.studies.events import CellEnded, StudyEvent, StudyNote
from cnnbuild.studies.trackers.sending import FIRST_SECONDS, SECONDS, Sender, read_cell
from cnnbuild.studies.trackers.tracker import Target


class Tracking:
    """A listener for the events of a study in `out`, which passes them on to `tell`.

    A run that ended is queued; what became of it is told as a `StudyNote` if it was not sent, once for each
    tracker, from the thread of the study. Leaving the context waits for what is queued.
    """

    def __init__(
        self,
        tell: Callable[[StudyEvent], None],
        targets: Sequence[Target],
        *,
        seconds: float = SECONDS,
        first_seconds: float = FIRST_SECONDS,
    ) -> None:
        self._tell = tell
        self._targets = tuple(targets)
        self._sender = Sender(targets, seconds=seconds, first_seconds=first_seconds)
        self._folders: queue.Queue[Path | None] = queue.Queue()
        self._faults: queue.Queue[tuple[str, str]] = queue.Queue()
        self._told: set[str] = set()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Tracking:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:  # stopped: what was not sent can be sent later
            self._sender.abandon()
        self._folders.put(None)
        self._thread.join()
        self._sender.close()
        self._tell_faults()

    def __call__(self, event: StudyEvent) -> None:
        """Pass an event on, and queue a run that ended."""
        self._tell(event)
        if self._targets and isinstance(event, CellEnded):
            self._folders.put(Path(event.log).parent)
        self._tell_faults()

    def _work(self) -> None:
        while (folder := self._folders.get()) is not None:
            record = read_cell(folder)
            if record is None:
                continue
            for name, became in self._sender.track(record, folder).items():
                if became.startswith("not "):
                    self._faults.put((name, became))

    def _tell_faults(self) -> None:
        while not self._faults.empty():
            name, became = self._faults.get()
            if name not in self._told:
                self._told.add(name)
                later = "the records are kept; `cnnbuild runs track` sends them later"
                self._tell(StudyNote(f"{name}: {became}; {later}"))
