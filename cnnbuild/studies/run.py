"""A study from its document to its results: plan, load, run what is not finished, keep the folder true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cnnbuild.data.location import resolve_data_root
from cnnbuild.lang.study_document import StudyDocument
from cnnbuild.layers.registry import Registry
from cnnbuild.studies.adoption import Ledger, Left
from cnnbuild.studies.data_of_plan import PlanData
from cnnbuild.studies.disk_space import require_space
from cnnbuild.studies.events import CellEnded, StudyEvent, StudyNote, StudyPlanned
from cnnbuild.studies.executors.choose import threads_for
from cnnbuild.studies.executors.executor import Executor, Noting
from cnnbuild.studies.in_process import run_here
from cnnbuild.studies.jobs_of_plan import JobMaker, Means, PlannedRun
from cnnbuild.studies.missing_analyses import add_missing_analyses
from cnnbuild.studies.plan import StudyPlan, plan_study
from cnnbuild.studies.policy import Policy
from cnnbuild.studies.results import StudyResults, read_results
from cnnbuild.studies.selection import selected
from cnnbuild.studies.store import StudyFolder
from cnnbuild.studies.study_file import Invocation, describe_study
from cnnbuild.studies.study_lock import only_supervisor
from cnnbuild.studies.supervisor import supervise
from cnnbuild.training.machine import choose_device

STANDARD = Policy()


def run_study(
    document: StudyDocument,
    *,
    out: Path,
    data_root: Path | None,
    on_event: Callable[[StudyEvent], None] | None = None,
    registry: Registry | None = None,
) -> StudyResults:
    """Run all cells of a study that are not finished in the folder `out`, one after the other.

    A run that fails or diverges is recorded with its reason and does not stop the others. What is killed
    half-way, by Ctrl-C too, leaves the finished runs untouched: the same call goes on where it stopped.
    `registry` adds layer types to the standard ones.

    Raises:
        DocumentError: an architecture is faulty or does not fit its data; nothing has been trained.
        DataError: a data set is missing; nothing has been trained.
        UsageError: a recipe's device is absent, a transform cannot be applied, or `out` cannot be written;
            nothing has been trained.
    """
    plan = plan_study(document, data_root=data_root, registry=registry)
    return run_plan(plan, out=out, data_root=data_root, on_event=on_event)


def run_plan(
    plan: StudyPlan,
    *,
    out: Path,
    data_root: Path | None,
    on_event: Callable[[StudyEvent], None] | None = None,
    executor: Executor | None = None,
    policy: Policy = STANDARD,
    memory_bytes: int | None = None,
    plugins: Sequence[Path] = (),
    jobs: int = 1,
    threads: int | None = None,
    only: Sequence[str] = (),
    invocation: Invocation | None = None,
) -> StudyResults:
    """Run the cells of a plan as `run_study` does, in this process or where an `executor` has its workers.

    Of the workers up to `jobs` share a machine; each has `threads` threads (as `threads_for` says, unless
    given) and may use `memory_bytes`. `plugins` are the files of the plan's own layer types. `only` selects
    the cells to run now, as `selection.selected` says; the study keeps all. `invocation` is kept in
    `study.json`. The executor is not closed.

    Raises:
        DataError: a data set is missing; nothing has been trained.
        UsageError: a recipe's device is absent, a transform cannot be applied, `only` selects nothing, `out`
            cannot be written or has too little room, or another process runs the study; nothing has been
            trained.
        RunError: a record cannot be written, or the executor cannot go on; the same call goes on.
        RunInterruptedError: Ctrl-C or SIGTERM stopped the study; the same call goes on.
    """
    selected(plan.cells, only)  # faults are told before data are read
    data = PlanData(plan, data_root, keep=executor is None)
    folder = StudyFolder(out)
    runs = planned_runs(plan, data)
    chosen = selected([run.cell for run in runs], only)
    ledger = Ledger(folder, [run.name for run in runs])
    pending = [run for run, now in zip(runs, chosen, strict=True) if now and not ledger.is_finished(run.name)]
    _require_devices(pending, executor)
    data.try_transforms([run.cell for run in pending])
    name = "" if executor is None else executor.name
    share = threads if threads is not None else threads_for(jobs, name or "inline")
    means = Means(name, share, jobs, memory_bytes, tuple(plugins), resolve_data_root(data_root))
    maker = JobMaker(folder, means)
    if executor is not None:
        maker.check(pending)
    require_space(out, [run.cell for run in pending], slots=1 if executor is None else executor.slots)
    folder.prepare()
    with only_supervisor(out):
        folder.tidy()
        named = {run.name: run.cell for run in runs}
        folder.write_study(describe_study(plan, named, invocation).model_dump(mode="json"))
        study = _Study(plan, runs, chosen, ledger, on_event if on_event is not None else _ignore)
        try:
            study.work(executor, data, maker, policy)
        finally:
            ledger.write_csv()
    return read_results(out)


def _require_devices(runs: Sequence[PlannedRun], executor: Executor | None) -> None:
    """Raise now what every single run would; the nodes of a cluster have devices of their own."""
    if executor is None or executor.name == "local":
        for device in {run.cell.recipe.device for run in runs}:
            choose_device(device)


def planned_runs(plan: StudyPlan, data: PlanData) -> tuple[PlannedRun, ...]:
    """The runs of a plan by their names in the study's folder; one that is planned twice is one."""
    named: dict[str, PlannedRun] = {}
    for cell in plan.cells:
        facts = data.facts[cell.dataset.label]
        cell_id = cell.identity(facts.fingerprint)
        name = cell.folder_name(cell_id)
        number = named[name].number if name in named else len(named) + 1
        named[name] = PlannedRun(number, 0, name, cell, cell_id, facts.mode, facts.label, facts.fingerprint)
    return tuple(replace(run, total=len(named)) for run in named.values())


@dataclass(frozen=True, slots=True)
class _Study:
    """A study that starts."""

    plan: StudyPlan
    runs: Sequence[PlannedRun]
    chosen: Sequence[bool]
    ledger: Ledger
    tell: Callable[[StudyEvent], None]

    def begin(self) -> list[tuple[PlannedRun, Left]]:
        """Make up for what an earlier start did not finish, and tell it; gives what is to be run now."""
        settled = [(run, self.ledger.settle(run.name, run.cell_id)) for run in self.runs]
        finished = [run for run, left in settled if left is None]
        self.tell(StudyPlanned(self.plan, len(finished)))
        for run, now in zip(self.runs, self.chosen, strict=True):
            if now and self.ledger.has_lost_weights(run.name):
                weights = self.ledger.weights(run.name)
                self.tell(StudyNote(f"{run.cell.label}: it was done, but {weights} is gone; it is run again"))
        for run in finished:
            record = self.ledger.folder.read_record(run.name)
            if record is not None:
                log = str(self.ledger.folder.cell(run.name) / "log.txt")
                self.tell(CellEnded(run.number, run.total, run.cell, record, log, reused=True))
        return [
            (run, left)
            for (run, left), now in zip(settled, self.chosen, strict=True)
            if left is not None and now
        ]

    def work(self, executor: Executor | None, data: PlanData, maker: JobMaker, policy: Policy) -> None:
        """Have what is not finished worked on, in this process where there is no executor."""
        left = self.begin()
        self.add_analyses(maker.means.data_root)
        if executor is None:
            run_here(left, data.kept, self.ledger, policy, self.tell)
            return
        for note in executor.notes if isinstance(executor, Noting) else ():
            self.tell(StudyNote(note))
        supervise(left, executor, self.ledger, maker, policy, self.tell)

    def add_analyses(self, data_root: Path | None) -> None:
        """Work out what the finished runs that were chosen lack of the study's analyses."""
        chosen = [run for run, now in zip(self.runs, self.chosen, strict=True) if now]
        finished = [run for run in chosen if self.ledger.is_finished(run.name)]
        add_missing_analyses(finished, self.ledger.folder, data_root=data_root, tell=self.tell)


def _ignore(event: StudyEvent) -> None:
    pass
