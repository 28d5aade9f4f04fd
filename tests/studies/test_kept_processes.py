"""Processes that take one short run after another: who may stay, what stays behind, and whose end is whose."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from cnnbuild.studies.executors import local
from cnnbuild.studies.executors.local import LocalExecutor
from cnnbuild.studies.executors.process_state import ProcessState
from cnnbuild.studies.job import Job
from cnnbuild.system.memory import begin_new_peak, resident_bytes
from cnnbuild.training.machine import peak_memory
from tests.studies.jobs_on_disk import cells_of, written_job
from tests.studies.odd_layers import odd_job
from tests.studies.studies_on_disk import STUDY, write_study
from tests.studies.test_local_executor import exits_of, is_alive
from tests.studies.test_worker import OF_THE_PROCESS, RESIDUAL, outcome_of, until, weights_of
from tests.training.killed_runs import differences, without

ROOT = Path(__file__).parents[2]
LONG = STUDY.replace("epochs: 2", "epochs: 5000")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can begin a new peak of memory")


@pytest.fixture
def executor(monkeypatch):
    monkeypatch.setattr(local, "SHORT_SECONDS", 600.0)  # however busy this machine is
    executor = LocalExecutor(1)
    yield executor
    executor.close()


def begun(executor: LocalExecutor, job: Job) -> int:
    """The process that works on a job."""
    executor.start([job])
    return executor._running[job.name].pid


def done(executor: LocalExecutor, job: Job) -> int:
    """The process that has worked on a job, which has ended well."""
    pid = begun(executor, job)
    ended = exits_of(executor, 1)[job.name]
    assert (ended.cause, ended.code, ended.reason) == ("ended", 0, "")
    return pid


def jobs_in(folder: Path, count: int = 1) -> list[Job]:
    """Tiny runs of one study."""
    folder.mkdir(exist_ok=True)
    return [written_job(cell, folder / "cells") for cell in cells_of(write_study(folder))[:count]]


def long_job(folder: Path, **changes: object) -> Job:
    """A run that takes minutes."""
    folder.mkdir(exist_ok=True)
    return written_job(cells_of(write_study(folder, LONG))[0], folder / "cells", **changes)


def test_the_same_run_again_in_a_process_has_the_same_bits_and_record(tmp_path, executor):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    cell = cells_of(write_study(tmp_path / "a", net=RESIDUAL))[0]
    first, third, fourth = (written_job(cell, tmp_path / name) for name in ("first", "third", "fourth"))
    other = written_job(
        cells_of(write_study(tmp_path / "b", STUDY.replace("[digits]", "[{digits: {train_images: 300}}]")))[
            0
        ],
        tmp_path / "second",
    )
    pids = [done(executor, job) for job in (first, other, third, fourth)]
    assert len(set(pids)) == 1
    assert len(weights_of(first.path)) > 4
    expected = without(asdict(outcome_of(first)), OF_THE_PROCESS)
    assert expected["run"]["test"]["accuracy"] > 0.1
    for again in (third, fourth):
        assert differences(weights_of(first.path), weights_of(again.path)) == []
        assert differences(expected, without(asdict(outcome_of(again)), OF_THE_PROCESS)) == []
        logs = [(job.path / "log.txt").read_text().splitlines() for job in (first, again)]
        assert len(logs[0]) == len(logs[1])


@pytest.mark.parametrize(
    ("what", "stays"),
    [("tiny", True), ("failed", False), ("plugin", False), ("threads", False), ("long", False)],
)
def test_a_process_stays_only_after_a_short_run_that_leaves_nothing(
    tmp_path, executor, monkeypatch, what, stays
):
    job = odd_job(tmp_path, "pass") if what == "plugin" else jobs_in(tmp_path)[0]
    if what == "failed":
        job = replace(job, fingerprint="digits-0")
    elif what == "threads":
        job = replace(job, threads=2)
    elif what == "long":
        monkeypatch.setattr(local, "SHORT_SECONDS", 0.0)
    job.write()
    pid = done(executor, job)
    assert outcome_of(job).state == ("failed" if what == "failed" else "done")
    assert is_alive(pid) == stays
    assert (0 in executor._kept) == stays


def test_a_run_with_a_plugin_begins_in_a_process_of_its_own(tmp_path, executor):
    kept = done(executor, jobs_in(tmp_path / "a")[0])
    assert done(executor, odd_job(tmp_path / "b", "pass")) != kept
    until(lambda: not is_alive(kept))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_the_end_of_a_process_is_the_end_of_its_second_run_alone(tmp_path, executor, number):
    first, third = jobs_in(tmp_path, 2)
    second = long_job(tmp_path / "long")
    pid = done(executor, first)
    assert begun(executor, second) == pid
    until((second.path / "progress.jsonl").exists)
    assert executor.wait(0) == []
    os.kill(pid, number)
    ended = exits_of(executor, 1)
    assert list(ended) == [second.name]
    exit_of_second = ended[second.name]
    assert (exit_of_second.cause, exit_of_second.code) == ("signal", -number)
    assert (outcome_of(first).state, (second.path / "outcome.json").exists()) == ("done", False)
    in_log = "Segmentation fault" in (second.path / "log.txt").read_text()
    assert in_log == (number == signal.SIGSEGV)
    assert done(executor, third) != pid


def test_a_second_run_that_is_stopped_leaves_a_checkpoint_and_ends_the_process(tmp_path, executor):
    pid = done(executor, jobs_in(tmp_path)[0])
    second = long_job(tmp_path / "long")
    assert begun(executor, second) == pid
    until((second.path / "progress.jsonl").exists)
    executor.stop(second.name, kill=False)
    ended = exits_of(executor, 1)[second.name]
    assert (ended.cause, ended.code) == ("ended", 143)
    assert (second.path / "checkpoint.pt").exists()
    assert executor._kept == {}
    assert not is_alive(pid)


def test_a_process_that_is_asked_to_stop_when_its_run_has_ended_takes_no_other(tmp_path, executor):
    job = jobs_in(tmp_path)[0]
    pid = begun(executor, job)
    until(executor._running[job.name].worker.tasks.poll)
    executor.stop(job.name, kill=False)
    ended = exits_of(executor, 1)[job.name]
    assert (ended.cause, ended.code) == ("ended", 0)
    assert executor._kept == {}
    assert not is_alive(pid)


def test_a_process_that_is_killed_between_two_runs_costs_none(tmp_path, executor):
    first, second = jobs_in(tmp_path, 2)
    pid = done(executor, first)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not executor._kept[0].is_alive())  # until the fork server has told
    assert done(executor, second) != pid


def test_a_run_over_its_limit_in_a_used_process_gets_one_of_its_own(tmp_path, executor):
    first = jobs_in(tmp_path)[0]
    hungry = long_job(tmp_path / "long", memory_bytes=10_000_000)  # torch alone takes more
    pid = done(executor, first)
    assert begun(executor, hungry) == pid
    ended = exits_of(executor, 1)[hungry.name]
    assert ended.cause == "preempted"
    assert ended.reason.endswith(
        "allowed 0.01 GB (--memory) in a process that had worked before; it gets its own"
    )
    replace(first, attempt=2).write()
    done(executor, first)
    assert begun(executor, hungry) not in {pid, executor._kept.get(0)}
    assert exits_of(executor, 1)[hungry.name].cause == "memory"


def test_closing_ends_the_process_that_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SHORT_SECONDS", 600.0)
    executor = LocalExecutor(1)
    pid = done(executor, jobs_in(tmp_path)[0])
    assert is_alive(pid)
    executor.close()
    assert not is_alive(pid)


SCRIPT = """\
import os, signal, sys
from pathlib import Path
from cnnbuild.studies.executors import local
from cnnbuild.studies.job import read_job

local.SHORT_SECONDS = 600.0
executor = local.LocalExecutor(1)
job = read_job(Path(sys.argv[1]))
executor.start([job])
Path("pid").write_text(str(executor._running[job.name].pid))
while not executor.wait(60):
    pass
assert len(executor._kept) == 1
"""


@pytest.mark.exhaustive
@pytest.mark.parametrize(("last", "code"), [("", 0), ("os.kill(os.getpid(), signal.SIGKILL)", -9)])
def test_a_process_that_waits_outlives_no_supervisor_that_has_not_closed(tmp_path, last, code):
    (tmp_path / "script.py").write_text(SCRIPT + last)
    command = [sys.executable, "script.py", str(jobs_in(tmp_path / "runs")[0].path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(command, cwd=tmp_path, env=environment, timeout=100, check=False).returncode == code
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not is_alive(pid))


def test_what_a_run_changed_in_its_process_is_put_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    at_first = ProcessState.now()
    expected = Path.cwd(), list(sys.path), random.random(), torch.rand(1)
    random.setstate(at_first.numbers)
    threads = torch.get_num_threads()
    try:
        os.chdir("/")
        sys.path.append("elsewhere")
        random.random()
        torch.rand(7)
        torch.set_num_threads(threads + 1)
        torch.set_default_dtype(torch.float64)
        torch.use_deterministic_algorithms(True)
        torch.set_grad_enabled(False)
    finally:
        at_first.restore()
    assert (Path.cwd(), sys.path, random.random(), torch.rand(1)) == expected
    assert torch.get_num_threads() == threads
    assert torch.get_default_dtype() == torch.float32
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.is_grad_enabled()


def test_children_are_noticed_also_those_that_nobody_has_waited_for():
    code = (
        "import subprocess, sys\n"
        "from cnnbuild.system.processes import has_children\n"
        "told = [has_children()]\n"
        "child = subprocess.Popen(['sleep', '0'])\n"
        "told.append(has_children())\n"
        "child.wait()\n"
        "told.append(has_children())\n"
        "print(told)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout == "[False, True, False]\n"


def test_the_peak_of_memory_can_begin_anew():
    gc.collect()
    before = resident_bytes()
    large = bytearray(os.urandom(1)) * 400_000_000
    del large
    peak, whose = peak_memory(torch.device("cpu"))
    assert whose == "process"
    assert peak >= before + 350_000_000
    assert begin_new_peak()
    again, _ = peak_memory(torch.device("cpu"))
    assert again < before + 100_000_000
