"""The live table: what stands on a terminal while a study runs, and what is left of it afterwards."""

import sys

import pytest

from cnnbuild.cli.live_table import LiveTable, fitted
from cnnbuild.cli.progress import Manner, StudyProgress
from cnnbuild.cli.study_watch import StudyWatch
from cnnbuild.studies.record import Attempt
from tests.cli.screen import Screen, Terminal
from tests.cli.study_events import Clock, Fate, tiny_plan, told
from tests.studies.studies_on_disk import STUDY

FATES = {
    "narrow on digits, seed 0": Fate(2.0, "failed", "ValueError: [red]boom"),
    "narrow on digits, seed 1": Fate(2.0, retries=(Attempt("killed", "SIGKILL", 4.0),)),
}


def show(plan, terminal, monkeypatch, *, columns, until, lines=24, quiet=False, **how):
    """What stands on the screen at a second, and after the display was closed."""
    monkeypatch.setattr(sys, "stderr", terminal)
    for name, value in (("TERM", "xterm"), ("COLUMNS", str(columns)), ("LINES", str(lines))):
        monkeypatch.setenv(name, value)
    clock = Clock()
    with StudyProgress(Manner("local", 2, 1), quiet=quiet) as progress:
        progress.watch.clock = clock
        for when, event in told(plan, **how):
            if when > until:
                break
            clock.seconds = when
            progress(event)
        clock.seconds = until
        if progress._live is not None:
            progress._live.refresh()
        before = screen_of(terminal, columns)
    return before, screen_of(terminal, columns)


def screen_of(terminal, columns):
    screen = Screen(columns)
    screen.feed(terminal.getvalue())
    return screen


def test_running_runs_are_a_table_below_the_lines_of_those_that_ended(tmp_path, monkeypatch):
    plan = tiny_plan(tmp_path, seeds=3)
    during, after = show(plan, Terminal(), monkeypatch, columns=100, until=25, slots=3, fates=FATES)
    told_before = (
        "6 runs, 2 at once, 1 thread each (local)\n"
        "[1/6] narrow on digits, seed 0: failed: ValueError: [red]boom (log: runs/tiny/cells/narrow-seed0/log\n"
        ".txt)\n"
        "[2/6] narrow on digits, seed 1: killed: SIGKILL; it goes on in another process (log: runs/tiny/cells\n"
        "/narrow-seed1/log.txt)\n"
        "[2/6] narrow on digits, seed 1: test accuracy 91.20 %, 8.0 s\n"
    )
    # 16 + 20 + 24 s of these at second 24, and 40 s of the sixth, by three at once: 33 s.
    # seed 2 since second 0, wide seed 0 since 4, wide seed 1 since 8; epochs take 10 s, and each run 4 of them
    assert during.text == told_before + (
        "6 runs: 1 done, 1 failed, 4 left, about 30 s\n"
        "run                       epoch    loss  val %  images/s  time  left\n"
        "narrow on digits, seed 2    2/4  0.6667  83.33       144  25 s  15 s\n"
        "wide on digits, seed 0      2/4  0.6667  83.33       144  20 s  20 s\n"
        "wide on digits, seed 1      1/4  1.0000  75.00       144  15 s  25 s"
    )
    assert not during.cursor_shown
    assert after.text == told_before.rstrip()
    assert after.cursor_shown


def test_a_narrow_window_keeps_what_tells_runs_apart_and_how_long_they_take(tmp_path, monkeypatch):
    long = "with_a_rather_long_name_and_bottlenecks"
    text = STUDY.replace("narrow:", f"{long}:")
    plan = tiny_plan(tmp_path, seeds=3, epochs=120, text=text)
    during, _ = show(plan, Terminal(), monkeypatch, columns=60, until=11, slots=2)
    assert during.text.splitlines()[-3:] == [
        "run                          epoch    loss  val %    left",
        "with_a_rather…igits, seed 0  1/120  1.0000  75.00  20 min",
        "with_a_rather…igits, seed 1  1/120  1.0000  75.00  20 min",
    ]


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("lines", [6, 10, 24])
def test_the_table_is_never_larger_than_the_window(tmp_path, columns, lines):
    plan = tiny_plan(tmp_path, seeds=20, epochs=300)
    clock = Clock()
    watch = StudyWatch(clock=clock)
    events = [event for when, event in told(plan, slots=30) if when <= 10]
    for event in events:
        {"StudyPlanned": watch.planned, "CellStarted": watch.started, "EpochEnded": watch.epoch}[
            type(event).__name__
        ](event)
    clock.seconds = 11
    drawn = LiveTable(lambda: watch.now, clock).lines(columns, lines)
    assert len(drawn) < lines  # the cursor has a line of its own
    assert max(line.cell_len for line in drawn) <= columns
    hidden = 30 - (lines - 4)
    assert (f"… {hidden} more running" in drawn[-1].plain) == (hidden > 0)


def test_an_error_gives_the_terminal_back(tmp_path, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    plan = tiny_plan(tmp_path)

    def run():
        with StudyProgress(Manner("local", 2, 1), quiet=False) as progress:
            for _, event in told(plan):
                progress(event)
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    screen = screen_of(terminal, 80)
    assert screen.cursor_shown
    assert screen.text == "4 runs, 2 at once, 1 thread each (local)"


@pytest.mark.parametrize(("term", "quiet"), [("dumb", False), ("xterm", True)])
def test_a_dumb_terminal_and_the_quiet_see_no_table(tmp_path, monkeypatch, term, quiet):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", term)
    with StudyProgress(Manner("local", 2, 1), quiet=quiet) as progress:
        for _, event in told(tiny_plan(tmp_path, seeds=1)):
            progress(event)
    assert "\x1b" not in terminal.getvalue()
    assert bool(terminal.getvalue()) != quiet


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("net, seed 1", 14, "net, seed 1   "),
        ("a_long_name, seed 12", 13, "a_long…eed 12"),
        ("网络网络网络, seed 1", 11, "网络…seed 1"),
        ("abc", 1, "…"),
    ],
)
def test_the_middle_of_a_long_name_is_left_out(text, width, shown):
    assert fitted(text, width) == shown
