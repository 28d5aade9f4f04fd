"""Files that mean harm, each given to a whole process: it refuses them in time, in little memory, and says why.

The screens are kept in `screens/`, one for each file, and were read as a person would read them.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.cases import CASES, PROGRAM, Case, environment, run_case, run_measured
from tests.hostile.texts import ESCAPE

SCREENS = Path(__file__).parent / "screens"
MOST_BYTES = 200_000_000
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def test_there_are_enough_cases_and_each_has_its_screen() -> None:
    assert len(CASES) >= 100
    assert {path.stem for path in SCREENS.glob("*.txt")} == {case.name for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check_refuses_a_hostile_file_in_little_memory_with_its_screen(case: Case, tmp_path: Path) -> None:
    hold(case, case.verbs[0], tmp_path)


@pytest.mark.parametrize("case", [*CASES[::10], *CASES[-3:]], ids=lambda case: case.name)
def test_another_verb_refuses_it_too(case: Case, tmp_path: Path) -> None:
    hold(case, case.verbs[1], tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_another_verb_refuses_every_one(case: Case, tmp_path: Path) -> None:
    hold(case, case.verbs[1], tmp_path)


def hold(case: Case, verb: str, folder: Path) -> None:
    """Find that a refusal is as it should be."""
    outcome = run_case(case, verb, folder)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.rstrip("\n") + "\n" == (SCREENS / f"{case.name}.txt").read_text(encoding="utf-8")
    assert outcome.peak_bytes < MOST_BYTES
    assert not RAW.search(outcome.err)
    assert not list(folder.rglob("*owned*"))


def test_the_wrapper_measures_memory_and_ends_what_hangs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("x = 'x' * 300_000_000\n")
    hungry = run_measured(tmp_path, "--version", path=tmp_path)
    assert hungry.peak_bytes > MOST_BYTES
    (tmp_path / "sitecustomize.py").write_text("while True: pass\n")
    assert run_measured(tmp_path, "--version", path=tmp_path, processor_seconds=1).code < 0
    (tmp_path / "sitecustomize.py").write_text("import time; time.sleep(1000)\n")
    assert run_measured(tmp_path, "--version", path=tmp_path, processor_seconds=1).code < 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
@pytest.mark.parametrize(
    "text",
    [
        f"cnnbuild: 1\ndescription: {ESCAPE}\n",
        'cnnbuild: 1\n"\\e[2J\\e]0;owned\\a": 1\n',
        "cnnbuild: 1\n# \u202e\nlayers: [covn]\n",
    ],
    ids=["raw", "escaped", "bidi"],
)
def test_a_terminal_is_sent_nothing_that_it_obeys(text: str, tmp_path: Path) -> None:
    """A real terminal: for a pipe the command line drops some escapes by itself."""
    name = "\x1b[31m\x07.yaml"
    (tmp_path / name).write_text(text, encoding="utf-8")
    reading, writing = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, "check", name, "none\x1b[2J.yaml"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
    )
    os.close(writing)
    shown = b""
    try:
        while piece := os.read(reading, 65_536):
            shown += piece
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(reading)
    assert process.wait(timeout=60) == 2
    lines = shown.decode("utf-8").replace("\r\n", "\n")
    assert "\\x1b[31m\\x07.yaml:" in lines
    assert "no file fits none\\x1b[2J.yaml" in lines
    assert not RAW.search(lines)
