"""The page of a study while it runs."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cnnbuild.report.live_page import LivePage
from cnnbuild.report.page_writer import SHARE, follow_study
from cnnbuild.studies.events import StudyNote
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.store import StudyFolder
from tests.studies.synthetic import two_architectures

HANGS = 120
REFRESH = 'http-equiv="refresh"'


def stored(folder: Path, *, ended: int) -> StudyResults:
    """A study of four runs in a folder, of which some have ended."""
    results = two_architectures([800, 801], [900, 901])
    store = StudyFolder(folder)
    store.write_study(results.study.model_dump(mode="json"))
    for name, record in list(results.records.items())[:ended]:
        store.write_record(name, record)
    return results


def until(holds, what: str) -> None:
    end = time.monotonic() + HANGS
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_a_study_that_is_soon_over_starts_no_process(tmp_path):
    stored(tmp_path, ended=1)
    told = []
    with LivePage(tmp_path, told.append, seconds=HANGS) as page:
        page(StudyNote("hello"))
    assert told == [StudyNote("hello")]
    assert not (tmp_path / "report.html").exists()
    assert page.final is None


def test_a_long_study_has_a_page_that_follows_it_and_after_an_error_one_that_stays(tmp_path):
    stored(tmp_path, ended=1)
    file = tmp_path / "report.html"
    page = LivePage(tmp_path, lambda _: None, seconds=0)

    def interrupted():
        with page:
            page(StudyNote("hello"))
            page(StudyNote("again"))
            until(file.exists, "no page was written")
            assert REFRESH in file.read_text()
            assert "3 of 4 runs have not ended" in file.read_text()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert page.final == file
    assert REFRESH not in file.read_text()
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".report")] == []


@pytest.mark.exhaustive
def test_a_killed_study_leaves_a_page_that_no_longer_follows(tmp_path):
    stored(tmp_path, ended=2)
    code = (
        "import sys, time; from pathlib import Path; from cnnbuild.report.live_page import LivePage; "
        "from cnnbuild.studies.events import StudyNote\n"
        "with LivePage(Path(sys.argv[1]), print, seconds=0) as page: page(StudyNote('x')); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL
    )
    file = tmp_path / "report.html"
    try:
        until(lambda: file.exists() and REFRESH in file.read_text(), "no page was written")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    until(lambda: REFRESH not in file.read_text(), "the page still follows a study that is gone")
    assert "2 of 4 runs have not ended" in file.read_text()


def test_writing_takes_at_most_its_share_however_long_one_writing_is(tmp_path, monkeypatch):
    written, waits, clock = [], [], [0.0]
    closed = threading.Event()

    def write(folder, *, reload_seconds):
        written.append(reload_seconds)
        clock[0] += (0.2, 3.0, 0.1, 0.1)[len(written) - 1]

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            closed.set()

    monkeypatch.setattr("cnnbuild.report.page_writer.write_page", write)
    monkeypatch.setattr("time.process_time", lambda: clock[0])
    closed_wait = type("Closed", (), {"is_set": closed.is_set, "wait": staticmethod(wait)})()
    follow_study(tmp_path, 10.0, closed_wait)
    assert SHARE == 20
    assert waits == pytest.approx([10, 60, 10])
    assert written == [10, 10, 60, None]  # the last one is not read again


def test_a_page_that_cannot_be_written_stops_no_study(tmp_path):
    from cnnbuild.report.page_writer import write_page

    write_page(tmp_path / "gone", reload_seconds=10)
    (tmp_path / "study.json").write_text("{")
    write_page(tmp_path, reload_seconds=10)
    assert not (tmp_path / "report.html").exists()


def test_runs_under_way_tell_of_their_last_epoch(tmp_path):
    from cnnbuild.report.page import render_page
    from cnnbuild.studies.epoch_news import EpochNews
    from cnnbuild.studies.results import read_results

    results = stored(tmp_path, ended=1)
    missing = results.study.cells[1]
    cell = StudyFolder(tmp_path).cell(missing.folder)
    cell.mkdir(parents=True)
    news = [EpochNews(n, 9, 1 / n, 0.5, 0.875, 1.0).to_line() for n in (1, 2)]
    (cell / "progress.jsonl").write_text("\n".join([*news, '{"epoch": 3, "epo']))
    page = render_page(read_results(tmp_path), reload_seconds=10)
    assert "Runs under way" in page
    assert "<td>2 of 9</td><td>0.5000</td><td>87.50</td>" in page
    assert "Runs under way" not in render_page(read_results(tmp_path))
