"""A planned study is run, shown while it runs, and summed up: what `cnnbuild run` does after its checks."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import typer

from cnnbuild.cli.progress import Manner, StudyProgress
from cnnbuild.cli.run_summary import print_summary, stopped
from cnnbuild.errors import RunInterruptedError
from cnnbuild.report.last_report import write_last_report
from cnnbuild.report.live_page import LivePage
from cnnbuild.report.page import write_report
from cnnbuild.studies.events import StudyEvent
from cnnbuild.studies.execution import Execution, Workers, workers_for
from cnnbuild.studies.plan import StudyPlan
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.run import run_plan
from cnnbuild.studies.selection import selected
from cnnbuild.studies.study_file import Invocation
from cnnbuild.studies.trackers.listener import Tracking
from cnnbuild.studies.trackers.tracker import Target


@dataclass(frozen=True, slots=True)
class StudyOrder:
    """A plan, where its results go, and how it is worked on.

    `trackers` are given the runs that end. `plugins` are the files of its own layer types, `only` selects
    runs as `selection.selected` says, and `invocation` is kept for `cnnbuild resume`.
    """

    plan: StudyPlan
    folder: Path
    data_root: Path | None
    execution: Execution
    plugins: tuple[Path, ...] = ()
    only: tuple[str, ...] = ()
    invocation: Invocation | None = None
    trackers: tuple[Target, ...] = ()


def run_shown(order: StudyOrder, *, quiet: bool) -> None:
    """Run a study, show it, and leave with 1 where a run that was asked for has no result.

    Raises:
        typer.Exit: 1 after a failed run, 130 after Ctrl-C, 143 after SIGTERM.
        RunError: the report cannot be made; all else is kept.
        CnnbuildError: as `run_plan` and `workers_for` do.
    """
    chosen = selected(order.plan.cells, order.only)
    labels = frozenset(cell.label for cell, now in zip(order.plan.cells, chosen, strict=True) if now)
    with _terminated_as_interrupted(), workers_for(order.execution, order.plan) as workers:
        manner = Manner(order.execution.executor, workers.slots, workers.threads or 1)
        with StudyProgress(manner, quiet=quiet, chosen=labels) as progress:
            page = LivePage(order.folder, progress)
            try:
                with page:
                    results = _run(order, workers, page)
            except KeyboardInterrupt as stop:
                progress.close()
                _print_stop(progress, order.folder, page)
                raise typer.Exit(stop.exit_code if isinstance(stop, RunInterruptedError) else 130) from None
    now = progress.watch.now
    fail_fast = order.execution.fail_fast and now.failed > 0 and quiet  # a note has said it otherwise
    print_summary(results, left_by_fail_fast=now.left if fail_fast else 0)
    typer.echo(f"Report: {write_last_report(order.folder, write_report)}")
    if now.failed or now.left:
        raise typer.Exit(1)


def _run(order: StudyOrder, workers: Workers, tell: Callable[[StudyEvent], None]) -> StudyResults:
    with Tracking(tell, order.trackers) as listener:
        return run_plan(
            order.plan,
            out=order.folder,
            data_root=order.data_root,
            on_event=listener,
            executor=workers.executor,
            policy=order.execution.policy,
            memory_bytes=order.execution.memory_bytes,
            plugins=order.plugins,
            jobs=workers.per_machine,
            threads=workers.threads,
            only=order.only,
            invocation=order.invocation,
        )


def _print_stop(progress: StudyProgress, folder: Path, page: LivePage) -> None:
    typer.echo(stopped(progress.ended, progress.total, folder), err=True)
    if progress.total:  # a page of an earlier start would no longer be of this study
        typer.echo(
            f"Report of what is finished: {page.final or write_last_report(folder, write_report)}", err=True
        )


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Within it, SIGTERM is raised like Ctrl-C where nobody else hears it: the terminal is put back."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        raise RunInterruptedError("asked to end", number)

    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
