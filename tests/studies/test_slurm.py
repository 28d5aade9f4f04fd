"""Runs on a Slurm cluster: with a stand-in for its queue."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.studies.executors import slurm as slurm_executor
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.executors.placement import Need
from cnnbuild.studies.executors.requests import NodeExit, NodeWord, tell
from cnnbuild.studies.executors.slurm import SlurmExecutor
from cnnbuild.studies.executors.slurm_exits import exit_of_state, is_living
from cnnbuild.studies.executors.slurm_options import SlurmOptions
from cnnbuild.studies.job import Job
from tests.studies.jobs_on_disk import cells_of, job_of
from tests.studies.studies_on_disk import write_study


class Submitted:
    """A job whose state the test sets."""

    def __init__(self, number: str) -> None:
        self.id, self.state, self.log = number, "PENDING", Path("/logs") / f"{number}.err"


class StandIn:
    """A queue that takes everything."""

    def __init__(self) -> None:
        self.submitted, self.asked, self.cancelled = [], 0, []

    def submit(self, assignments, need, folder):
        jobs = [Submitted(f"{len(self.submitted)}_{n}") for n in range(len(assignments))]
        self.submitted.append((assignments, need, folder, jobs))
        return jobs

    def ask(self, submitted):  # noqa: ARG002
        self.asked += 1

    def cancel(self, ids, *, waiting_only=False):
        self.cancelled.append((list(ids), waiting_only))


@pytest.fixture
def jobs(tmp_path) -> list[Job]:
    jobs = [job_of(cell, tmp_path / "cells") for cell in cells_of(write_study(tmp_path))]
    for job in jobs:
        job.path.mkdir(parents=True)
    return [replace(job, name=name) for job, name in zip(jobs, "abcd", strict=True)]


@pytest.fixture
def queue() -> StandIn:
    return StandIn()


@pytest.fixture
def executor(queue, monkeypatch) -> SlurmExecutor:
    for name in ("LOOK_SECONDS", "ASK_SECONDS", "WORD_SECONDS", "FORCE_SECONDS", "CLOSING_SECONDS"):
        monkeypatch.setattr(slurm_executor, name, 0.0)
    return SlurmExecutor(options={"time": "60"}, queue=queue)


def test_runs_with_the_same_needs_become_one_array(executor, queue, jobs, tmp_path):
    executor.start(
        [jobs[0], replace(jobs[1], memory_bytes=2**30), replace(jobs[2], recipe={"device": "cuda"}), jobs[3]]
    )
    arrays = [(len(assignments), need, folder) for assignments, need, folder, _ in queue.submitted]
    assert arrays == [
        (2, Need(cpus=1), tmp_path / "slurm"),
        (1, Need(cpus=1, memory_bytes=2**30), tmp_path / "slurm"),
        (1, Need(cpus=1, gpus=1), tmp_path / "slurm"),
    ]
    assert len({one.token for assignments, *_ in queue.submitted for one in assignments}) == 4
    assert (executor.slots, executor.free_slots()) == (256, 252)
    assert executor.per_machine == 1  # 256 runs do not share a machine


def test_gpus_of_the_options_are_for_runs_that_may_use_them(queue, jobs):
    executor = SlurmExecutor(options={"time": "60", "gpus": "2"}, jobs=3, queue=queue)
    executor.start([jobs[0], replace(jobs[1], recipe={"device": "cpu"})])
    assert [need.gpus for _, need, *_ in queue.submitted] == [2, 0]
    assert (executor.slots, executor.free_slots()) == (3, 1)


def test_a_nodes_word_is_the_exit(executor, queue, jobs):
    executor.start(jobs[:2])
    (assignments, _, _, submitted) = queue.submitted[0]
    tell(jobs[0].path, assignments[0].token, NodeWord("n1"))
    assert (executor.is_running("a"), executor.is_running("b")) == (True, False)
    tell(jobs[0].path, assignments[0].token, NodeWord("n1", NodeExit("ended", 0, "", 2.5)))
    submitted[0].state = "COMPLETED"
    assert executor.wait(5) == [Exit("a", "ended", 0, "", "n1", 2.5)]
    assert list(jobs[0].path.iterdir()) == []
    assert executor.wait(0) == []


def test_a_job_that_is_over_without_a_word_ends_by_its_state_and_not_before(
    executor, queue, jobs, monkeypatch
):
    executor.start(jobs[:1])
    queue.submitted[0][3][0].state = "OUT_OF_MEMORY"
    monkeypatch.setattr(slurm_executor, "WORD_SECONDS", 60.0)
    assert executor.wait(0.1) == []
    monkeypatch.setattr(slurm_executor, "WORD_SECONDS", 0.0)
    (ended,) = executor.wait(60)
    assert (ended.name, ended.cause) == ("a", "memory")


def test_to_stop_a_run_is_asked_in_its_folder_and_one_that_waits_leaves_the_queue(executor, queue, jobs):
    executor.start(jobs[:1])
    executor.stop("a", kill=False)
    executor.stop("unknown", kill=True)
    assert json.loads((jobs[0].path / "request.json").read_text())["asked"] == "stop"
    assert queue.cancelled == [(["0_0"], True)]
    executor.stop("a", kill=True)
    assert json.loads((jobs[0].path / "request.json").read_text())["asked"] == "kill"
    executor.wait(0)
    assert queue.cancelled[-1] == (["0_0"], False)  # FORCE_SECONDS have passed
    executor.close()
    assert list(jobs[0].path.iterdir()) == []


@pytest.mark.parametrize(
    ("state", "cause", "code", "reason"),
    [
        ("OUT_OF_MEMORY", "memory", None, "it used more memory than its job may (Slurm: OUT_OF_MEMORY)"),
        ("PREEMPTED", "preempted", None, "Slurm gave its place to another job (Slurm: PREEMPTED)"),
        ("TIMEOUT", "preempted", None, "its time was up; --slurm time=… gives it more (Slurm: TIMEOUT)"),
        ("NODE_FAIL", "lost", None, "its node failed (Slurm: NODE_FAIL)"),
        ("CANCELLED by 1000", "signal", -15, "its job was cancelled (Slurm: CANCELLED by 1000)"),
        ("FAILED", "lost", None, "its job ended without a word (Slurm: FAILED); see /x.err"),
        ("COMPLETED", "lost", None, "its job ended without a word (Slurm: COMPLETED); see /x.err"),
    ],
)
def test_states_of_slurm_are_told_by_cause(state, cause, code, reason):
    ended = exit_of_state("a", state, host="n1", seconds=3.0, log="/x.err")
    assert ended == Exit("a", cause, code, reason, "n1", 3.0)


def test_a_job_that_failed_before_its_node_said_a_word_could_not_begin():
    ended = exit_of_state("a", "FAILED", host="", seconds=3.0, log="/x.err")
    expected = "its job could not begin (Slurm: FAILED): do the nodes see the study's folder? see /x.err"
    assert (ended.cause, ended.reason) == ("unplaceable", expected)


def test_what_has_not_ended_lives():
    assert all(map(is_living, ["PENDING", "RUNNING", "RUNNING+", "COMPLETING", "UNKNOWN", "", "REQUEUED"]))
    assert not any(map(is_living, ["COMPLETED", "CANCELLED by 7", "FAILED", "PREEMPTED", "OUT_OF_ME+"]))


def test_options_are_what_slurm_takes():
    given = {
        "time": "60",
        "gpus": "1",
        "partition": "gpu",
        "nodelist": "n[1-3],n7",
        "constraint": "a100|h100",
    }
    assert SlurmOptions.of(given) == SlurmOptions(
        60, 1, {"partition": "gpu", "constraint": "a100|h100", "nodelist": "n[1-3],n7"}
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Slurm has to know how long one run may take: --slurm time=60 (in minutes)"),
        ({"time": "1:00"}, "--slurm time is a whole number of minutes from 1, not '1:00'"),
        ({"time": "0"}, "--slurm time is a whole number of minutes from 1, not '0'"),
        ({"time": "5", "gpus": "-1"}, "--slurm gpus is a whole number from 0, not '-1'"),
        (
            {"time": "5", "partition": "a\n#SBATCH --x"},
            "--slurm partition is a word as sbatch takes it, not 'a\n#SBATCH --x'",
        ),
        ({"time": "5", "qos": "$(id)"}, "--slurm qos is a word as sbatch takes it, not '$(id)'"),
    ],
)
def test_faulty_options_are_refused(given, message):
    with pytest.raises(UsageError) as caught:
        SlurmOptions.of(given)
    assert str(caught.value) == message


def test_an_unknown_option_names_the_one_that_is_meant():
    with pytest.raises(UsageError, match=r"^--slurm has no option 'partiton'; did you mean 'partition'\?"):
        SlurmOptions.of({"time": "5", "partiton": "gpu"})


def test_without_submitit_or_slurm_it_is_said_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(
        UsageError, match=r"^--executor slurm needs submitit: pip install 'cnnbuild\[slurm\]'$"
    ):
        SlurmExecutor(options={"time": "5"})
    monkeypatch.setitem(sys.modules, "submitit", object())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        SlurmExecutor(options={"time": "5"})
    assert str(caught.value) == (
        "--executor slurm needs the command sbatch, which is not on this machine: "
        "start the study where jobs are submitted to Slurm"
    )
