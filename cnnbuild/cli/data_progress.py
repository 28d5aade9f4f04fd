"""Downloads and decoding as bars on standard error; nothing off a terminal, where a bar is only noise."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from cnnbuild.data.progress import Progress


SECONDS_BETWEEN = 0.05  # two looks at the same bar; images are decoded faster than anybody reads


class DataProgress:
    """A listener for `load_dataset`: one bar per task, made at its first message."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._next = 0.0

    def __enter__(self) -> DataProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how far a task is."""
        now = time.monotonic()
        between = progress.done > 0 and progress.done != progress.total
        if not self._shown or (between and now < self._next):
            return
        self._next = now + SECONDS_BETWEEN
        bars = self._bars = self._bars or _started()
        if progress.task not in self._tasks:
            self._tasks[progress.task] = bars.add_task(progress.task, total=progress.total, amount="")
        if progress.unit == "bytes":
            amount = _megabytes(progress)
        else:
            amount = f"{progress.done:,}" + (f" of {progress.total:,}" if progress.total is not None else "")
        bars.update(self._tasks[progress.task], completed=progress.done, amount=amount)


def _started() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeRemainingColumn(),
    )
    bars = Bars(*columns, console=Console(stderr=True), transient=True)
    bars.start()
    return bars


def _megabytes(progress: Progress) -> str:
    done = f"{progress.done / 1e6:,.1f}"
    return f"{done} of {progress.total / 1e6:,.1f} MB" if progress.total is not None else f"{done} MB"
