import csv
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cnnbuild.errors import RunError, RunInterruptedError, UsageError
from cnnbuild.lang.study import read_study
from cnnbuild.studies import attempts, in_process, supervisor
from cnnbuild.studies.events import (
    CellEnded,
    CellRetried,
    CellStarted,
    EpochEnded,
    StudyEvent,
    StudyNote,
    StudyPlanned,
)
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.job import read_job
from cnnbuild.studies.plan import StudyPlan, plan_study
from cnnbuild.studies.policy import Policy
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import StudyResults, read_results
from cnnbuild.studies.run import run_plan
from cnnbuild.studies.study_file import Invocation
from tests.studies.fake_executor import FakeExecutor, dies, ends, never, tell_epoch, write_outcome
from tests.studies.studies_on_disk import STUDY, write_study

FIRST = ("narrow", 0)


def plan_of(folder: Path, text: str = STUDY, **arguments: object) -> StudyPlan:
    return plan_study(read_study(write_study(folder, text), **arguments), data_root=None)


def start(
    folder: Path,
    executor: FakeExecutor,
    events: list[StudyEvent] | None = None,
    *,
    policy: Policy = Policy(grace_seconds=60.0),  # noqa: B008 - frozen
    plan: StudyPlan | None = None,
    **arguments: object,
) -> StudyResults:
    listener: Callable[[StudyEvent], None] | None = events.append if events is not None else None
    return run_plan(
        plan if plan is not None else plan_of(folder),
        out=folder / "out",
        data_root=None,
        on_event=listener,
        executor=executor,
        policy=policy,
        **arguments,
    )


def record_of(results: StudyResults, architecture: str, seed: int) -> CellRecord:
    return next(r for r in results.records.values() if (r.architecture, r.seed) == (architecture, seed))


def lines_of(folder: Path) -> list[tuple[str, int, str]]:
    lines = (folder / "out" / "runs.jsonl").read_text().splitlines()
    records = [CellRecord.from_dict(json.loads(line)) for line in lines]
    return [(record.architecture, record.seed, record.state) for record in records]


def files_of(folder: Path, start_of_name: str) -> set[str]:
    (cell,) = (folder / "out" / "cells").glob(f"{start_of_name}-*")
    return {file.name for file in cell.iterdir()}


def test_all_runs_are_worked_on_in_the_free_slots_and_adopted(tmp_path):
    events: list[StudyEvent] = []
    executor = FakeExecutor(slots=3)
    results = start(tmp_path, executor, events, jobs=3)
    assert isinstance(events[0], StudyPlanned)
    assert executor.most_alive == 3
    assert [(job.architecture, job.seed) for job in executor.started] == [
        ("narrow", 0),
        ("narrow", 1),
        ("wide", 0),
        ("wide", 1),
    ]
    assert {r.state for r in results.records.values()} == {"done"}
    assert not results.missing
    one = record_of(results, "narrow", 0)
    assert (one.executor, one.parallel, len(one.attempts), one.attempts[0].state) == ("fake", 3, 1, "done")
    assert sorted(lines_of(tmp_path)) == [(a, s, "done") for a in ("narrow", "wide") for s in (0, 1)]
    assert files_of(tmp_path, "narrow-digits-seed0") == {"record.json", "weights.pt"}
    with (tmp_path / "out" / "results.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [(row["architecture"], row["seed"], row["attempts"]) for row in table] == [
        ("narrow", "0", "1"),
        ("narrow", "1", "1"),
        ("wide", "0", "1"),
        ("wide", "1", "1"),
    ]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "cells",
        "study.json",
        "runs.jsonl",
        "results.csv",
        ".lock",
    }


def test_seeds_of_one_network_share_what_is_kept_of_it(tmp_path, monkeypatch):
    kept = []
    real = supervisor.JobMaker.job_of.__globals__["keep_graph"]

    def counting(graph, *, file):
        kept.append(graph)
        return real(graph, file=file)

    monkeypatch.setitem(supervisor.JobMaker.job_of.__globals__, "keep_graph", counting)
    executor = FakeExecutor()
    start(tmp_path, executor, plan=plan_of(tmp_path, seeds=5))
    assert len(executor.started) == 10
    assert len(kept) == 2
    assert executor.started[0].network == executor.started[1].network


def test_finished_runs_are_not_worked_on_again_and_new_ones_are(tmp_path):
    start(tmp_path, FakeExecutor())
    executor, events = FakeExecutor(), []
    start(tmp_path, executor, events)
    assert executor.started == []
    assert [event.reused for event in events if isinstance(event, CellEnded)] == [True] * 4
    start(tmp_path, executor, plan=plan_of(tmp_path, seeds=3))
    assert [(job.architecture, job.seed) for job in executor.started] == [("narrow", 2), ("wide", 2)]
    assert len(lines_of(tmp_path)) == 6


def test_a_killed_run_is_taken_up_again_and_each_attempt_is_told(tmp_path):
    events: list[StudyEvent] = []
    executor = FakeExecutor({FIRST: [dies(), dies("preempted", None, "by another user"), ends()]})
    record = record_of(start(tmp_path, executor, events), *FIRST)
    assert [(a.state, a.reason, a.seconds, a.host, a.resumed) for a in record.attempts] == [
        ("killed", "it was killed from outside: SIGKILL", 2.0, "here", False),
        ("killed", "by another user", 3.0, "here", True),
        ("done", "", 7.5, "", True),
    ]
    jobs = [job for job in executor.started if (job.architecture, job.seed) == FIRST]
    assert [(job.attempt, len(job.earlier), job.accumulate) for job in jobs] == [
        (1, 0, None),
        (2, 1, None),
        (3, 2, None),
    ]
    retried = [event.attempt.reason for event in events if isinstance(event, CellRetried)]
    assert retried == ["it was killed from outside: SIGKILL", "by another user"]
    begun = [e.attempt for e in events if isinstance(e, CellStarted) and e.cell.seed == 0]
    assert begun.count(3) == 1
    assert len(lines_of(tmp_path)) == 4
    assert files_of(tmp_path, "narrow-digits-seed0") == {"record.json", "weights.pt"}


def test_a_run_that_is_killed_again_and_again_is_given_up_and_keeps_its_checkpoint(tmp_path):
    executor = FakeExecutor({FIRST: [dies()]})
    results = start(tmp_path, executor)
    record = record_of(results, *FIRST)
    assert (record.state, record.reason) == ("killed", "it was killed from outside: SIGKILL")
    assert len(record.attempts) == 4
    assert (record.run, record.parameters) == (None, record_of(results, "narrow", 1).parameters)
    assert files_of(tmp_path, "narrow-digits-seed0") == {"record.json", "job.json", "checkpoint.pt"}
    again = FakeExecutor()
    record = record_of(start(tmp_path, again), *FIRST)
    assert [(job.architecture, job.attempt) for job in again.started] == [("narrow", 5)]
    assert [a.state for a in record.attempts] == ["killed"] * 4 + ["done"]
    assert [state for *_, state in lines_of(tmp_path)].count("killed") == 1


def test_a_run_without_memory_begins_again_in_smaller_parts_and_its_record_shows_it(tmp_path):
    executor = FakeExecutor({FIRST: [ends("out_of_memory", "no memory"), ends()]})
    results = start(tmp_path, executor)
    record = record_of(results, *FIRST)
    assert record.state == "done"
    assert [(a.state, a.accumulate) for a in record.attempts] == [("out_of_memory", 1), ("done", 2)]
    assert record.recipe["accumulate"] == 1
    jobs = [job for job in executor.started if (job.architecture, job.seed) == FIRST]
    assert [(job.accumulate, job.recipe["accumulate"]) for job in jobs] == [(None, 1), (2, 1)]
    with (tmp_path / "out" / "results.csv").open() as file:
        assert [row["accumulate"] for row in csv.DictReader(file)] == ["2", "1", "1", "1"]


def test_a_run_that_never_has_the_memory_is_recorded_as_such(tmp_path):
    executor = FakeExecutor({FIRST: [dies("memory", -9, "it used 3 GB of 2 GB")]})
    record = record_of(start(tmp_path, executor), *FIRST)
    assert (record.state, record.reason) == ("out_of_memory", "it used 3 GB of 2 GB")
    assert [a.accumulate for a in record.attempts] == [1, 2]
    odd = STUDY.replace("{epochs: 2,", "{epochs: 2, batch_size: 15,")
    executor = FakeExecutor({FIRST: [ends("out_of_memory", "no memory")]})
    record = record_of(start(tmp_path, executor, plan=plan_of(tmp_path, odd)), *FIRST)
    assert len(record.attempts) == 1
    assert record.reason == ("no memory; not tried again: 15 images cannot be split into 2 equal parts")


@pytest.mark.parametrize(
    ("script", "state", "reason"),
    [
        (ends("failed", "ValueError: no"), "failed", "ValueError: no"),
        (ends("diverged", "the loss became nan"), "diverged", "the loss became nan"),
        (dies("signal", -11), "failed", "the process crashed: SIGSEGV (segmentation fault)"),
        (dies("unplaceable", None, "no node has 9 GPUs"), "failed", "no node has 9 GPUs"),
    ],
)
def test_a_run_that_fails_for_a_reason_of_its_own_is_worked_on_once(tmp_path, script, state, reason):
    executor = FakeExecutor({FIRST: [script]})
    results = start(tmp_path, executor)
    record = record_of(results, *FIRST)
    assert (record.state, record.reason, len(record.attempts)) == (state, reason, 1)
    assert len(executor.started) == 4
    assert sorted(r.state for r in results.records.values()) == sorted([state, "done", "done", "done"])


class Clock:
    """A clock that a test moves; a supervisor that sleeps moves it too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        for module in (supervisor, attempts):
            monkeypatch.setattr(module, "time", self)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_worker_without_a_sign_of_life_is_killed_and_not_tried_again(tmp_path, monkeypatch):
    clock = Clock(monkeypatch)
    executor = FakeExecutor({FIRST: [never]})
    real = executor.wait

    def wait(seconds):
        clock.now += 50.0
        return real(seconds)

    executor.wait = wait
    record = record_of(start(tmp_path, executor, policy=Policy(stall_seconds=125.0)), *FIRST)
    assert record.state == "stalled"
    assert record.reason in ("it gave no sign of life for 150 s", "it gave no sign of life for 200 s")
    assert [kill for name, kill in executor.stopped] == [True]
    assert len(record.attempts) == 1


def test_a_worker_that_is_only_queued_or_beats_is_not_stalled(tmp_path, monkeypatch):
    clock = Clock(monkeypatch)
    executor = FakeExecutor({FIRST: [never], ("narrow", 1): [never]}, slots=4)
    turns = 0
    real, start_all = executor.wait, executor.start

    def start_queued(jobs):
        start_all(jobs)
        executor.queued.add(jobs[0].name)

    def wait(seconds):
        nonlocal turns
        turns += 1
        clock.now += 100.0
        jobs = [job for job in executor.alive.values() if job.architecture == "narrow"]
        if len(jobs) == 2:
            os.utime(jobs[1].path / "pulse", (turns, turns))
            if turns > 50:
                return [finish(job) for job in jobs]
        return real(seconds)

    def finish(job):
        executor.alive.pop(job.name)
        write_outcome(job)
        return Exit(job.name, "ended", 0)

    executor.wait, executor.start = wait, start_queued
    results = start(tmp_path, executor, policy=Policy(stall_seconds=250.0))
    assert turns > 50
    assert {r.state for r in results.records.values()} == {"done"}
    assert executor.stopped == []


def test_epochs_are_told_once_and_those_of_an_earlier_attempt_never_again(tmp_path):
    def first(job):
        tell_epoch(job, 1)
        tell_epoch(job, 2, end="")  # killed within a line
        return dies()(job)

    def second(job):
        with (job.path / "progress.jsonl").open("a") as file:
            file.write("\n")
        tell_epoch(job, 2)
        tell_epoch(job, 3)
        return ends()(job)

    events: list[StudyEvent] = []
    start(tmp_path, FakeExecutor({FIRST: [first, second]}, slots=1), events)
    story = [type(e).__name__ for e in events if not isinstance(e, StudyPlanned)][:6]
    assert story == ["CellStarted", "EpochEnded", "CellRetried", "CellStarted", "EpochEnded", "EpochEnded"]
    assert [e.epoch.epoch for e in events if isinstance(e, EpochEnded)] == [1, 2, 3]


def test_fail_fast_stops_what_runs_and_begins_nothing_new(tmp_path):
    events: list[StudyEvent] = []
    executor = FakeExecutor({FIRST: [ends("failed", "no")], ("narrow", 1): [never]})
    executor.on_stop = lambda job: Exit(job.name, "ended", 143)
    results = start(tmp_path, executor, events, policy=Policy(fail_fast=True))
    assert [(job.architecture, job.seed) for job in executor.started] == [("narrow", 0), ("narrow", 1)]
    assert [r.state for r in results.records.values()] == ["failed"]
    assert len(results.missing) == 3
    assert [e.text for e in events if isinstance(e, StudyNote)] == [
        "stopped after the first run without a result: 3 runs are not finished; without fail-fast the "
        "same command goes on"
    ]
    assert [kill for _, kill in executor.stopped] == [False]
    again = FakeExecutor()
    assert not start(tmp_path, again).missing
    assert [(j.architecture, j.seed, j.attempt) for j in again.started] == [
        ("narrow", 0, 2),
        ("narrow", 1, 2),
        ("wide", 0, 1),
        ("wide", 1, 1),
    ]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_workers_gently_and_goes_up(tmp_path, number, code):
    def waits(job):
        os.kill(os.getpid(), number)

    executor = FakeExecutor({FIRST: [waits]}, slots=1)

    def on_stop(job):
        (job.path / "checkpoint.pt").write_bytes(b"state")
        return Exit(job.name, "ended", 143)

    executor.on_stop = on_stop
    with pytest.raises(RunInterruptedError, match="stopped with 4 of 4 runs not finished") as caught:
        start(tmp_path, executor)
    assert caught.value.exit_code == code
    assert [kill for _, kill in executor.stopped] == [False]
    assert not read_results(tmp_path / "out").records
    assert files_of(tmp_path, "narrow-digits-seed0") == {"job.json", "checkpoint.pt"}


def test_a_worker_that_does_not_stop_is_killed_after_the_time_of_grace(tmp_path):
    def waits(job):
        os.kill(os.getpid(), signal.SIGTERM)

    executor = FakeExecutor({FIRST: [waits]}, slots=1)
    with pytest.raises(RunInterruptedError):
        start(tmp_path, executor, policy=Policy(grace_seconds=0.2))
    assert [kill for _, kill in executor.stopped] == [False, True]
    assert executor.alive == {}


def test_a_second_signal_does_not_wait_for_the_workers(tmp_path):
    def waits(job):
        os.kill(os.getpid(), signal.SIGINT)

    executor = FakeExecutor({FIRST: [waits]}, slots=1)
    real = executor.stop

    def stop(name, *, kill):
        real(name, kill=kill)
        if not kill:
            os.kill(os.getpid(), signal.SIGINT)

    executor.stop = stop
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, executor, policy=Policy(grace_seconds=3600))
    assert [kill for _, kill in executor.stopped] == [False, True]


def test_a_run_that_ends_while_the_study_stops_is_kept(tmp_path):
    def waits(job):
        os.kill(os.getpid(), signal.SIGINT)

    executor = FakeExecutor({FIRST: [waits]}, slots=1)

    def on_stop(job):
        write_outcome(job)
        return Exit(job.name, "ended", 0)

    executor.on_stop = on_stop
    with pytest.raises(RunInterruptedError, match="stopped with 3 of 4"):
        start(tmp_path, executor)
    assert [r.state for r in read_results(tmp_path / "out").records.values()] == ["done"]


def test_a_disk_that_fills_up_ends_the_study_with_a_word_and_loses_nothing(tmp_path, monkeypatch):
    from cnnbuild.studies import store

    real, full = store.write_atomically, []

    def write(path, text):
        if path.name == "record.json" and len(full) < 1:
            full.append(path)
            raise OSError(28, "No space left on device")
        real(path, text)

    monkeypatch.setattr(store, "write_atomically", write)
    executor = FakeExecutor({("narrow", 1): [never]})
    executor.on_stop = lambda job: dies("ended", 143)(job)
    with pytest.raises(RunError) as caught:
        start(tmp_path, executor)
    (record,) = full
    assert str(caught.value) == (
        f"{record} cannot be written: No space left on device. Make room, or make it writable, and start the "
        "study again: finished runs are kept, and unfinished ones go on"
    )
    assert [kill for _, kill in executor.stopped] == [False]
    again = FakeExecutor()
    results = start(tmp_path, again)
    assert [(j.architecture, j.seed) for j in again.started] == [("narrow", 1), ("wide", 0), ("wide", 1)]
    assert not results.missing
    assert len(lines_of(tmp_path)) == 4


def test_workers_that_ended_with_the_one_whose_record_found_no_room_are_not_waited_for(tmp_path, monkeypatch):
    from cnnbuild.studies import store

    def write(path, text):
        if path.name == "record.json":
            raise OSError(28, "No space left on device")
        real(path, text)

    real = store.write_atomically
    monkeypatch.setattr(store, "write_atomically", write)
    executor = FakeExecutor(slots=4)
    with pytest.raises(RunError, match="No space left on device"):
        start(tmp_path, executor, policy=Policy(grace_seconds=3600.0))
    assert executor.stopped == []
    monkeypatch.undo()
    again = FakeExecutor()
    assert not start(tmp_path, again).missing
    assert again.started == []  # all four outcomes were waiting


def test_an_executor_that_cannot_go_on_ends_the_study_with_its_own_word(tmp_path):
    executor = FakeExecutor()

    def start_nothing(jobs):
        raise RunError("the cluster is gone")

    executor.start = start_nothing
    with pytest.raises(RunError, match="the cluster is gone"):
        start(tmp_path, executor)
    assert not start(tmp_path, FakeExecutor()).missing


def test_only_what_is_selected_runs_and_the_study_keeps_all(tmp_path):
    executor = FakeExecutor()
    results = start(tmp_path, executor, only=["wid*", "seed=1"])
    assert [(job.architecture, job.seed) for job in executor.started] == [("wide", 1)]
    assert [(cell.architecture, cell.seed) for cell in results.missing] == [
        ("narrow", 0),
        ("narrow", 1),
        ("wide", 0),
    ]


def test_how_a_study_was_started_is_kept_with_it(tmp_path):
    how = Invocation(file="/a/study.yaml", seeds=2, settings={"train.epochs": 2}, executor="local", jobs=4)
    results = start(tmp_path, FakeExecutor(), invocation=how)
    assert results.study.invocation == how
    assert start(tmp_path, FakeExecutor()).study.invocation is None


def test_jobs_carry_what_workers_need(tmp_path, monkeypatch):
    executor = FakeExecutor()
    monkeypatch.chdir(tmp_path)
    plan = plan_of(Path())
    start(tmp_path, executor, plan=plan, jobs=2, threads=3, memory_bytes=10**9, plugins=[Path("more.py")])
    job = executor.started[0]
    assert (job.threads, job.parallel, job.memory_bytes) == (3, 2, 10**9)
    assert (job.executor, job.plugins, job.data) == ("fake", (str(Path("more.py").absolute()),), "auto")
    assert Path(job.folder).is_absolute()
    assert Path(job.architecture_file).is_absolute()  # wherever the worker stands
    assert Path(job.folder).name == job.name
    assert job.fingerprint.startswith("digits-")


def test_an_unfinished_run_keeps_the_threads_that_its_checkpoint_was_made_with(tmp_path):
    def stops(job):
        (job.path / "checkpoint.pt").write_bytes(b"state")
        os.kill(os.getpid(), signal.SIGINT)

    executor = FakeExecutor({FIRST: [stops]}, slots=1)
    executor.on_stop = lambda job: Exit(job.name, "ended", 143)
    with pytest.raises(RunInterruptedError):
        start(tmp_path, executor, threads=3)
    assert read_job(next((tmp_path / "out" / "cells").iterdir())).threads == 3
    again = FakeExecutor()
    start(tmp_path, again, threads=1)
    assert [job.threads for job in again.started] == [3, 1, 1, 1]


def test_a_study_that_needs_more_disk_than_there_is_begins_nothing(tmp_path, monkeypatch):
    from cnnbuild.studies import disk_space

    class Usage:
        free = 50_000

    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: Usage)
    executor = FakeExecutor()
    with pytest.raises(UsageError) as caught:
        start(tmp_path, executor)
    # narrow: 64 * 8 + 8 + 8 * 10 + 10 = 610 numbers of 4 bytes, wide: 64 * 32 + 32 + 32 * 10 + 10 = 2410;
    # two of each, and in two slots 2 checkpoints of 4 copies of a wide one
    weights, checkpoints = 4 * 2 * (610 + 2410), 2 * 2 * 4 * 4 * 2410
    assert (weights, checkpoints) == (24_160, 154_240)
    assert str(caught.value) == (
        f"{tmp_path / 'out'}: the runs to come need about 178.4 kB (24.2 kB of weights, 154.2 kB of checkpoints "
        "while they train), and 50.0 kB are free; make room, or name a folder on another disk with --out"
    )
    assert executor.started == []
    assert not (tmp_path / "out").exists()
    Usage.free = 24_160 + 154_240
    assert not start(tmp_path, executor).missing


def test_a_run_without_memory_in_this_process_begins_again_in_smaller_parts(tmp_path, monkeypatch):
    from cnnbuild.errors import OutOfMemoryError
    from cnnbuild.studies import cell_run

    real, parts = cell_run.fit, []

    def fit(module, dataset, recipe, **rest):
        parts.append(recipe.accumulate)
        if recipe.accumulate == 1:
            raise OutOfMemoryError("out of memory with a batch_size of 64")
        return real(module, dataset, recipe, **rest)

    monkeypatch.setattr(cell_run, "fit", fit)
    events: list[StudyEvent] = []
    plan = plan_of(tmp_path, seeds=1)
    results = run_plan(plan, out=tmp_path / "out", data_root=None, on_event=events.append)
    record = record_of(results, *FIRST)
    assert parts == [1, 2, 1, 2]
    assert (record.state, record.recipe["accumulate"]) == ("done", 1)
    assert [(a.state, a.accumulate) for a in record.attempts] == [("out_of_memory", 1), ("done", 2)]
    warning = "it ran out of memory, and was trained with accumulate: 2 where the study says 1"
    assert [text[: len(warning)] for text in record.run.warnings] == [warning]  # as in a worker's record
    kept = json.loads(next((tmp_path / "out" / "cells").glob("narrow-*/run.json")).read_text())
    assert (kept["recipe"]["accumulate"], kept["accumulate"]) == (1, 2)
    assert sum(isinstance(event, CellRetried) for event in events) == 2
    assert not run_plan(plan, out=tmp_path / "out", data_root=None).missing
    assert parts == [1, 2, 1, 2]


def test_fail_fast_ends_a_study_in_this_process_too(tmp_path, monkeypatch):
    real = in_process.run_cell
    monkeypatch.setattr("cnnbuild.studies.cell_run.fit", lambda *_, **__: 1 / 0)
    assert real is in_process.run_cell
    events: list[StudyEvent] = []
    results = run_plan(
        plan_of(tmp_path),
        out=tmp_path / "out",
        data_root=None,
        on_event=events.append,
        policy=Policy(fail_fast=True),
    )
    assert [r.state for r in results.records.values()] == ["failed"]
    assert [e.text for e in events if isinstance(e, StudyNote)] == [
        "stopped after the first run without a result: 3 runs are not finished; without fail-fast the "
        "same command goes on"
    ]


def test_a_run_that_is_planned_twice_is_one(tmp_path):
    plan = plan_of(tmp_path, seeds=1)
    twice = replace(plan, cells=(*plan.cells, *plan.cells))
    executor, events = FakeExecutor(), []
    results = start(tmp_path, executor, events, plan=twice, only=["seed=0"])
    assert [job.architecture for job in executor.started] == ["narrow", "wide"]
    assert [event.total for event in events if isinstance(event, CellEnded)] == [2, 2]
    assert len(results.study.cells) == 2
