import os
from pathlib import Path

from cnnbuild.studies.epoch_news import EpochNews
from cnnbuild.studies.signs_of_life import ProgressTail, Pulse


def line(epoch: int) -> str:
    return EpochNews(epoch, 3, 1.0, 0.5, None, 0.1).to_line()


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_lines_are_told_once_and_only_when_they_are_whole(tmp_path):
    path = tmp_path / "progress.jsonl"
    tail = ProgressTail(path)
    assert tail.read() == []
    add(path, line(1) + "\n" + line(2)[:10])
    assert [news.epoch for news in tail.read()] == [1]
    assert tail.read() == []
    add(path, line(2)[10:] + "\n" + line(3) + "\n")
    assert [news.epoch for news in tail.read()] == [2, 3]
    assert tail.read() == []


def test_what_an_earlier_attempt_told_is_not_told_again(tmp_path):
    path = tmp_path / "progress.jsonl"
    add(path, line(1) + "\n" + line(2)[:10])
    tail = ProgressTail(path)
    add(path, "\n")
    assert tail.read() == []
    add(path, line(2) + "\n")
    assert [news.epoch for news in tail.read()] == [2]


def test_a_line_that_is_none_is_passed_over(tmp_path):
    path = tmp_path / "progress.jsonl"
    tail = ProgressTail(path)
    path.write_bytes(b"{\n\xff\xfe\n" + line(4).encode() + b"\n")
    assert [news.epoch for news in tail.read()] == [4]


def test_a_pulse_is_timed_by_its_watcher_however_wrong_the_other_clock_is(tmp_path):
    path = tmp_path / "pulse"
    pulse = Pulse(path, 100.0)
    assert pulse.silent_for(103.0) == 3.0
    path.touch()
    os.utime(path, (5, 5))  # the worker's machine believes in 1970
    assert pulse.silent_for(110.0) == 0.0
    assert pulse.silent_for(150.0) == 40.0
    os.utime(path, (4, 4))  # its clock was put back
    assert pulse.silent_for(160.0) == 0.0
    pulse.begin(170.0)
    assert pulse.silent_for(171.0) == 1.0
