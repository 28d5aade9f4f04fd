"""Runs on a real Ray cluster of two nodes, both of which are this machine."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest
import torch

from cnnbuild.lang.study import read_study
from cnnbuild.studies.events import CellEnded, CellRetried, EpochEnded
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.executors.local import LocalExecutor
from cnnbuild.studies.executors.ray import RayExecutor
from cnnbuild.studies.plan import plan_study
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.run import run_plan
from tests.studies.jobs_on_disk import cells_of, written_job
from tests.studies.odd_layers import odd_job
from tests.studies.studies_on_disk import STUDY, write_study
from tests.training.killed_runs import OF_THE_MACHINE, TIMES, without

NEEDS_RAY = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'cnnbuild[ray]'"
)

OF_THE_PROCESS = TIMES | OF_THE_MACHINE | {"started", "executor", "parallel", "attempts"}
EIGHT_RUNS = STUDY.replace("seeds: 2", "seeds: 4").replace("epochs: 2,", "epochs: 25, device: cpu,")
STORE_BYTES = 80 * 2**20


class Nodes:
    """A Ray cluster of this machine: its first node, on which the study runs, and a second one."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._second = self._cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
        self.address = self._cluster.address
        self.second = self._second.node_id[:8]

    def lose_second(self) -> None:
        """Kill all processes of the second node at once, as if its machine had lost power."""
        raylet = psutil.Process(self._second.all_processes["raylet"][0].process.pid)
        for process in [raylet, *raylet.children(recursive=True)]:
            process.kill()
        self._cluster.remove_node(self._second, allow_graceful=False)

    def close(self) -> None:
        self._cluster.shutdown()


@pytest.fixture
def nodes(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    nodes = Nodes()
    yield nodes
    nodes.close()


def settled(results: StudyResults) -> dict[str, object]:
    return {name: without(asdict(record), OF_THE_PROCESS) for name, record in results.records.items()}


def weights_in(out: Path) -> dict[str, dict[str, torch.Tensor]]:
    files = sorted((out / "cells").glob("*/weights.pt"))
    return {file.parent.name: torch.load(file, weights_only=True) for file in files}


def is_half_way(run: Path) -> bool:
    """Whether a node works on a run and has kept some of its epochs."""
    return (
        all((run / name).exists() for name in ("node.json", "checkpoint.pt"))
        and not (run / "outcome.json").exists()
    )


@NEEDS_RAY
@pytest.mark.exhaustive
@pytest.mark.filterwarnings("default")  # Ray's own
def test_a_study_on_two_nodes_of_which_one_is_lost_ends_with_the_local_executors_bits(tmp_path, nodes):
    plan = plan_study(read_study(write_study(tmp_path, EIGHT_RUNS)), data_root=None)
    local = LocalExecutor(2)
    expected = run_plan(plan, out=tmp_path / "local", data_root=None, executor=local, jobs=2, threads=1)
    local.close()
    lost, retried, ended = [], [], []

    def follow(event) -> None:
        if isinstance(event, CellRetried):
            retried.append(event)
        if isinstance(event, CellEnded):
            ended.append(event)
        if isinstance(event, EpochEnded) and len(ended) >= 3 and not lost:
            for run in (tmp_path / "ray" / "cells").iterdir():
                if is_half_way(run) and nodes.second in (run / "node.json").read_text():
                    lost.append(run.name)
                    nodes.lose_second()
                    return

    executor = RayExecutor(address=nodes.address)
    assert executor.slots == 2
    found = run_plan(
        plan, out=tmp_path / "ray", data_root=None, executor=executor, on_event=follow, jobs=2, threads=1
    )
    assert executor.slots == 1
    executor.close()
    assert settled(found) == settled(expected)
    assert len(settled(found)) == 8
    of_local, of_ray = weights_in(tmp_path / "local"), weights_in(tmp_path / "ray")
    assert list(of_local) == list(of_ray)
    for name, weights in of_local.items():
        assert weights.keys() == of_ray[name].keys()
        assert all(torch.equal(weights[key], of_ray[name][key]) for key in weights)
    (retry,) = retried
    assert retry.attempt.reason.endswith("was lost")
    attempts = {name: record.attempts for name, record in found.records.items()}
    assert {name: len(tried) for name, tried in attempts.items()} == dict.fromkeys(attempts, 1) | {lost[0]: 2}
    first, second = attempts[lost[0]]
    assert (first.state, second.state, second.resumed) == ("killed", "done", True)
    assert nodes.second in first.host
    assert nodes.second not in second.host
    hosts = {tried[-1].host for tried in attempts.values()}
    assert len(hosts) == 2, "both nodes have finished runs"


@NEEDS_RAY
@pytest.mark.exhaustive
@pytest.mark.filterwarnings("default")
def test_on_a_real_cluster_runs_are_stopped_killed_refused_and_given_up(tmp_path, nodes):
    executor = RayExecutor(address=nodes.address)
    endless = STUDY.replace("epochs: 2", "epochs: 100000")
    begun = {name: tmp_path / name / "begun" for name in ("stopped", "killed")}
    jobs = {}
    for name, file in begun.items():
        action = f"open({str(file)!r}, 'w').close(); time.sleep(0.05)"
        jobs[name] = replace(odd_job(tmp_path / name, action, endless), name=name)
    plain = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    executor.start([*jobs.values(), replace(plain, name="waiting"), replace(plain, name="wide", threads=2)])
    (wide,) = executor.wait(60)
    assert (wide.name, wide.cause) == ("wide", "unplaceable")
    assert wide.reason.startswith(
        "no living node of the cluster can hold the run: it needs 2 CPUs; the largest node has 1 CPU, "
    )
    deadline = time.monotonic() + 240
    while not all(file.exists() for file in begun.values()):
        assert time.monotonic() < deadline
        assert executor.wait(0.5) == []
    assert [executor.is_running(name) for name in ("stopped", "killed", "waiting")] == [True, True, False]
    executor.stop("waiting", kill=False)
    exits = exits_of(executor, 1)
    executor.stop("stopped", kill=False)
    executor.stop("killed", kill=True)
    exits |= exits_of(executor, 2)
    executor.close()
    assert exits["waiting"].cause == "signal"
    assert (exits["stopped"].cause, exits["stopped"].code) == ("ended", 143)
    assert (exits["killed"].cause, exits["killed"].code) == ("signal", -9)
    assert (jobs["stopped"].path / "checkpoint.pt").is_file()


def exits_of(executor: RayExecutor, count: int) -> dict[str, Exit]:
    found: dict[str, Exit] = {}
    deadline = time.monotonic() + 240
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {found} within 240 s"
        found |= {ended.name: ended for ended in executor.wait(5)}
    return found
