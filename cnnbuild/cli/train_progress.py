"""How one run is shown while it trains: a bar on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

import typer

from cnnbuild.training.record import loss_text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from cnnbuild.training.record import EpochRecord


class TrainProgress:
    """A listener for the epochs of one run.

    `epochs` is how many there will be, None where a budget of steps or seconds decides. `images` are trained
    on in each.
    """

    def __init__(self, epochs: int | None, images: int, *, quiet: bool) -> None:
        self.epochs, self.images, self.quiet = epochs, images, quiet
        self.live: Progress | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> TrainProgress:
        if sys.stderr.isatty() and not self.quiet:
            self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def __call__(self, epoch: EpochRecord) -> None:
        """Show one epoch."""
        if self.quiet:
            return
        line = describe(epoch, self.epochs, self.images)
        if self.live is None or self.task is None:
            typer.echo(line, err=True)
            return
        self.live.console.print(line, markup=False, highlight=False, soft_wrap=True)
        self.live.update(self.task, completed=epoch.epoch, description=f"epoch {epoch.epoch + 1}")
        if epoch.epoch == self.epochs:
            self.live.update(self.task, description="test")

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = [TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn()]
        if self.epochs is not None:
            columns += [TextColumn("left"), TimeRemainingColumn()]
        self.live = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task = self.live.add_task("epoch 1", total=self.epochs)
        self.live.start()


def describe(epoch: EpochRecord, epochs: int | None, images: int) -> str:
    """One epoch as a line of text; accuracies are those of the record."""
    number = f"{epoch.epoch}/{epochs}" if epochs is not None else str(epoch.epoch)
    line = f"epoch {number}: loss {loss_text(epoch.running_loss)}, train accuracy {epoch.train_accuracy:.4f}"
    if epoch.validation_accuracy is not None:
        line += f", validation accuracy {epoch.validation_accuracy:.4f}"
    line += f", {epoch.seconds:.1f} s"
    return f"{line}, {images / epoch.train_seconds:,.0f} images/s" if epoch.train_seconds else line
