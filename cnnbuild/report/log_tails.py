"""The last lines of the logs of runs without a result: what one reads first after a failure."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from cnnbuild.report.tables import RunLine
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.store import StudyFolder

MOST_LOGS = 12
LINES = 15
TAIL_BYTES = 6000
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class LogTail:
    """The last lines of the log of a run, which has this condition."""

    run: str
    condition: str
    text: str


def log_tails(results: StudyResults, unsound: list[RunLine]) -> list[LogTail]:
    """Those of the first runs that did not train and have a log."""
    store = StudyFolder(results.folder)
    found: list[LogTail] = []
    for line in unsound:
        text = _tail(store.cell(line.folder) / "log.txt")
        if text:
            found.append(LogTail(line.name, line.condition, text))
        if len(found) == MOST_LOGS:
            break
    return found


def _tail(path: Path) -> str:
    """The last lines of a text file without the signs that steer a terminal; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            content = file.read()
    except OSError:
        return ""
    lines = _TERMINAL.sub("", content.decode("utf-8", errors="replace")).splitlines()
    kept = [
        "".join(sign if sign.isprintable() or sign == "\t" else "\ufffd" for sign in line) for line in lines
    ]
    return "\n".join(kept[-LINES:]).strip("\n")
