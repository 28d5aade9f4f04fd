"""The Python interface to studies: what `cnnbuild run` does, without the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.errors import UsageError
from cnnbuild.lang.reference import split_reference
from cnnbuild.studies.opening import invocation_of, open_study

if TYPE_CHECKING:
    from cnnbuild.studies.events import StudyEvent
    from cnnbuild.studies.execution import Execution, ExecutorName
    from cnnbuild.studies.opening import OpenedStudy
    from cnnbuild.studies.results import StudyResults
    from cnnbuild.studies.study_file import Invocation


def run_study(
    path: str | Path,
    *,
    variant: str | None = None,
    settings: Mapping[str, object] | None = None,
    datasets: Sequence[str] | None = None,
    seeds: int | None = None,
    only: str | Sequence[str] = (),
    out: str | Path | None = None,
    data_root: Path | None = None,
    on_event: Callable[[StudyEvent], None] | None = None,
    plugins: Iterable[Path | str | type] = (),
    trust: bool = False,
    executor: ExecutorName | None = None,
    jobs: int | None = None,
    memory: int | str | None = None,
    fail_fast: bool = False,
    stall_after: float | None = None,
    slurm: Mapping[str, str] | None = None,
) -> StudyResults:
    """Train every cell of a study that is not finished, write the report, and give the results.

    What is finished in `out` is kept. A run that fails stops no other; `.failed` of the results has them.

    Args:
        path: The study's file; `study.yaml@small` names a variant too.
        variant: One of the file's variants.
        settings: Paths of the document and their values, as `--set` takes them: `{"train.epochs": 2}`.
        datasets: Names of data sets instead of the study's own.
        seeds: Their number, instead of the study's own.
        only: Which runs to work on now: names or patterns of architectures, `dataset=…`, `seed=…`.
        out: The folder of the results, `runs/<study>` by default.
        data_root: The folder of the data sets.
        on_event: Is told of each step, in this process; see `cnnbuild.studies.events`.
        plugins: Python files, or classes, that add layer types.
        trust: Load the Python files that the study itself asks for.
        executor: Where runs are worked on: "local" (each in a process of its own, the default), "ray",
            "slurm", or "inline" (here, one after the other; the only way with classes as plugins).
        jobs: How many runs at once; otherwise one per core, or one per GPU.
        memory: The most that one run may use, in bytes or as "2GB"; beyond it, it has run out of memory.
        fail_fast: Begin no further run after one without a result.
        stall_after: End a run after so many seconds without a sign of life (otherwise 900); 0 for never.
        slurm: Options of the executor "slurm".

    Raises:
        DocumentError: a file has faults, or the study asks for Python files that need `trust`.
        UsageError: an argument cannot be honoured; nothing was trained.
        DataError: a data set is missing; nothing was trained.
        RunError: a result or the report cannot be written, or the executor cannot go on; the same call does.
        KeyboardInterrupt: Ctrl-C or SIGTERM stopped the study; the same call goes on.
    """
    file, named = split_reference(str(path))
    given = _listed(plugins)
    wanted = invocation_of(
        file, variant=variant if variant is not None else named, settings=dict(settings or {}),
        datasets=datasets, seeds=seeds, data_root=data_root, plugins=given, trust=trust,
    )  # fmt: skip
    study = open_study(file, wanted, given)
    execution = _execution(study, executor, jobs, memory, stall_after, slurm, fail_fast=fail_fast)
    return _run(study, execution, wanted, out, tuple(map(str, _listed(only))), on_event or _ignore)


def _run(
    study: OpenedStudy,
    execution: Execution,
    wanted: Invocation,
    out: str | Path | None,
    only: tuple[str, ...],
    on_event: Callable[[StudyEvent], None],
) -> StudyResults:
    """The results of an opened study, run as `execution` says; its page is written meanwhile and at the end.

    `wanted` is kept for `cnnbuild resume`, but for a study whose plugins are classes of this program.
    """
    from cnnbuild.report.last_report import write_last_report
    from cnnbuild.report.live_page import LivePage
    from cnnbuild.report.page import write_report
    from cnnbuild.studies.execution import workers_for
    from cnnbuild.studies.run import run_plan

    folder = study.folder(None if out is None else Path(out))
    with workers_for(execution, study.plan) as workers, LivePage(folder, on_event) as listener:
        results = run_plan(
            study.plan,
            out=folder,
            data_root=None if wanted.data_root is None else Path(wanted.data_root),
            on_event=listener,
            executor=workers.executor,
            policy=execution.policy,
            memory_bytes=execution.memory_bytes,
            plugins=study.plugins,
            jobs=workers.per_machine,
            threads=workers.threads,
            only=only,
            invocation=None if study.classes else execution.kept_in(wanted),
        )
    write_last_report(folder, write_report)
    return results


def _execution(
    study: OpenedStudy,
    executor: str | None,
    jobs: int | None,
    memory: int | str | None,
    stall_after: float | None,
    slurm: Mapping[str, str] | None,
    *,
    fail_fast: bool,
) -> Execution:
    from cnnbuild.studies.execution import Execution, memory_of

    return Execution(
        executor=_executor_name(executor, classes=study.classes),
        jobs=jobs,
        memory_bytes=memory_of(memory) if isinstance(memory, str) else memory,
        fail_fast=fail_fast,
        stall_after=stall_after,
        slurm=dict(slurm or {}),
    )


def _listed(given: Iterable[Path | str | type] | Path | str) -> tuple[Path | str | type, ...]:
    return (given,) if isinstance(given, str | Path) else tuple(given)


def _ignore(event: StudyEvent) -> None:
    pass


def _executor_name(executor: str | None, *, classes: bool) -> ExecutorName:
    """The executor asked for, or what suits the plugins.

    Raises:
        UsageError: there is none of the name, or its processes would not know the plugins.
    """
    from cnnbuild.studies.execution import executor_named

    if executor is None:
        return "inline" if classes else "local"
    name = executor_named(executor)
    if classes and name != "inline":
        raise UsageError(
            f"no worker of the executor {name} knows a class of this program: give the plugin's file "
            'instead of the class, or take executor="inline"'
        )
    return name
