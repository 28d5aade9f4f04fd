"""How a running study is shown: a live display on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

from types import TracebackType

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cnnbuild.studies.events import CellEnded, CellStarted, EpochEnded, StudyEvent, StudyPlanned
from cnnbuild.training.record import loss_text


class StudyProgress:
    """A listener for `run_study`; `ended` of `total` cells have a record that is worth keeping.

    Failures are shown at once, with the path of their log, even when quiet.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.ended = 0
        self.total = 0
        console = Console(stderr=True)
        self.live = self._display(console) if console.is_terminal and not quiet else None
        self.overall: TaskID | None = None
        self.current: TaskID | None = None

    def __enter__(self) -> StudyProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Put the terminal back."""
        if self.live is not None:
            self.live.stop()

    def __call__(self, event: StudyEvent) -> None:
        """Show one event."""
        match event:
            case StudyPlanned():
                self._planned(event)
            case CellStarted():
                self._started(event)
            case EpochEnded():
                self._epoch(event)
            case CellEnded():
                self._ended(event)

    @staticmethod
    def _display(console: Console) -> Progress:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        return Progress(*columns, console=console)

    def _planned(self, event: StudyPlanned) -> None:
        self.total = len(event.plan.cells)
        for warning in event.plan.warnings:
            self._say(f"{warning}\n")
        if event.finished:
            verb = "run was" if self.total == 1 else "runs were"
            kept = "is" if event.finished == 1 else "are"
            self._say(f"{event.finished} of {self.total} {verb} finished before and {kept} kept")
        if self.live is not None:
            self.overall = self.live.add_task("runs", total=self.total, note="")
            self.live.start()

    def _started(self, event: CellStarted) -> None:
        title = f"[{event.number}/{event.total}] {event.cell.label}"
        if self.live is None:
            self._say(title)
            return
        if self.current is not None:
            self.live.remove_task(self.current)
        self.current = self.live.add_task(escape(title), total=event.cell.recipe.epochs, note="")

    def _epoch(self, event: EpochEnded) -> None:
        if self.live is None or self.current is None:
            self._say(f"  {event.epoch}")
            return
        accuracy = event.epoch.validation_accuracy
        note = f"loss {loss_text(event.epoch.running_loss)}"
        note += "" if accuracy is None else f"  validation {100 * accuracy:.2f} %"
        self.live.update(self.current, completed=event.epoch.epoch, note=note)

    def _ended(self, event: CellEnded) -> None:
        record = event.record
        self.ended += record.is_final
        if record.state != "done":
            self._warn(f"{event.cell.label}: {record.state}: {record.reason} (log: {event.log})")
        elif not event.reused and record.run is not None and record.run.test is not None:
            accuracy = 100 * record.run.test.accuracy
            self._say(f"{event.cell.label}: test accuracy {accuracy:.2f} %, {record.seconds:.1f} s")
        if self.live is not None and self.overall is not None:
            self.live.update(self.overall, advance=1)

    def _say(self, text: str) -> None:
        if self.live is not None:
            self.live.console.print(text, markup=False, highlight=False)
        elif not self.quiet:
            typer.echo(text, err=True)

    def _warn(self, text: str) -> None:
        if self.live is not None:
            self.live.console.print(text, markup=False, highlight=False, style="bold red")
        else:
            typer.echo(text, err=True)
