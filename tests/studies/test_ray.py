"""Runs on a Ray cluster: with a stand-in for the cluster."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import replace

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.studies.executors import ray as ray_executor
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.executors.placement import Room
from cnnbuild.studies.executors.ray import RayExecutor
from cnnbuild.studies.executors.ray_cluster import RayCluster, require_answer
from cnnbuild.studies.executors.ray_exits import exit_of_error, exit_of_word
from cnnbuild.studies.executors.requests import NodeExit, NodeWord, tell
from cnnbuild.studies.job import Job
from tests.studies.jobs_on_disk import cells_of, job_of
from tests.studies.studies_on_disk import write_study


class StandIn:
    """A cluster whose nodes and tasks are what the test says."""

    notes = ()

    def __init__(self, address):  # noqa: ARG002 - as the cluster's
        self.nodes = [Room("a", cpus=2, memory_bytes=2**33)]
        self.submitted, self.results, self.cancelled, self.closed = {}, {}, [], False

    def rooms(self):
        return tuple(self.nodes)

    def submit(self, assignment, need, *, name):  # noqa: ARG002
        ref = f"{name}#{len(self.submitted)}"
        self.submitted[ref] = assignment
        return ref

    def ended(self, refs, seconds):  # noqa: ARG002
        yield from [(ref, self.results.pop(ref)) for ref in refs if ref in self.results]

    def cancel(self, ref, *, force=False):
        self.cancelled.append((ref, force))

    def close(self):
        self.closed = True


@pytest.fixture
def jobs(tmp_path) -> list[Job]:
    jobs = [job_of(cell, tmp_path / "cells") for cell in cells_of(write_study(tmp_path))]
    for job in jobs:
        job.path.mkdir(parents=True)
    return [replace(job, name=name) for job, name in zip(jobs, "abcd", strict=True)]


@pytest.fixture
def executor(monkeypatch) -> RayExecutor:
    monkeypatch.setattr(ray_executor, "RayCluster", StandIn)
    monkeypatch.setattr(ray_executor, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(ray_executor, "FORCE_SECONDS", 0.0)
    return RayExecutor()


def asked_in(job: Job) -> str:
    return json.loads((job.path / "request.json").read_text())["asked"]


def test_as_many_runs_start_as_the_living_nodes_hold(executor, jobs):
    assert (executor.slots, executor.free_slots()) == (2, 2)
    executor.start(jobs[:2])
    assert (executor.slots, executor.free_slots()) == (2, 0)
    executor._cluster.nodes.append(Room("b", cpus=1, memory_bytes=2**33))
    assert (executor.slots, executor.free_slots()) == (3, 1)
    assert executor.per_machine == 2
    executor._cluster.nodes.clear()
    assert (executor.slots, executor.free_slots(), executor.per_machine) == (1, 0, 1)


def test_a_run_is_running_once_its_node_has_said_so(executor, jobs):
    executor.start(jobs[:1])
    assert not executor.is_running("a")
    assert not executor.is_running("unknown")
    (assignment,) = executor._cluster.submitted.values()
    tell(jobs[0].path, "an older attempt", NodeWord("h"))
    assert not executor.is_running("a")
    tell(jobs[0].path, assignment.token, NodeWord("h"))
    assert executor.is_running("a")


def test_what_a_node_told_is_the_exit_and_its_files_are_gone(executor, jobs):
    executor.start(jobs[:2])
    executor._cluster.results["b#1"] = NodeWord("h (n)", NodeExit("signal", -11, "", 2.5))
    assert executor.wait(5) == [Exit("b", "signal", -11, "", "h (n)", 2.5)]
    assert executor.wait(0) == []
    assert executor.free_slots() == 1
    assert list(jobs[1].path.iterdir()) == []
    assert (jobs[0].path / "request.json").exists()


def test_a_run_that_no_living_node_holds_ends_at_once_and_says_why(executor, jobs):
    executor.start([replace(jobs[0], threads=3), jobs[1], replace(jobs[2], recipe={"device": "cuda"})])
    first, second = executor.wait(60)
    assert (first.name, first.cause) == ("a", "unplaceable")
    assert "it needs 3 CPUs; the largest node has 2 CPUs, 8.00 GiB of memory" in first.reason
    assert "it needs 1 CPU, 1 GPU" in second.reason
    assert [name[0] for name in executor._cluster.submitted] == ["b"]


def test_a_waiting_run_ends_when_the_last_node_that_could_hold_it_dies(executor, jobs):
    two_threads = [replace(job, threads=2) for job in jobs[:2]]
    executor.start(two_threads)
    running, waiting = executor._cluster.submitted
    tell(jobs[0].path, executor._cluster.submitted[running].token, NodeWord("h"))
    executor._cluster.nodes[:] = [Room("b", cpus=1)]
    (ended,) = executor.wait(60)
    assert (ended.name, ended.cause) == ("b", "unplaceable")
    assert executor._cluster.cancelled == [(waiting, False)]


def test_a_gpu_is_taken_where_the_cluster_has_one_and_the_recipe_may_use_it(executor, jobs, monkeypatch):
    needs = []
    monkeypatch.setattr(executor._cluster, "submit", lambda _, need, *, name: needs.append(need.gpus) or name)
    executor.start(jobs[:1])
    executor._cluster.nodes.append(Room("g", cpus=4, gpus=2))
    executor.start([jobs[1], replace(jobs[2], recipe={"device": "cpu"})])
    assert needs == [0, 1, 0]


def test_to_stop_a_run_is_asked_in_its_folder_and_one_that_waits_is_taken_back(executor, jobs):
    executor.start(jobs[:2])
    running, waiting = executor._cluster.submitted
    tell(jobs[0].path, executor._cluster.submitted[running].token, NodeWord("h"))
    for name in ("a", "b", "unknown"):
        executor.stop(name, kill=False)
    assert [asked_in(job) for job in jobs[:2]] == ["stop", "stop"]
    assert executor._cluster.cancelled == [(waiting, False)]
    executor.stop("a", kill=True)
    assert asked_in(jobs[0]) == "kill"
    executor.wait(0)
    assert (running, True) in executor._cluster.cancelled  # FORCE_SECONDS have passed


def test_an_attempt_has_a_token_of_its_own(executor, jobs):
    executor.start(jobs[:1])
    executor._cluster.results["a#0"] = _named("WorkerCrashedError")("")
    (ended,) = executor.wait(5)
    executor.start(jobs[:1])
    first, second = executor._cluster.submitted.values()
    assert ended.cause == "lost"
    assert first.token != second.token


def test_closing_kills_what_runs_and_leaves_the_cluster(executor, jobs):
    executor.start(jobs[:1])
    executor.close()
    assert executor._cluster.closed
    assert ("a#0", True) in executor._cluster.cancelled
    assert list(jobs[0].path.iterdir()) == []


def _named(name: str, *bases: type[Exception]) -> type[Exception]:
    return type(name, bases or (Exception,), {})


@pytest.mark.parametrize(
    ("kind", "said", "cause", "reason"),
    [
        ("WorkerCrashedError", "long text", "lost", "the node h (n) was lost"),
        ("NodeDiedError", "long text", "lost", "the node h (n) was lost"),
        ("ObjectLostError", "long text", "lost", "the node h (n) was lost"),
        (
            "OutOfMemoryError",
            "Task was killed\nmore",
            "memory",
            "Ray ended it because h (n) had hardly any memory left",
        ),
        ("TaskCancelledError", "", "signal", "it was cancelled"),
        ("TaskUnschedulableError", "no\nmore", "unplaceable", "Ray cannot place it: no"),
        (
            "RayTaskError",
            "Traceback\n  File\nRunError: disk is full\n",
            "unplaceable",
            "h (n) could not work on it: RunError: disk is full",
        ),
    ],
)
def test_rays_exceptions_are_told_by_cause(kind, said, cause, reason):
    error = _named(kind, _named("RayError"))(said)
    ended = exit_of_error("a", error, host="h (n)", seconds=3.0)
    assert (ended.cause, ended.reason, ended.host, ended.seconds) == (cause, reason, "h (n)", 3.0)


def test_an_exception_from_a_place_unknown_and_a_node_without_a_word_of_the_end():
    lost = exit_of_error("a", _named("NodeDiedError")(""), host="", seconds=0.0)
    assert (lost.cause, lost.reason) == ("lost", "its node was lost")
    assert exit_of_word("a", NodeWord("h")) == Exit(
        "a", "lost", None, "its node told nothing of its end", "h"
    )


def test_without_ray_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"^--executor ray needs Ray: pip install 'cnnbuild\[ray\]'$"):
        RayCluster(None)


def test_an_address_where_no_cluster_is_is_said_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        require_answer(f"127.0.0.1:{port}")
    with pytest.raises(
        UsageError, match=rf"^the Ray cluster at 127\.0\.0\.1:{port} does not answer: .*refused"
    ):
        require_answer(f"127.0.0.1:{port}")
    for address in ("ray://head:10001", "head"):
        with pytest.raises(UsageError) as caught:
            require_answer(address)
        expected = f"RAY_ADDRESS is the host and port of the cluster's head, or auto, not '{address}'"
        assert str(caught.value) == expected
    require_answer("auto")
