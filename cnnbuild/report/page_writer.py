"""The process that writes a study's page anew while the study runs: `python -m cnnbuild.report.page_writer`.

It ends when its standard input is closed, which happens too when the study's process is killed; then it
writes the page once more, as one that is not written again.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from math import ceil
from pathlib import Path

from cnnbuild.errors import CnnbuildError
from cnnbuild.system.processes import lower_priority

SHARE = 20  # a writing is followed by so many times what it took of a core: at most a twentieth of one
NICENESS = 10


def follow_study(folder: Path, seconds: float, closed: threading.Event) -> None:
    """Write the page of the study in a folder again and again until `closed` is set, then a last time."""
    from cnnbuild.report import page  # noqa: F401 - what is loaded once is not the cost of a writing

    pause = seconds
    while not closed.is_set():
        begun = time.process_time()
        write_page(folder, reload_seconds=max(1, ceil(pause)))
        pause = max(seconds, SHARE * (time.process_time() - begun))
        closed.wait(pause)
    write_page(folder, reload_seconds=None)


def write_page(folder: Path, *, reload_seconds: int | None) -> None:
    """Write the page if it can be written; the next time may be better."""
    from cnnbuild.report.page import render_page
    from cnnbuild.studies.files import replace_quickly
    from cnnbuild.studies.results import read_results

    with suppress(CnnbuildError, OSError):
        page = render_page(read_results(folder), reload_seconds=reload_seconds)
        replace_quickly(folder / "report.html", page)


def main() -> None:
    """Follow the study that the command line names."""
    lower_priority(NICENESS)
    closed = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        closed.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    follow_study(Path(sys.argv[1]), float(sys.argv[2]), closed)


if __name__ == "__main__":
    main()
