"""What a worker shows while it works: new lines in `progress.jsonl`, and the time of change of `pulse`."""

from __future__ import annotations

from pathlib import Path

from cnnbuild.studies.epoch_news import EpochNews, news_from


class ProgressTail:
    """The lines of a file that are added from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._offset = path.stat().st_size
        except OSError:
            self._offset = 0

    def read(self) -> list[EpochNews]:
        """The epochs that were told since the last call; half a line waits for its end."""
        try:
            if self._path.stat().st_size <= self._offset:
                return []
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except OSError:
            return []
        whole = added.rpartition(b"\n")[0]
        if not whole:
            if added.startswith(b"\n"):  # the end of a half line that an earlier attempt left
                self._offset += 1
            return []
        self._offset += len(whole) + 1
        lines = whole.decode("utf-8", errors="replace").split("\n")
        return [news for line in lines if (news := news_from(line)) is not None]


class Pulse:
    """For how long a worker has given no sign of life.

    Changes are timed by the watcher's own clock: that of the worker's machine may be another.
    """

    def __init__(self, path: Path, now: float) -> None:
        self._path = path
        self._seen = self._changed()
        self._since = now

    def silent_for(self, now: float) -> float:
        """Seconds since the last change that was seen, or since the watch began."""
        changed = self._changed()
        if changed != self._seen:
            self._seen, self._since = changed, now
        return now - self._since

    def begin(self, now: float) -> None:
        """Count from now on: the worker was only queued before."""
        self._since = now

    def _changed(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0
