import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from cnnbuild.errors import UsageError
from cnnbuild.studies import study_lock, supervisor
from cnnbuild.studies.events import CellEnded, StudyEvent, StudyNote
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.study_lock import only_supervisor, worker_lives
from tests.studies.fake_executor import FakeExecutor, ends, write_outcome
from tests.studies.test_supervisor import FIRST, files_of, start

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="another process is a fork here")


@contextmanager
def another_process(folder: Path, *, lock: str = "") -> Iterator[int]:
    """A process that looks after a study, or holds a lock of another name, until it is killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with only_supervisor(folder) if not lock else FileLock(folder / lock):
            os.write(writing, b"x")
            signal.pause()
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_second_supervisor_is_refused_and_told_who_is_first(tmp_path):
    (tmp_path / "out").mkdir()
    executor = FakeExecutor()
    with another_process(tmp_path / "out") as pid:
        started = json.loads((tmp_path / "out" / ".lock.json").read_text())["started"]
        with pytest.raises(UsageError) as caught:
            start(tmp_path, executor)
        assert executor.started == []
        assert not (tmp_path / "out" / "study.json").exists()
    assert str(caught.value) == (
        f"{tmp_path / 'out'}: process {pid} on this machine (started {started}) runs this study; wait for it, "
        "stop it, or name another folder with --out"
    )
    assert not start(tmp_path, executor).missing  # it is dead: its lock does not hold
    assert not (tmp_path / "out" / ".lock.json").exists()


def test_a_supervisor_on_another_machine_is_named_with_it(tmp_path, monkeypatch):
    with another_process(tmp_path) as pid:
        first = socket.gethostname()
        monkeypatch.setattr(study_lock.socket, "gethostname", lambda: "elsewhere")
        with (
            pytest.raises(UsageError, match=f"process {pid} on the machine {first} "),
            only_supervisor(tmp_path),
        ):
            pass
        (tmp_path / ".lock.json").write_text("{")
        with pytest.raises(UsageError, match="another process runs this study"), only_supervisor(tmp_path):
            pass


def test_a_folder_whose_files_cannot_be_locked_is_refused(tmp_path, monkeypatch):
    def no_locks(self):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(study_lock.FileLock, "acquire", no_locks)
    with pytest.raises(UsageError, match="the file system here cannot lock files"), only_supervisor(tmp_path):
        pass


def test_a_worker_lives_as_long_as_it_holds_its_lock(tmp_path):
    assert not worker_lives(tmp_path)
    with another_process(tmp_path, lock="worker.lock"):
        assert worker_lives(tmp_path)
    assert not worker_lives(tmp_path)


def test_a_run_that_an_earlier_starts_worker_is_at_is_waited_for_and_not_run_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "ELSEWHERE_SECONDS", 0.1)

    def interrupted(job):
        os.kill(os.getpid(), signal.SIGINT)

    first = FakeExecutor({FIRST: [interrupted]}, slots=1)
    first.on_stop = lambda job: Exit(job.name, "ended", 143)
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, first)
    (job,) = first.started
    events: list[StudyEvent] = []

    def last(other):
        """The last run that is worked on; after it the worker of the earlier start ends too."""
        write_outcome(job)
        os.kill(pid, signal.SIGKILL)
        return ends()(other)

    second = FakeExecutor({("wide", 1): [last]})
    with another_process(job.path, lock="worker.lock") as pid:
        results = start(tmp_path, second, events)
    assert [(j.architecture, j.seed) for j in second.started] == [("narrow", 1), ("wide", 0), ("wide", 1)]
    assert [event.text for event in events if isinstance(event, StudyNote)] == [
        "narrow on digits, seed 0: a worker of an earlier start is still at it, and is waited for"
    ]
    assert {record.state for record in results.records.values()} == {"done"}
    ended = [(e.cell.architecture, e.cell.seed, e.reused) for e in events if isinstance(e, CellEnded)]
    assert sorted(ended)[0] == ("narrow", 0, True)
    assert len(ended) == 4
    assert files_of(tmp_path, "narrow-digits-seed0") == {"record.json"}


def test_a_worker_that_finds_another_at_its_run_is_not_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "ELSEWHERE_SECONDS", 0.1)
    events: list[StudyEvent] = []
    executor = FakeExecutor({FIRST: [lambda job: Exit(job.name, "ended", 75), ends()]})
    results = start(tmp_path, executor, events)
    assert {record.state for record in results.records.values()} == {"done"}
    assert sum(isinstance(event, StudyNote) for event in events) == 1
    assert [len(record.attempts) for record in results.records.values()] == [1, 1, 1, 1]
