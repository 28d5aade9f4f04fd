"""A disk that is full or cannot be written: a word on what to do, and nothing lost."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnbuild.errors import RunError, UsageError
from cnnbuild.studies import disk_space
from tests.studies.fake_executor import FakeExecutor, dies, ends, never
from tests.studies.test_supervisor import lines_of, plan_of, start


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> None:
    try:
        with (disk / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
    except OSError:
        pass


def test_a_disk_that_fills_up_while_runs_are_worked_on_ends_the_study_and_loses_nothing(small_disk, tmp_path):
    def last_before_the_end(job):
        ended = ends()(job)
        fill(small_disk)
        return ended

    plan = plan_of(tmp_path)
    executor = FakeExecutor({("narrow", 1): [last_before_the_end], ("wide", 0): [never]}, slots=1)
    executor.on_stop = lambda job: dies("ended", 143)(job)
    with pytest.raises(RunError) as caught:
        start(small_disk, executor, plan=plan)
    assert str(caught.value).startswith(str(small_disk / "out"))
    assert ": No space left on device" in str(caught.value)
    with pytest.raises(UsageError, match=r"No space left on device|are free; make room"):
        start(small_disk, FakeExecutor(), plan=plan)
    (small_disk / "filler").unlink()
    again = FakeExecutor()
    results = start(small_disk, again, plan=plan)
    assert [(job.architecture, job.seed) for job in again.started] == [("wide", 0), ("wide", 1)]
    assert not results.missing
    assert len(lines_of(small_disk)) == 4


def test_a_disk_that_is_full_from_the_start_begins_nothing(small_disk, tmp_path, monkeypatch):
    plan = plan_of(tmp_path)
    (small_disk / "out" / "cells").mkdir(parents=True)
    fill(small_disk)
    executor = FakeExecutor()
    with pytest.raises(UsageError, match=r"the runs to come need about .* and 0 bytes are free"):
        start(small_disk, executor, plan=plan)
    monkeypatch.setattr(disk_space, "CHECKPOINTS", 0)
    monkeypatch.setattr(disk_space, "NUMBER_BYTES", 0)  # what no estimate knows of
    with pytest.raises(UsageError, match=r"out: results cannot be written here: No space left on device"):
        start(small_disk, executor, plan=plan)
    assert executor.started == []


def test_a_folder_that_cannot_be_written_begins_nothing(small_disk, tmp_path):
    plan = plan_of(tmp_path)
    (small_disk / "out" / "cells").mkdir(parents=True)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    executor = FakeExecutor()
    with pytest.raises(UsageError) as caught:
        start(small_disk, executor, plan=plan)
    assert str(caught.value) == f"{small_disk / 'out'}: results cannot be written here: Read-only file system"
    assert executor.started == []
