"""Runs worked on by the study's own process, one after the other: for plugins that are classes, say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from cnnbuild.data.dataset import Dataset
from cnnbuild.studies.adoption import Ledger, Left
from cnnbuild.studies.cell_run import run_cell
from cnnbuild.studies.epoch_news import news_of
from cnnbuild.studies.events import CellEnded, CellRetried, CellStarted, EpochEnded, StudyEvent, StudyNote
from cnnbuild.studies.jobs_of_plan import PlannedRun, planned_recipe
from cnnbuild.studies.plan import Cell
from cnnbuild.studies.policy import Ending, Policy, Tally, decide
from cnnbuild.studies.record import Attempt, CellRecord
from cnnbuild.training.record import EpochRecord

Tell = Callable[[StudyEvent], None]


def run_here(
    runs: Sequence[tuple[PlannedRun, Left]],
    datasets: Mapping[str, Dataset],
    ledger: Ledger,
    policy: Policy,
    tell: Tell,
) -> None:
    """Train what is to be run, with the images in memory, and keep how each run ended.

    Raises:
        RunError: a record cannot be written.
        RunInterruptedError: a signal asked to stop; the run under way left a checkpoint.
    """
    for done, (run, left) in enumerate(runs):
        if left.alive:
            tell(StudyNote(f"{run.cell.label}: a worker of an earlier start is still at it; it is left out"))
            continue
        record = _run(run, left, datasets[run.cell.dataset.label], ledger, policy, tell)
        ledger.adopt(run.name, record)
        tell(CellEnded(run.number, run.total, run.cell, record, _log(ledger, run), reused=False))
        unfinished = len(runs) - done - 1
        if policy.fail_fast and record.state != "done" and unfinished:
            tell(StudyNote(stopped_early(unfinished)))
            return


def stopped_early(unfinished: int) -> str:
    """What is told when a study stops at its first failure."""
    runs = "1 run is" if unfinished == 1 else f"{unfinished} runs are"
    done = "stopped after the first run without a result"
    return f"{done}: {runs} not finished; without fail-fast the same command goes on"


def being_stopped(running: int) -> str:
    """What is told when a signal asked to stop, and workers are waited for."""
    runs = "1 run writes a checkpoint" if running == 1 else f"{running} runs write checkpoints"
    return f"stopping: {runs}; another Ctrl-C does not wait for that"


def _run(
    run: PlannedRun, left: Left, dataset: Dataset, ledger: Ledger, policy: Policy, tell: Tell
) -> CellRecord:
    """Train one run, again in smaller parts where it ran out of memory; gives its record."""
    folder, recipe = ledger.folder.cell(run.name), run.cell.recipe
    accumulate = left.accumulate or recipe.accumulate
    attempts, tally = left.earlier, Tally()
    while True:
        tell(CellStarted(run.number, run.total, run.cell, len(attempts) + 1))
        listener = _listener(run.cell, tell)
        record = run_cell(run.cell, dataset, folder=folder, on_epoch=listener, accumulate=accumulate)
        record = planned_recipe(run, record)
        ending = Ending(record.state, record.reason)
        verdict = decide(ending, tally, policy, recipe, run.cell.graph, accumulate=accumulate)
        attempt = Attempt(record.state, record.reason, record.seconds, accumulate=accumulate)
        attempts = (*attempts, attempt)
        if not verdict.again or verdict.accumulate is None:
            break
        tally, accumulate = Tally(memory=tally.memory + 1), verdict.accumulate
        tell(CellRetried(run.number, run.total, run.cell, attempt, _log(ledger, run)))
    if verdict.note:
        record = replace(record, reason=f"{record.reason}; {verdict.note}")
    return replace(record, attempts=attempts if len(attempts) > 1 else ())


def _listener(cell: Cell, tell: Tell) -> Callable[[EpochRecord], None]:
    return lambda epoch: tell(EpochEnded(cell, news_of(epoch, epochs=cell.recipe.epochs)))


def _log(ledger: Ledger, run: PlannedRun) -> str:
    return str(ledger.folder.cell(run.name) / "log.txt")
