"""What a node of a cluster does for one attempt, without any cluster: real workers, and processes that play one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cnnbuild.studies.executors import node_work
from cnnbuild.studies.executors.assignment import Assignment, assignment_of, versions_here, why_not_here
from cnnbuild.studies.executors.node_work import work_on_node
from cnnbuild.studies.executors.requests import NodeExit, NodeWord, ask, asked_of, forget, tell, told
from cnnbuild.studies.record import CellRecord
from tests.cli.commands import ROOT
from tests.studies.jobs_on_disk import cells_of, written_job
from tests.studies.odd_layers import odd_job
from tests.studies.studies_on_disk import write_study


def until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for 60 s"
        time.sleep(0.02)


@pytest.fixture
def stand_in(monkeypatch):
    """Workers that take no seconds to start: see `node_child_stand_in`."""
    monkeypatch.setattr(node_work, "CHILD", "tests.studies.node_child_stand_in")
    monkeypatch.setattr(node_work, "GRACE_SECONDS", 0.5)


def run_that(acts: str, folder: Path, *, memory_bytes: int | None = None) -> Assignment:
    """A run whose worker is the stand-in, for the attempt `one`."""
    folder.mkdir()
    (folder / "acts.txt").write_text(acts)
    (folder / "job.json").write_text("{}")
    ask(folder, "one", "work")
    return Assignment(str(folder), "one", memory_bytes, (), {}, versions_here())


def exit_of(acts: str, folder: Path, **arguments) -> NodeExit:
    ended = work_on_node(run_that(acts, folder, **arguments)).exit
    assert ended is not None
    return ended


def exit_after(folder: Path, act) -> NodeExit:
    """How a run that sleeps ended after `act`, which is called when it has begun."""
    ended = []
    assignment = run_that("sleep", folder)
    thread = threading.Thread(target=lambda: ended.append(work_on_node(assignment).exit))
    thread.start()
    until((folder / "begun").exists)
    assert told(folder, "one") == NodeWord(os.uname().nodename)
    act()
    thread.join(60)
    return ended[0]


def test_a_node_works_on_a_run_and_leaves_its_outcome_and_its_word(tmp_path):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    ask(job.path, "one", "work")
    word = work_on_node(assignment_of(job, "one"), place="abc")
    assert word.exit is not None
    assert (word.exit.cause, word.exit.code) == ("ended", 0)
    assert word.host == f"{os.uname().nodename} (abc)"
    assert told(job.path, "one") == word
    assert CellRecord.from_dict(json.loads((job.path / "outcome.json").read_text())).state == "done"


def test_a_run_that_is_asked_to_stop_ends_by_itself_and_one_to_be_killed_does_not(tmp_path, stand_in):
    before = set(psutil.Process().children(recursive=True))  # such as a fork server of another test
    stopped = exit_after(tmp_path / "a", lambda: ask(tmp_path / "a", "one", "stop"))
    killed = exit_after(tmp_path / "b", lambda: ask(tmp_path / "b", "one", "kill"))
    assert (stopped.cause, stopped.code) == ("ended", 143)
    assert (killed.cause, killed.code) == ("signal", -signal.SIGKILL)
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_node_that_was_given_up_leaves_the_run_to_the_next_attempt(tmp_path, stand_in):
    ended = exit_after(tmp_path / "a", lambda: ask(tmp_path / "a", "two", "work"))
    assert ended.code == -signal.SIGKILL


def test_an_attempt_that_another_has_replaced_while_it_waited_begins_nothing(tmp_path, stand_in):
    assignment = run_that("0", tmp_path / "a")
    ask(tmp_path / "a", "two", "work")
    ended = work_on_node(assignment).exit
    assert ended == NodeExit("signal", -signal.SIGTERM, "it was cancelled", 0.0)
    assert not (tmp_path / "a" / "begun").exists()
    assert not (tmp_path / "a" / "node.json").exists()


def test_a_crash_a_kill_an_error_and_too_much_memory_are_told_apart(tmp_path, stand_in):
    crashed, killed = (exit_of(acts, tmp_path / acts) for acts in ("SIGSEGV", "SIGKILL"))
    assert (crashed.cause, crashed.code) == ("signal", -signal.SIGSEGV)
    assert (killed.cause, killed.code) == ("signal", -signal.SIGKILL)
    assert (exit_of("3", tmp_path / "c").cause, exit_of("3", tmp_path / "d").code) == ("ended", 3)
    over = exit_of("hog", tmp_path / "e", memory_bytes=200_000_000)
    assert (over.cause, over.code) == ("memory", -signal.SIGKILL)
    assert over.reason.endswith(" GB, allowed 0.2 GB (--memory)")
    within = exit_of("0", tmp_path / "f", memory_bytes=200_000_000)
    assert (within.cause, within.code) == ("ended", 0)


def test_a_kill_that_the_system_counted_as_want_of_memory_is_told_so(tmp_path, stand_in, monkeypatch):
    monkeypatch.setattr(node_work.SystemKills, "take_one", lambda _: True)
    assert exit_of("SIGKILL", tmp_path / "a").cause == "memory"
    assert exit_of("SIGSEGV", tmp_path / "b").cause == "signal"
    asked_for = exit_after(tmp_path / "c", lambda: ask(tmp_path / "c", "one", "kill"))
    assert asked_for.cause == "signal"


def test_a_scheduler_that_takes_the_place_away_leaves_time_for_a_checkpoint(tmp_path, stand_in):
    assignment = run_that("sleep", tmp_path / "a")

    def preempt() -> None:
        until((tmp_path / "a" / "begun").exists)
        os.kill(os.getpid(), signal.SIGUSR2)

    before = signal.getsignal(signal.SIGUSR2)
    thread = threading.Thread(target=preempt)
    thread.start()
    ended = work_on_node(assignment, signals=(signal.SIGUSR2,)).exit
    thread.join()
    assert ended is not None
    assert (ended.cause, ended.code) == ("preempted", 143)
    assert ended.reason == "its scheduler took its place away (SIGUSR2)"
    assert signal.getsignal(signal.SIGUSR2) == before


def test_a_worker_ends_with_the_process_that_started_it(tmp_path, stand_in):
    assignment = run_that("sleep", tmp_path / "a")
    code = "from cnnbuild.studies.executors import node_work\n"
    code += "from cnnbuild.studies.executors.assignment import Assignment\n"
    code += f"node_work.CHILD = {node_work.CHILD!r}\nnode_work.work_on_node({assignment!r})\n"
    starter = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    until((tmp_path / "a" / "begun").exists)
    (worker,) = psutil.Process(starter.pid).children()
    starter.kill()
    starter.wait(60)
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_a_node_that_does_not_see_what_it_needs_says_what_to_do(tmp_path):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    assignment = assignment_of(job, "one")
    elsewhere = replace(assignment, folder=str(tmp_path / "nowhere"))
    said = work_on_node(elsewhere, place="far").exit
    host = f"{os.uname().nodename} (far)"
    expected = f"{host} does not see {tmp_path}/nowhere: put --out on a file system that all nodes share"
    assert said == NodeExit("unplaceable", None, expected, 0.0)
    without_plugin = replace(assignment, places=("/nowhere/plugin.py",))
    expected = "h does not see /nowhere/plugin.py: put it on a file system that all nodes share"
    assert why_not_here(without_plugin, "h") == expected
    other = replace(assignment, versions={"cnnbuild": "0.0.1"})
    here = assignment.versions["cnnbuild"]
    expected = f"h has cnnbuild {here}, the study was planned with 0.0.1: install the same there"
    assert why_not_here(other, "h") == expected
    assert why_not_here(assignment, "h") == ""


def test_what_a_node_has_to_see_are_the_data_and_the_plugins_that_are_here(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNBUILD_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("CNNBUILD_CACHE", raising=False)
    (tmp_path / "data").mkdir()
    job = odd_job(tmp_path, "pass")
    assert assignment_of(job, "t").places == (str(tmp_path / "odd.py"),)
    assert assignment_of(job, "t").environment == {"CNNBUILD_DATA": str(tmp_path / "data")}
    images = replace(job, dataset={"name": "cifar10"})
    assert assignment_of(images, "t").places == (str(tmp_path / "odd.py"), str(tmp_path / "data"))
    folder = replace(job, dataset={"name": "image_folder", "path": "birds"}, plugins=())
    assert assignment_of(folder, "t").places == ()
    (tmp_path / "data" / "birds").mkdir()
    assert assignment_of(folder, "t").places == (str(tmp_path / "data" / "birds"),)


def test_a_word_or_a_request_of_another_attempt_is_not_this_ones(tmp_path):
    word = NodeWord("h", NodeExit("signal", -9, "why", 1.5))
    assert told(tmp_path, "one") is None
    tell(tmp_path, "one", word)
    assert told(tmp_path, "one") == word
    assert told(tmp_path, "two") is None
    assert asked_of(tmp_path, "one") == "work"  # nothing can be read: go on
    ask(tmp_path, "one", "stop")
    assert (asked_of(tmp_path, "one"), asked_of(tmp_path, "two")) == ("stop", "kill")
    forget(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damaged", ["{", "[]", '{"token": "one", "exit": {"cause": "?", "code": "x"}}'])
def test_damaged_words_are_no_crash(tmp_path, damaged):
    (tmp_path / "node.json").write_text(damaged)
    word = told(tmp_path, "one")
    assert word in (None, NodeWord("", NodeExit("ended", None, "", 0.0)))
