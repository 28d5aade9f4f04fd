"""A study whose processes are killed at random ends like one that nobody touched, and repeats nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from cnnbuild.lang.study import read_study
from cnnbuild.studies.events import CellStarted, StudyEvent
from cnnbuild.studies.executors.choose import make_executor
from cnnbuild.studies.plan import StudyPlan, plan_study
from cnnbuild.studies.results import StudyResults, read_results
from cnnbuild.studies.run import run_plan
from tests.studies.studies_on_disk import write_study

psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the supervisor of a test is a fork")

STUDY = """\
cnnbuild: 1
study: survival
architectures:
  narrow: {file: net.yaml, vars: {width: 64}}
  wide: {file: net.yaml, vars: {width: 256}}
datasets: [digits]
seeds: SEEDS
train: {epochs: EPOCHS, batch_size: 16, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}}
"""
OF_TIME = {
    "seconds", "train_seconds", "started", "latency", "peak_memory_bytes", "train_samples_per_second",
}  # fmt: skip
OF_THE_WAY = {"attempts", "resumes", "executor", "parallel", "checkpoint_bytes"}
"""What may differ after a resume: texts that were read back are pickled anew, with a few bytes more."""

EPOCHS = 40  # of the long proof: 12 runs of which last long enough for 20 kills
PATIENCE = 1500.0  # seconds after which a test that hangs is given up


def a_plan(folder: Path, *, seeds: int, epochs: int, text: str = STUDY) -> StudyPlan:
    study = write_study(folder, text.replace("SEEDS", str(seeds)).replace("EPOCHS", str(epochs)))
    return plan_study(read_study(study), data_root=None)


def supervisor(plan: StudyPlan, out: Path) -> int:
    """A process that runs the study on two workers; gives its number."""
    child = os.fork()
    if child:
        return child
    try:
        executor = make_executor("local", jobs=2)
        run_plan(plan, out=out, data_root=None, executor=executor, jobs=2, threads=1)
        executor.close()
    except BaseException:  # noqa: BLE001 - no exception may leave the child
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def workers_of(pid: int) -> list[int]:
    """The processes that work on runs: those which the supervisor's fork server has forked."""
    with suppress(psutil.Error):
        return [worker.pid for server in psutil.Process(pid).children() for worker in server.children()]
    return []


def has_ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def work_of(pid: int) -> float:
    """Seconds from a supervisor's first worker to its end, which is as it should be."""
    begin = None
    while (code := has_ended(pid)) is None:
        if begin is None and workers_of(pid):
            begin = time.monotonic()
        time.sleep(0.02)
    assert code == 0
    assert begin is not None
    return time.monotonic() - begin


def finish(
    plan: StudyPlan, out: Path, targets: Sequence[str], chance: random.Random, *, longest: float
) -> int:
    """Start the study until it is done, and kill one process after the other; gives how many were.

    Each dies up to `longest` seconds after workers are seen.
    """
    kills = iter(targets)
    target, killed = next(kills, None), 0
    deadline = time.monotonic() + PATIENCE
    pid = supervisor(plan, out)
    while (code := has_ended(pid)) != 0:
        assert code in (None, -signal.SIGKILL), "the supervisor failed by itself"
        assert time.monotonic() < deadline
        if code is not None:
            pid = supervisor(plan, out)
        workers = workers_of(pid)
        if target is None or not workers:
            time.sleep(0.05)
            continue
        time.sleep(chance.uniform(0.0, longest))
        victim = pid if target == "supervisor" else chance.choice(workers_of(pid) or [0])
        if victim and psutil.pid_exists(victim):
            os.kill(victim, signal.SIGKILL)
            killed += 1
            target = next(kills, None)
            if victim == pid:
                os.waitpid(pid, 0)
                pid = supervisor(plan, out)
    return killed


def without(data: object, keys: set[str]) -> object:
    if isinstance(data, dict):
        return {key: without(value, keys) for key, value in data.items() if key not in keys}
    return [without(one, keys) for one in data] if isinstance(data, list) else data


def check_same(results: StudyResults, expected: StudyResults) -> None:
    assert results.records.keys() == expected.records.keys()
    for name, record in results.records.items():
        kept = without(record.to_dict(), OF_TIME | OF_THE_WAY)
        assert kept == without(expected.records[name].to_dict(), OF_TIME | OF_THE_WAY)
        weights, same = (
            torch.load(one.folder / "cells" / name / "weights.pt", weights_only=True)
            for one in (results, expected)
        )
        assert weights.keys() == same.keys()
        assert all(torch.equal(weights[key], same[key]) for key in weights)


def check_folder(out: Path, runs: int) -> None:
    lines = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
    done = [line["cell_id"] for line in lines if line["state"] == "done"]
    assert len(done) == len(set(done)) == runs
    assert {line["state"] for line in lines} <= {"done", "killed"}
    for cell in (out / "cells").iterdir():
        assert {file.name for file in cell.iterdir()} == {
            "record.json", "run.json", "log.txt", "weights.pt", "analyses.json",
        }  # fmt: skip
    assert len((out / "results.csv").read_text().splitlines()) == runs + 1


def test_a_study_of_which_a_worker_and_the_supervisor_are_killed_ends_like_one_that_nobody_touched(tmp_path):
    plan = a_plan(tmp_path, seeds=2, epochs=8)
    expected = run_plan(plan, out=tmp_path / "untouched", data_root=None)
    killed = finish(plan, tmp_path / "out", ["worker", "supervisor"], random.Random(0), longest=0.5)
    assert killed == 2
    results = read_results(tmp_path / "out")
    check_same(results, expected)
    check_folder(tmp_path / "out", 4)


@pytest.mark.exhaustive
def test_a_study_of_which_20_processes_are_killed_ends_like_one_that_nobody_touched(tmp_path):
    plan = a_plan(tmp_path, seeds=6, epochs=EPOCHS)
    seconds = work_of(supervisor(plan, tmp_path / "untouched"))
    expected = read_results(tmp_path / "untouched")
    chance = random.Random(6)
    targets = [chance.choice(["worker", "supervisor"]) for _ in range(20)]
    # all 20 fall into the half of the study's work, however fast this machine is
    assert finish(plan, tmp_path / "out", targets, chance, longest=seconds / 20) == 20
    check_same(read_results(tmp_path / "out"), expected)
    check_folder(tmp_path / "out", 12)

    begun: list[str] = []

    def listen(event: StudyEvent) -> None:
        if isinstance(event, CellStarted):
            begun.append(event.cell.label)

    more = STUDY.replace("datasets:", "  third: {file: net.yaml, vars: {width: 32}}\ndatasets:")
    steps = (
        (a_plan(tmp_path, seeds=7, epochs=EPOCHS), ["narrow on digits, seed 6", "wide on digits, seed 6"]),
        (
            a_plan(tmp_path, seeds=7, epochs=EPOCHS, text=more),
            [f"third on digits, seed {seed}" for seed in range(7)],
        ),
        (
            a_plan(tmp_path, seeds=7, epochs=EPOCHS, text=more.replace("[digits]", "[digits, synthetic]")),
            [
                f"{a} on synthetic images, seed {seed}"
                for a in ("narrow", "wide", "third")
                for seed in range(7)
            ],
        ),
    )
    executor = make_executor("local", jobs=2)
    try:
        for wider, new in steps:
            begun.clear()
            run_plan(
                wider,
                out=tmp_path / "out",
                data_root=None,
                executor=executor,
                jobs=2,
                threads=1,
                on_event=listen,
            )
            assert sorted(begun) == sorted(new)
    finally:
        executor.close()
