"""Runs `cnnbuild` as a user does: as a process of its own, or in this one, which is there already."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cnnbuild.cli.main import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def cnnbuild(*arguments: str | Path, cwd: Path = ROOT, columns: int = 100, timeout: float = 300) -> Outcome:
    environment = {
        **os.environ,
        "COLUMNS": str(columns),
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",  # as in conftest.py
        "PYTHONPATH": str(ROOT),
        "TERM": "dumb",
    }
    code = "import sys; sys.argv[0] = 'cnnbuild'; from cnnbuild.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def in_this_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """`cnnbuild` as a function: a process of its own would take seconds to load torch."""
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str, columns: int = 100) -> Outcome:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr("sys.argv", ["cnnbuild", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return Outcome(end.value.code or 0, told.out, told.err)

    return run
