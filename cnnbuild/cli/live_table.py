"""The runs that go on, as a table that is drawn anew several times a second at the foot of a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from cnnbuild.cli.study_watch import RunningRun, Snapshot, rounded_duration
from cnnbuild.texts import escaped
from cnnbuild.training.record import loss_text

ECHO = 3  # columns kept free for the ^C that a terminal writes; at the edge it would move the table down
GAP = 2  # columns between two columns
LEAST_NAME = 26  # columns of a run's name that are worth more than a figure
TITLES = ("epoch", "loss", "val %", "images/s", "time", "left")
DROPPED_FIRST = ("time", "images/s", "loss")  # where the window is narrow
DRAWINGS_PER_SECOND = 4


@dataclass(frozen=True)
class LiveTable:
    """The study as it is now: `latest` and `clock` are those of a `StudyWatch`; rich draws it.

    It is never higher than the window, nor wider.
    """

    latest: Callable[[], Snapshot]
    clock: Callable[[], float]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines of one drawing."""
        yield from self.lines(max(1, options.max_width - ECHO), console.height)

    def lines(self, width: int, height: int) -> list[Text]:
        """The table for a window of `width` columns and `height` lines."""
        now, moment = self.latest(), self.clock()
        fitting = max(1, height - 4)  # the heading, the titles, "… more", and the line of the cursor
        shown = now.running[:fitting]
        table = [_line(now_text(now, moment), width, "bold")]
        if shown:
            table += _rows(shown, now.run_ends, moment, width)
        if hidden := len(now.running) - len(shown):
            table.append(_line(f"… {hidden:,} more running", width, "dim"))
        return table


def live_display(table: LiveTable, console: Console) -> Live:
    """The table at the foot of a console, not yet begun; it leaves nothing behind.

    What is printed meanwhile appears above it, also what others print: to standard error, and to standard
    output where that is the terminal too.
    """
    return Live(
        table,
        console=console,
        refresh_per_second=DRAWINGS_PER_SECOND,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        vertical_overflow="crop",
    )


def now_text(now: Snapshot, moment: float) -> str:
    """How far the study is, such as "12 runs: 5 done, 1 failed, 6 left, about 4 min"."""
    parts = [f"{now.done:,} done", *([f"{now.failed:,} failed"] if now.failed else []), f"{now.left:,} left"]
    if now.left and now.ends_at is not None:
        parts.append(f"about {rounded_duration(max(0.0, now.ends_at - moment))}")
    return f"{now.total:,} {'run' if now.total == 1 else 'runs'}: {', '.join(parts)}"


def _rows(
    running: Sequence[RunningRun], ends: Sequence[float | None], moment: float, width: int
) -> list[Text]:
    names = [_name(run) for run in running]
    figures = [_figures(run, end, moment) for run, end in zip(running, ends, strict=False)]
    columns = _columns(figures, min(LEAST_NAME, max(map(cell_len, names))), width)
    widths = {title: _width(title, figures) for title in columns}
    longest = max(len("run"), *map(cell_len, names))
    room = max(1, min(longest, width - sum(GAP + one for one in widths.values())))
    titles = "run".ljust(room) + "".join(" " * GAP + title.rjust(widths[title]) for title in columns)
    rows = [_line(titles, width, "dim")]
    for name, run, figure in zip(names, running, figures, strict=True):
        text = fitted(name, room) + "".join(" " * GAP + figure[t].rjust(widths[t]) for t in columns)
        rows.append(_line(text, width, "yellow" if run.attempt > 1 else ""))
    return rows


def _columns(figures: Sequence[dict[str, str]], name: int, width: int) -> tuple[str, ...]:
    """The titles of the columns that leave a name its least room."""
    columns: tuple[str, ...] = TITLES
    for dropped in ("", *DROPPED_FIRST):
        columns = tuple(title for title in columns if title != dropped)
        if name + sum(GAP + _width(title, figures) for title in columns) <= width:
            break
    return columns


def _width(title: str, figures: Sequence[dict[str, str]]) -> int:
    return max(len(title), *(len(figure[title]) for figure in figures))


def _name(run: RunningRun) -> str:
    again = f" (attempt {run.attempt})" if run.attempt > 1 else ""
    return escaped(run.cell.label) + again


def _figures(run: RunningRun, end: float | None, moment: float) -> dict[str, str]:
    """The cells of a row by their titles; empty where nothing is known yet."""
    news = run.news
    epochs = run.cell.recipe.epochs if news is None else news.epochs
    epoch = 0 if news is None else news.epoch
    accuracy = None if news is None else news.validation_accuracy
    rate = None if news is None else news.images_per_second
    return {
        "epoch": f"{epoch}" if epochs is None else f"{epoch}/{epochs}",
        "loss": "" if news is None else loss_text(news.running_loss),
        "val %": "" if accuracy is None else f"{100 * accuracy:.2f}",
        "images/s": "" if rate is None else f"{rate:,.0f}",
        "time": rounded_duration(moment - run.begun),
        "left": "" if end is None else rounded_duration(max(0.0, end - moment)),
    }


def fitted(text: str, width: int) -> str:
    """A text of exactly `width` columns; of a long one the middle is left out, for its end tells runs apart.

    >>> fitted("resnet18 on CIFAR-10, seed 3", 20)
    'resnet18 …10, seed 3'
    """
    length = cell_len(text)
    if length <= width:
        return text + " " * (width - length)
    if width < 2:
        return "…"[:width]
    ahead = (width - 1) // 2
    start = chop_cells(text, ahead)[0] if ahead else ""
    end = chop_cells(text[::-1], width - 1 - cell_len(start))[0][::-1]
    cut = f"{start}…{end}"
    return cut + " " * (width - cell_len(cut))  # a wide character may not have fitted


def _line(text: str, width: int, style: str) -> Text:
    line = Text(text, style=style, no_wrap=True, overflow="ellipsis")
    line.truncate(width, overflow="ellipsis")
    return line
