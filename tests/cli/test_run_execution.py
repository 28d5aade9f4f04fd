"""How `cnnbuild run` is told to work on runs: what contradicts itself, what is left out, and signals."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import time
from fcntl import ioctl
from termios import TIOCSWINSZ

import pytest

from cnnbuild.cli.run_options import execution_asked
from cnnbuild.errors import UsageError
from cnnbuild.studies.execution import Execution, memory_of
from tests.cli.commands import ROOT, cnnbuild
from tests.cli.screen import Screen
from tests.studies.studies_on_disk import STUDY, write_study

HANGS = 240  # seconds after which a process that should have answered is taken to hang
COLUMNS = 90


def asked(executor="local", **flags):
    nothing = {"jobs": None, "memory": None, "fail_fast": False, "stall_after": None, "slurm": ()}
    return execution_asked(executor, **{**nothing, **flags})


@pytest.mark.parametrize(
    ("executor", "flags", "told"),
    [
        ("lokal", {}, "there is no executor 'lokal'; did you mean 'local'?"),
        ("inline", {"jobs": 2}, "on one run after the other: leave jobs out"),
        ("inline", {"memory": "2GB"}, "whose memory it cannot limit: leave memory out"),
        ("inline", {"stall_after": 60.0}, "cannot end a run that stalls: leave stall-after out"),
        ("local", {"memory": "lots"}, "memory is a size such as 2GB (10^9) or 2GiB (2^30), not 'lots'"),
        ("local", {"memory": "0GB"}, "not '0GB'"),
        ("local", {"memory": "2"}, "a process that has loaded torch has more than 2 bytes"),
        ("local", {"slurm": ["partition=gpu"]}, "options of Slurm are for the executor slurm, not local"),
        ("slurm", {"slurm": ["partition"]}, "--slurm takes name=value,…, such as partition=gpu,time=60"),
        ("local", {"stall_after": -1.0}, "a number of seconds, 0 for never, not -1.0"),
        ("local", {"jobs": 0}, "jobs is a number of runs at once, at least 1, not 0"),
        ("local", {"jobs": 99_999}, "runs at once are the most for this machine"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_what_to_do(executor, flags, told):
    with pytest.raises(UsageError) as refused:
        asked(executor, **flags)
    assert told in str(refused.value)


def test_a_dry_run_says_what_a_start_would_say_of_the_executor(tmp_path):
    """Without submitit or Slurm it is the absence of these, with both the missing time."""
    start = ("run", write_study(tmp_path), "--out", tmp_path / "out", "--executor", "slurm")
    dry, real = (cnnbuild(*start, *flags) for flags in (["--dry-run"], []))
    assert (dry.code, dry.out) == (real.code, real.out) == (2, "")
    assert dry.err == real.err
    assert dry.err.startswith("error: ")
    assert not (tmp_path / "out").exists()


def test_flags_are_read_in_their_units():
    execution = asked("slurm", memory="1.5GB", slurm=["partition=gpu,time=60", "qos=high", "time=90"])
    assert execution.memory_bytes == 1_500_000_000
    assert execution.slurm == {"partition": "gpu", "time": "90", "qos": "high"}
    assert memory_of("2 GiB") == 2**31
    assert asked("inline", jobs=1, stall_after=0.0).executor == "inline"


def test_no_sign_of_life_is_waited_for_as_long_as_was_asked():
    assert Execution(stall_after=60.0).policy.stall_seconds == 60.0
    assert Execution(stall_after=0.0).policy.stall_seconds is None
    assert Execution().policy.stall_seconds == 900.0


def test_only_runs_what_it_names_and_leaves_the_rest_to_another_start(tmp_path):
    start = ("run", write_study(tmp_path), "--out", tmp_path / "out", "--executor", "inline")
    some = cnnbuild(*start, "--only", "wide", "--only", "seed=1", "--only", "dataset=digits")
    assert some.code == 0
    assert re.findall(r"^\[\d/\d\] [^:]*$", some.err, re.MULTILINE) == ["[4/4] wide on digits, seed 1"]
    assert some.err.startswith("1 run, in this process (inline)\n")
    assert "│ 0 of 2 trained, 2 not run │" in some.out
    wrong = cnnbuild(*start, "--only", "deep")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err == (
        "error: --only deep: no architecture or data set of this study; it has: digits, narrow, wide\n"
    )


def test_fail_fast_begins_nothing_after_a_run_without_a_result(tmp_path):
    path = write_study(tmp_path, STUDY.replace("adam: {lr: 0.01}", "sgd: {lr: 1e30}"))
    out = tmp_path / "out"
    done = cnnbuild("run", path, "--out", out, "--executor", "inline", "--fail-fast", "--quiet")
    assert done.code == 1
    assert done.err.count("diverged: ") == 1
    again = f"Without it the same command, or `cnnbuild resume {out}`, goes on."
    assert f"\n--fail-fast: 3 runs are not finished. {again}\n" in done.out


def in_a_terminal(*arguments):
    """`cnnbuild` in a terminal of its own; gives the process and the terminal's other end."""
    mine, its = pty.openpty()
    ioctl(mine, TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR"}}
    code = "import sys; sys.argv[0] = 'cnnbuild'; from cnnbuild.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT), "TERM": "xterm", "OMP_NUM_THREADS": "1"},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    return process, mine


def heard(terminal, until):
    """What is written until a text appears, or to the end."""
    text, end = b"", time.monotonic() + HANGS
    while until is None or until.encode() not in text:
        assert time.monotonic() < end, text.decode(errors="replace")
        if select.select([terminal], [], [], 1)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # nobody writes any more
                break
            if not piece:
                break
            text += piece
    return text.decode(errors="replace")


def stopped(tmp_path, signals):
    """The exit code and the screen after signals to a study of two runs at once, each once it answers."""
    path = write_study(tmp_path)
    long = ("--set", "train.epochs=100000", "--seeds", 1, "--jobs", 2)
    process, terminal = in_a_terminal("run", path, "--out", tmp_path / "out", *long)
    try:
        text = heard(terminal, "/100000")  # a row of a run
        while (
            len(list((tmp_path / "out").glob("cells/*/progress.jsonl"))) < 2
        ):  # until both have trained an epoch
            text += heard(terminal, "/100000")
        for number, answer in zip(signals, ("stopping: 2 runs write checkpoints", None), strict=False):
            process.send_signal(number)
            text += heard(terminal, answer)
        text += heard(terminal, None)
        code = process.wait(HANGS)
    finally:
        process.kill()
        os.close(terminal)
    screen = Screen(COLUMNS)
    screen.feed(text)
    return code, screen


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ((signal.SIGINT,), 130),
        pytest.param((signal.SIGTERM,), 143, marks=pytest.mark.exhaustive),
        pytest.param((signal.SIGINT, signal.SIGINT), 130, marks=pytest.mark.exhaustive),
        pytest.param((signal.SIGTERM, signal.SIGTERM), 143, marks=pytest.mark.exhaustive),
    ],
    ids=["int", "term", "int-int", "term-term"],
)
def test_a_signal_stops_a_study_and_gives_the_terminal_back(tmp_path, signals, code):
    ended, screen = stopped(tmp_path, signals)
    assert ended == code
    assert screen.cursor_shown
    out = tmp_path / "out"
    lines = screen.text.replace("\n", "")  # long ones are broken by the window
    assert lines == (
        "2 runs, 2 at once, 1 thread each (local)"
        "stopping: 2 runs write checkpoints; another Ctrl-C does not wait for that"
        f"Stopped. 0 of 2 runs finished. The same command, or `cnnbuild resume {out}`, goes on."
        f"Report of what is finished: {out / 'report.html'}"
    )


def test_ctrl_c_before_the_first_run_has_begun_shows_no_traceback(tmp_path):
    long = ("--set", "train.epochs=100000", "--seeds", 1, "--jobs", 2)
    process, terminal = in_a_terminal("run", write_study(tmp_path), "--out", tmp_path / "out", *long)
    try:
        heard(terminal, "2 runs, 2 at once")
        os.killpg(
            process.pid, signal.SIGINT
        )  # as a terminal sends it: to the fork server too, which still loads
        text = heard(terminal, None)
        code = process.wait(HANGS)
    finally:
        process.kill()
        os.close(terminal)
    assert code == 130
    assert "Traceback" not in text
    assert "forkserver" not in text
