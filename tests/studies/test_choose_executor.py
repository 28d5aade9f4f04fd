"""From the words of the command line to an executor, and how many runs share a machine."""

from __future__ import annotations

import os
import sys

import pytest
import torch

from cnnbuild.errors import UsageError
from cnnbuild.studies.executors import choose
from cnnbuild.studies.executors.choose import (
    default_jobs,
    make_executor,
    require_executor,
    require_jobs,
    threads_for,
)
from cnnbuild.system import cores
from cnnbuild.system.cores import core_count


def test_local_is_made_with_as_many_slots_as_asked_for():
    executor = make_executor("local", jobs=3, recipe_devices=["cpu"])
    assert executor is not None
    assert (executor.name, executor.slots, executor.free_slots()) == ("local", 3, 3)
    assert executor.per_machine == 3
    executor.close()


def test_inline_is_no_executor():
    assert make_executor("inline") is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("locla", "there is no executor 'locla'; did you mean 'local'?"),
        ("xyz", "there is no executor 'xyz'; known executors: inline, local, ray, slurm"),
    ],
)
def test_an_unknown_executor_is_refused_with_a_proposal(name, message):
    with pytest.raises(UsageError) as caught:
        make_executor(name)
    assert str(caught.value) == message


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_an_extra_that_is_not_installed_is_named(monkeypatch, name, package):
    monkeypatch.setattr(choose, "find_spec", lambda _: None)
    with pytest.raises(UsageError) as caught:
        make_executor(name)
    assert str(caught.value) == f"--executor {name} needs {package}: pip install 'cnnbuild[{name}]'"


@pytest.mark.parametrize(
    ("name", "jobs", "told"),
    [
        ("local", 0, "--jobs is a number of runs at once, at least 1, not 0"),
        (
            "local",
            65,
            "--jobs 65: 64 runs at once are the most for this machine, which has 2 cores; without --jobs it "
            "is one per core, or one per GPU",
        ),
        (
            "slurm",
            1001,
            "--jobs 1001: 1,000 runs are the most in Slurm's queue; Slurm decides how many work",
        ),
        ("ray", 100_001, "--jobs 100001: 100,000 runs at once are the most"),
    ],
)
def test_a_number_of_runs_at_once_that_is_a_slip_is_refused(monkeypatch, name, jobs, told):
    monkeypatch.setattr(choose, "core_count", lambda: 2)
    with pytest.raises(UsageError) as caught:
        make_executor(name, jobs=jobs)
    assert str(caught.value) == told
    require_jobs("local", 64)
    monkeypatch.setattr(choose, "core_count", lambda: 128)
    require_jobs("local", 2048)


def test_an_executor_that_could_not_be_made_is_told_without_making_it(monkeypatch):
    require_executor("local", slurm={})
    monkeypatch.setattr(choose, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="--executor ray needs ray: pip install"):
        require_executor("ray", slurm={})
    monkeypatch.setattr(choose, "find_spec", lambda name: name)
    with pytest.raises(UsageError, match="Slurm has to know how long one run may take: --slurm time=60"):
        require_executor("slurm", slurm={"partition": "gpu"})


def test_runs_share_the_cores(monkeypatch):
    monkeypatch.setattr(choose, "core_count", lambda: 8)
    assert [threads_for(jobs) for jobs in (1, 2, 3, 8, 20)] == [8, 4, 2, 1, 1]
    assert [threads_for(jobs, "inline") for jobs in (1, 2)] == [8, 4]
    assert [threads_for(jobs, name) for jobs in (1, 20) for name in ("ray", "slurm")] == [1] * 4
    assert default_jobs(["cpu"]) == 8


def test_there_is_a_run_for_each_gpu_where_a_recipe_uses_any(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(choose, "core_count", lambda: 8)
    assert [default_jobs(devices) for devices in (["auto"], ["cpu", "cuda"], ["cpu"], ["mps"])] == [
        3,
        3,
        8,
        8,
    ]


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("200000 100000", 2), ("150000 100000", 2), ("max 100000", 16), ("1000 100000", 1)],
)
def test_a_container_has_its_share_of_the_cores(monkeypatch, tmp_path, quota, expected):
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    files = ((str(tmp_path / "cpu.max"), str(tmp_path / "cpu.max")),)
    monkeypatch.setattr(cores, "QUOTAS", files)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    assert core_count() == expected


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason=f"{sys.platform} has no affinity")
def test_no_more_cores_are_counted_than_this_process_may_use():
    assert 1 <= core_count() <= cores.allowed_cores()
