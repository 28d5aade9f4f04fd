"""What a killed supervisor leaves at any moment, the next one makes good: nothing is lost, nothing done twice."""

import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cnnbuild.studies.adoption import Ledger, Left
from cnnbuild.studies.events import CellStarted, StudyEvent, StudyNote
from cnnbuild.studies.job import Job
from cnnbuild.studies.plan import StudyPlan
from cnnbuild.studies.record import Attempt, CellRecord
from cnnbuild.studies.run import run_plan
from cnnbuild.studies.store import StudyFolder
from tests.studies.fake_executor import FakeExecutor, dies, ends
from tests.studies.synthetic import cell_record
from tests.studies.test_supervisor import plan_of

KILLED = 77  # exit code of a child that was ended at the moment that was asked for
CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.chmod"}  # audit events that may change a folder


class CountingExecutor(FakeExecutor):
    """Writes down, outside the study, which worker ended how; what it does itself is never interrupted."""

    def __init__(self, journal: Path, scripts: dict) -> None:
        super().__init__(scripts, slots=2)
        self.journal = journal
        self.working = False

    def start(self, jobs: Sequence[Job]) -> None:
        self.working = True
        super().start(jobs)
        with self.journal.open("a") as file:
            for job in jobs:
                outcome = job.path / "outcome.json"
                state = json.loads(outcome.read_text())["state"] if outcome.is_file() else "nothing"
                file.write(f"{job.name} {state}\n")
        self.working = False


def scripts() -> dict:
    return {
        ("narrow", 0): [dies(), ends()],
        ("narrow", 1): [ends("out_of_memory", "no memory"), ends()],
        ("wide", 0): [dies("signal", -11)],
        ("wide", 1): [ends("diverged", "the loss became nan")],
    }


def killed_at(moment: int, plan: StudyPlan, out: Path, journal: Path) -> bool:
    """Run the study in a child that ends, as SIGKILL would end it, before its change number `moment`.

    False where it came to its end before.
    """
    child = os.fork()
    if child == 0:
        try:
            executor = CountingExecutor(journal, scripts())
            changes = 0

            def watch(event: str, arguments: tuple) -> None:
                nonlocal changes
                if event in CHANGES and not executor.working and str(arguments[0]).startswith(str(out)):
                    if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
                        return
                    changes += 1
                    if changes == moment:
                        os._exit(KILLED)

            sys.addaudithook(watch)
            run_plan(plan, out=out, data_root=None, executor=executor)
        except BaseException:  # noqa: BLE001 - no exception may leave the child
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED)
    return code == KILLED


def check_that_nothing_was_lost(plan: StudyPlan, folder: Path, moment: int) -> bool:
    out, journal = folder / f"out{moment}", folder / f"journal{moment}"
    journal.touch()
    was_killed = killed_at(moment, plan, out, journal)
    executor = CountingExecutor(journal, {})
    results = run_plan(plan, out=out, data_root=None, executor=executor)
    assert sorted((r.architecture, r.seed, r.state) for r in results.records.values()) == [
        ("narrow", 0, "done"),
        ("narrow", 1, "done"),
        ("wide", 0, "done"),
        ("wide", 1, "diverged" if "diverged" in journal.read_text() else "done"),
    ]
    finals = Counter(
        line.split()[0]
        for line in journal.read_text().splitlines()
        if line.split()[1] in ("done", "diverged")
    )
    assert set(finals.values()) == {1}, "a finished run was worked on again"
    lines = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
    keys = [(line["cell_id"], line["started"], line["seconds"], len(line["attempts"])) for line in lines]
    assert len(set(keys)) == len(keys), "a run stands twice in runs.jsonl"
    in_lines = Counter(line["cell_id"] for line in lines if line["state"] in ("done", "diverged"))
    assert in_lines == {record.cell_id: 1 for record in results.records.values()}
    assert len((out / "results.csv").read_text().splitlines()) == 5
    assert {path.name for path in out.iterdir()} == {
        "cells", "study.json", "runs.jsonl", "results.csv", ".lock",
    }  # fmt: skip
    for cell in (out / "cells").iterdir():
        assert {file.name for file in cell.iterdir()} == {"record.json", "weights.pt"}
    return was_killed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a killed process is a fork here")
def test_a_supervisor_killed_at_some_moments_loses_nothing_and_repeats_nothing(tmp_path):
    plan = plan_of(tmp_path)
    assert all(check_that_nothing_was_lost(plan, tmp_path, moment) for moment in (9, 23, 38, 41, 55))


@pytest.mark.exhaustive
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a killed process is a fork here")
def test_a_supervisor_killed_at_any_moment_loses_nothing_and_repeats_nothing(tmp_path):
    plan = plan_of(tmp_path)
    moment = 1
    while check_that_nothing_was_lost(plan, tmp_path, moment):
        moment += 1
    assert moment > 60


def job(cell: Path, **changes: object) -> Job:
    fields: dict[str, object] = {
        "name": cell.name, "folder": str(cell), "cell_id": "a0", "architecture": "a",
        "architecture_file": "a.yaml", "variant": None, "vars": {}, "grid": {}, "setting": "",
        "dataset": {"name": "digits"}, "data": "auto", "fingerprint": "f", "recipe": {"accumulate": 1},
        "seed": 0, "network": {"name": "n", "text": "", "paths": (), "shared": {}, "labels": ()},
        "threads": 3,
    }  # fmt: skip
    from cnnbuild.studies.kept_graph import KeptGraph

    fields["network"] = KeptGraph("n", "", (), {}, ())
    return Job(**{**fields, **changes})


def a_run(tmp_path: Path) -> tuple[StudyFolder, Path]:
    folder = StudyFolder(tmp_path)
    cell = folder.cell("one")
    cell.mkdir(parents=True)
    return folder, cell


def write(cell: Path, name: str, record: CellRecord) -> None:
    (cell / name).write_text(json.dumps(record.to_dict()))


def lines(tmp_path: Path) -> list[str]:
    return [json.loads(line)["state"] for line in (tmp_path / "runs.jsonl").read_text().splitlines()]


def test_an_outcome_that_nobody_adopted_is_adopted(tmp_path):
    folder, cell = a_run(tmp_path)
    earlier = Attempt("killed", "why not", 3.0)
    job(cell, earlier=(earlier,), attempt=2, executor="ray", parallel=4).write()
    write(cell, "outcome.json", cell_record("a", 0, 700))
    (cell / "checkpoint.pt").write_bytes(b"")
    assert Ledger(folder, ["one"]).settle("one", "a0") is None
    record = folder.read_record("one")
    assert record == replace(
        cell_record("a", 0, 700),
        attempts=(earlier, Attempt("done", "", 4.5)),
        executor="ray",
        parallel=4,
    )
    assert lines(tmp_path) == ["done"]
    assert [file.name for file in cell.iterdir()] == ["record.json"]


def test_an_outcome_of_another_cell_is_not(tmp_path):
    folder, cell = a_run(tmp_path)
    write(cell, "outcome.json", cell_record("b", 0, 700))
    assert Ledger(folder, ["one"]).settle("one", "a0") == Left()
    assert folder.read_record("one") is None


def test_an_outcome_whose_record_stands_is_only_removed(tmp_path):
    folder, cell = a_run(tmp_path)
    failed = cell_record("a", 0, 700, state="failed", reason="ValueError: no", run=None)
    write(cell, "record.json", failed)
    write(cell, "outcome.json", failed)
    (tmp_path / "runs.jsonl").write_text(json.dumps(failed.to_dict()) + "\n")
    assert Ledger(folder, ["one"]).settle("one", "a0") == Left()
    assert lines(tmp_path) == ["failed"]
    assert {file.name for file in cell.iterdir()} == {"record.json"}


def test_half_of_a_file_that_a_killed_process_left_is_removed_from_the_study(tmp_path):
    for name in (".study.json.x1", ".results.csv.x2", ".mine"):
        (tmp_path / name).touch()
    StudyFolder(tmp_path).tidy()
    assert [file.name for file in tmp_path.iterdir()] == [".mine"]


def test_a_record_without_its_line_gets_it_once(tmp_path):
    folder, cell = a_run(tmp_path)
    write(cell, "record.json", cell_record("a", 0, 700))
    (cell / "weights.pt").touch()
    (tmp_path / "runs.jsonl").write_text(json.dumps(cell_record("a", 0, 700).to_dict())[:80])  # torn
    for _ in range(3):
        assert Ledger(folder, ["one"]).settle("one", "a0") is None
    (_, whole) = (tmp_path / "runs.jsonl").read_text().splitlines()
    assert CellRecord.from_dict(json.loads(whole)) == cell_record("a", 0, 700)


def test_an_attempt_that_was_cut_off_counts_and_keeps_what_its_checkpoint_needs(tmp_path):
    folder, cell = a_run(tmp_path)
    job(cell, accumulate=2).write()
    (cell / "pulse").touch()
    begun = (cell / "job.json").stat().st_mtime
    os.utime(cell / "pulse", (begun + 8, begun + 8))
    reason = "it ended with the process that looked after the study"
    cut = Attempt("killed", reason, pytest.approx(8.0), accumulate=2)
    assert Ledger(folder, ["one"]).settle("one", "a0") == Left((cut,), 2, None)
    assert not (cell / "pulse").exists()
    (cell / "checkpoint.pt").write_bytes(b"")
    assert Ledger(folder, ["one"]).settle("one", "a0") == Left((), 2, 3)  # not begun: it had no pulse


def test_the_outcome_of_an_attempt_that_was_to_be_retried_is_not_taken_for_the_next(tmp_path):
    folder, cell = a_run(tmp_path)
    outcome = cell_record("a", 0, 700, state="out_of_memory", run=None)
    earlier = Attempt("out_of_memory", "", outcome.seconds)
    job(cell, earlier=(earlier,), attempt=2, accumulate=2).write()
    write(cell, "outcome.json", outcome)
    assert Ledger(folder, ["one"]).settle("one", "a0") == Left((earlier,), 2, None)
    assert not (cell / "outcome.json").exists()
    assert not (tmp_path / "runs.jsonl").exists()


def test_a_run_without_a_result_keeps_what_it_goes_on_from(tmp_path):
    folder, cell = a_run(tmp_path)
    for state, accumulate in (("failed", 2), ("out_of_memory", None)):
        record = cell_record("a", 0, 700, state=state, run=None, attempts=(Attempt(state, "", 1.0),))
        write(cell, "record.json", record)
        job(cell, accumulate=2).write()
        for name in ("checkpoint.pt", "progress.jsonl", "pulse", ".record.json.x1"):
            (cell / name).write_bytes(b"")
        left = Ledger(folder, ["one"]).settle("one", "a0")
        assert left == Left(record.attempts, accumulate, 3)
        assert {file.name for file in cell.iterdir()} == {
            "record.json", "job.json", "checkpoint.pt", "progress.jsonl",
        }  # fmt: skip
    assert lines(tmp_path) == ["failed"]  # both have one key: they began at once and took as long


def test_the_table_is_not_written_for_every_run_of_a_large_study(tmp_path):
    now = 100.0
    written = []

    class Folder(StudyFolder):
        def write_rows(self, rows):
            written.append(len(list(rows)))

    names = [f"run{n}" for n in range(10)]
    ledger = Ledger(Folder(tmp_path), names, clock=lambda: now)
    for n, name in enumerate(names):
        ledger.folder.cell(name).mkdir(parents=True)
        ledger.adopt(name, cell_record("a", n, 700))
        now += 0.3
    ledger.write_csv()
    assert written == [5, 9, 10]


def test_a_run_that_is_done_without_its_weights_is_run_again(tmp_path):
    plan, out = plan_of(tmp_path), tmp_path / "out"
    run_plan(plan, out=out, data_root=None, executor=FakeExecutor({}))
    wide, narrow = (next((out / "cells").glob(f"{name}-*seed1*")) for name in ("wide", "narrow"))
    (wide / "weights.pt").unlink()
    (narrow / "weights.pt").unlink()
    told: list[StudyEvent] = []
    results = run_plan(
        plan, out=out, data_root=None, executor=FakeExecutor({}), only=["wide"], on_event=told.append
    )
    weights = wide / "weights.pt"
    assert [event.text for event in told if isinstance(event, StudyNote)] == [
        f"wide on digits, seed 1: it was done, but {weights} is gone; it is run again"
    ]
    begun = [event.cell.label for event in told if isinstance(event, CellStarted)]
    assert begun == ["wide on digits, seed 1"]
    assert weights.is_file()
    assert sorted(record.state for record in results.records.values()) == ["done"] * 4  # narrow's is kept
    assert len((out / "results.csv").read_text().splitlines()) == 5
    again: list[StudyEvent] = []
    run_plan(plan, out=out, data_root=None, executor=FakeExecutor({}), on_event=again.append)
    begun = [event.cell.label for event in again if isinstance(event, CellStarted)]
    assert begun == ["narrow on digits, seed 1"]


def test_a_diverged_run_needs_no_weights(tmp_path):
    folder, cell = a_run(tmp_path)
    write(cell, "record.json", cell_record("a", 0, 700, state="diverged", reason="nan"))
    assert Ledger(folder, ["one"]).is_finished("one")
