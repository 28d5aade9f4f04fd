"""What ruff and mypy say of a written file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.source_code.exported import ROOT

CONFIGURATIONS = ([], ["--config", str(ROOT / "pyproject.toml")])
"""Everybody's settings and this project's."""


def ruff_faults(folder: Path) -> str:
    """What ruff finds in the files of a folder, with its own settings and with this project's."""
    told = ""
    for configuration in CONFIGURATIONS:
        options = configuration or ["--isolated"]
        for command in (["check", "--output-format", "concise"], ["format", "--diff"]):
            done = _run(["ruff", *command, "--no-cache", *options, "."], folder)
            told += done.stdout + done.stderr if done.returncode else ""
    return told


def mypy_faults(folder: Path) -> str:
    """What mypy finds in the files of a folder, when it is strict."""
    files = sorted(path.name for path in folder.glob("*.py"))
    done = _run(["mypy", "--strict", "--config-file", "", *files], folder)
    return done.stdout + done.stderr if done.returncode else ""


def _run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
