"""What a running study says where it is not on a terminal, and when it is quiet."""

import io
import sys

import pytest

from cnnbuild.cli.progress import Manner, StudyProgress
from cnnbuild.studies.events import StudyNote
from cnnbuild.studies.record import Attempt
from tests.cli.study_events import Clock, Fate, tiny_plan, told


def say(plan, *, quiet=False, until=1e9, **how):
    clock = Clock()
    with StudyProgress(Manner("local", 2, 1), quiet=quiet) as progress:
        progress.watch.clock = clock
        for when, event in told(plan, **how):
            if when > until:
                break
            clock.seconds = when
            progress(event)
    return progress


TROUBLE = {
    "narrow on digits, seed 0": Fate(10.0, retries=(Attempt("killed", "SIGKILL", 20.0),)),
    "narrow on digits, seed 1": Fate(
        10.0, "out_of_memory", "2.1 GB", (Attempt("out_of_memory", "2.2 GB", 20.0, accumulate=2),)
    ),
    "wide on digits, seed 0": Fate(10.0, "stalled", "it gave no sign of life for 900 s"),
    "wide on digits, seed 1": Fate(10.0, "failed", "the process crashed: SIGSEGV (segmentation fault)"),
}
CAUSES = (
    "[1/4] narrow on digits, seed 0: killed: SIGKILL; it goes on in another process "
    "(log: runs/tiny/cells/narrow-seed0/log.txt)",
    "[2/4] narrow on digits, seed 1: out of memory: 2.2 GB; it is tried again with each batch in 4 parts "
    "(log: runs/tiny/cells/narrow-seed1/log.txt)",
    "[2/4] narrow on digits, seed 1: out of memory: 2.1 GB (log: runs/tiny/cells/narrow-seed1/log.txt)",
    "[3/4] wide on digits, seed 0: stalled: it gave no sign of life for 900 s "
    "(log: runs/tiny/cells/wide-seed0/log.txt)",
    "[4/4] wide on digits, seed 1: failed: the process crashed: SIGSEGV (segmentation fault) "
    "(log: runs/tiny/cells/wide-seed1/log.txt)",
)


def test_plain_lines_tell_of_starts_epochs_and_ends(tmp_path, capsys):
    progress = say(tiny_plan(tmp_path, seeds=1, epochs=2))
    assert (progress.ended, progress.total) == (2, 2)
    heard = capsys.readouterr()
    assert heard.out == ""
    rest = ", train accuracy 0.5000, validation accuracy"
    assert heard.err.splitlines() == [
        "2 runs, 2 at once, 1 thread each (local)",
        "[1/2] narrow on digits, seed 0",
        f"[1/2] narrow on digits, seed 0: epoch 1/2: loss 1.0000{rest} 0.7500, 10.0 s",
        f"[1/2] narrow on digits, seed 0: epoch 2/2: loss 0.6667{rest} 0.8333, 10.0 s",
        "[1/2] narrow on digits, seed 0: test accuracy 91.20 %, 20.0 s; 1 left, about 20 s",
        "[2/2] wide on digits, seed 0",
        f"[2/2] wide on digits, seed 0: epoch 1/2: loss 1.0000{rest} 0.7500, 10.0 s",
        f"[2/2] wide on digits, seed 0: epoch 2/2: loss 0.6667{rest} 0.8333, 10.0 s",
        "[2/2] wide on digits, seed 0: test accuracy 91.20 %, 20.0 s",
    ]


def test_failures_and_retries_are_told_with_cause_and_log_also_when_quiet(tmp_path, capsys):
    say(tiny_plan(tmp_path), quiet=True, fates=TROUBLE)
    assert tuple(capsys.readouterr().err.splitlines()) == CAUSES
    say(tiny_plan(tmp_path), fates=TROUBLE)
    assert [line for line in capsys.readouterr().err.splitlines() if "log:" in line] == [*CAUSES]


def test_the_log_of_many_runs_stays_readable(tmp_path, capsys):
    # each of 200 has 20 epochs of 1 s: an epoch of each at most every 10 s, not the 4,000 lines of all
    plan = tiny_plan(tmp_path, seeds=100, epochs=20)
    say(plan, fates={cell.label: Fate(1.0) for cell in plan.cells}, slots=4)
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if "epoch " in line]) == 2 * 200  # the 10th and the 20th
    assert len(lines) == 4 * 200 + 1


def test_a_note_is_shown_and_cannot_move_the_cursor(tmp_path, capsys):
    progress = say(tiny_plan(tmp_path), until=0)
    progress(StudyNote("the node a\x1b[2Jb was lost"))
    assert capsys.readouterr().err.endswith("the node a\\x1b[2Jb was lost\n")


def test_what_was_finished_before_is_counted_and_the_rest_announced(tmp_path, capsys):
    progress = say(tiny_plan(tmp_path), finished=3)
    assert (progress.ended, progress.total) == (4, 4)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["3 of 4 runs were finished before and are kept", "1 run, 1 thread (local)"]
    say(tiny_plan(tmp_path), finished=4)
    assert capsys.readouterr().err == "4 of 4 runs were finished before and are kept\n"


def test_a_study_goes_on_where_nobody_reads(tmp_path, monkeypatch):
    lines = []

    class Gone(io.StringIO):
        def write(self, text):
            if text:  # what finds out the kind of stream writes nothing
                lines.append(text)
                raise BrokenPipeError
            return 0

    monkeypatch.setattr(sys, "stderr", Gone())
    assert say(tiny_plan(tmp_path), fates=TROUBLE).total == 4
    assert lines == [b"4 runs, 2 at once, 1 thread each (local)\n"]  # nothing more is tried


@pytest.mark.parametrize(
    ("manner", "runs", "sentence"),
    [
        (Manner("local", 2, 1), 12, "12 runs, 2 at once, 1 thread each (local)"),
        (Manner("local", 8, 4), 3, "3 runs, 3 at once, 4 threads each (local)"),
        (Manner("local", 1, 2), 1000, "1,000 runs, one after the other, 2 threads each (local)"),
        (Manner("slurm", 64, 1), 1, "1 run, 1 thread (slurm)"),
        (Manner("inline", 1, 1), 2, "2 runs, in this process (inline)"),
    ],
)
def test_a_study_says_first_how_it_is_worked_on(manner, runs, sentence):
    assert manner.describe(runs) == sentence
