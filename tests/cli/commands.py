"""Runs `cnnbuild` as a user does: as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

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
