"""Runs of Slurm through its commands, which are scripts here, and through submitit."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cnnbuild.errors import RunError
from cnnbuild.studies.executors import slurm as slurm_executor
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.executors.slurm import SlurmExecutor
from cnnbuild.studies.executors.slurm_options import SlurmOptions
from cnnbuild.studies.executors.slurm_queue import SlurmQueue
from cnnbuild.studies.record import CellRecord
from tests.cli.commands import ROOT
from tests.studies.jobs_on_disk import cells_of, written_job
from tests.studies.odd_layers import odd_job
from tests.studies.slurm_stand_in import slurm_here
from tests.studies.studies_on_disk import STUDY, write_study

NEEDS_SUBMITIT = pytest.mark.skipif(
    importlib.util.find_spec("submitit") is None,
    reason="submitit is not installed: pip install 'cnnbuild[slurm]'",
)


def processes_of(slurm: Path, number: str) -> list[psutil.Process]:
    """The job's processes, that of the shell that began it first."""
    first = psutil.Process(int((slurm / f"{number}.pid").read_text()))
    return [first, *first.children(recursive=True)]


def exits_of(executor: SlurmExecutor, count: int) -> dict[str, Exit]:
    found: dict[str, Exit] = {}
    deadline = time.monotonic() + 240
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {found} within 240 s"
        found |= {ended.name: ended for ended in executor.wait(5)}
    return found


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> Path:
    """The folder of a Slurm that is this machine."""
    for name, value in slurm_here(tmp_path / "bin").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(slurm_executor, "ASK_SECONDS", 1.0)
    monkeypatch.setattr(slurm_executor, "WORD_SECONDS", 2.0)
    return tmp_path / "bin"


@NEEDS_SUBMITIT
@pytest.mark.exhaustive
def test_a_study_runs_as_an_array_of_slurm(tmp_path, slurm):
    jobs = [written_job(cell, tmp_path / "cells") for cell in cells_of(write_study(tmp_path))]
    executor = SlurmExecutor(options={"time": "7", "partition": "gpu"})
    executor.start(jobs)
    exits = exits_of(executor, len(jobs))
    executor.close()
    assert {(one.cause, one.code, one.host) for one in exits.values()} == {("ended", 0, os.uname().nodename)}
    for job in jobs:
        assert CellRecord.from_dict(json.loads((job.path / "outcome.json").read_text())).state == "done"
    (script,) = slurm.glob("*.sbatch")
    lines = script.read_text().splitlines()
    for expected in (
        "--array=0-3%4",
        "--cpus-per-task=1",
        "--no-requeue",
        "--partition=gpu",
        "--time=7",
        "--signal=USR2@90",
    ):
        assert f"#SBATCH {expected}" in lines
    assert (tmp_path / "slurm").is_dir()


@NEEDS_SUBMITIT
@pytest.mark.exhaustive
def test_runs_of_slurm_are_stopped_killed_and_lost(tmp_path, slurm):
    begun = {name: tmp_path / name / "begun" for name in ("stopped", "killed", "warned", "lost")}
    endless = STUDY.replace("epochs: 2", "epochs: 100000")
    jobs = {}
    for name, file in begun.items():
        action = f"open({str(file)!r}, 'w').close(); time.sleep(0.05)"
        jobs[name] = replace(odd_job(tmp_path / name, action, endless), name=name)
    executor = SlurmExecutor(options={"time": "7"})
    executor.start(list(jobs.values()))
    deadline = time.monotonic() + 240
    while not all(file.exists() for file in begun.values()):
        assert time.monotonic() < deadline
        assert executor.wait(0.5) == []
    executor.stop("stopped", kill=False)
    executor.stop("killed", kill=True)
    numbers = {name: queued.submitted.id for name, queued in executor._queued.items()}
    (warned,) = (
        one for one in processes_of(slurm, numbers["warned"]) if "submitit.core._submit" in one.cmdline()
    )
    warned.send_signal(signal.SIGUSR2)
    for process in processes_of(slurm, numbers["lost"]):
        process.kill()
    (slurm / f"{numbers['lost']}.state").write_text("NODE_FAIL")
    exits = exits_of(executor, 4)
    executor.close()
    assert (exits["stopped"].cause, exits["stopped"].code) == ("ended", 143)
    assert (exits["killed"].cause, exits["killed"].code) == ("signal", -9)
    assert (exits["warned"].cause, exits["warned"].code) == ("preempted", 143)
    assert (exits["lost"].cause, exits["lost"].host) == ("lost", os.uname().nodename)
    for name in ("stopped", "warned"):
        assert (jobs[name].path / "checkpoint.pt").is_file()


@NEEDS_SUBMITIT
@pytest.mark.exhaustive
def test_what_waits_in_slurms_queue_leaves_it_and_what_slurm_refuses_is_said(tmp_path, slurm):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    (slurm / "full").touch()
    executor = SlurmExecutor(options={"time": "7"})
    executor.start([job])
    assert executor.wait(2) == []
    executor.stop(job.name, kill=False)
    assert exits_of(executor, 1)[job.name].cause == "signal"
    (slurm / "refuse").touch()
    with pytest.raises(
        RunError, match=r"^Slurm does not take the runs: sbatch: error: invalid partition specified: nowhere$"
    ):
        executor.start([job])


@NEEDS_SUBMITIT
@pytest.mark.exhaustive
def test_a_study_runs_where_submitit_itself_plays_slurm(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    jobs = [written_job(cell, tmp_path / "cells") for cell in cells_of(write_study(tmp_path))[:2]]
    options = SlurmOptions.of({"time": "7"})
    executor = SlurmExecutor(options={"time": "7"}, queue=SlurmQueue(options, cluster="local"))
    executor.start(jobs)
    processes = [queued.submitted.job._process for queued in executor._queued.values()]
    exits = exits_of(executor, 2)
    executor.close()
    for process in processes:
        process.wait(60)  # which submitit leaves to chance
    assert {(one.cause, one.code) for one in exits.values()} == {("ended", 0)}
