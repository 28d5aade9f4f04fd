"""The process of a worker on a node: `python -m cnnbuild.studies.executors.node_child FOLDER`.

Its standard input is a pipe to the process that started it. When that one is gone, for whatever reason, the
pipe ends: the worker writes its checkpoint and ends, and is killed where it does not.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from cnnbuild.system.processes import WARNING, kill_own_group

LAST_SECONDS = 10.0
"""How long a worker whose starter is gone may take for its checkpoint."""


def main(folder: Path) -> int:
    """Work on the run in `folder`; gives the worker's exit code."""
    if WARNING is not None:  # it may reach every process of a job; who started us answers
        signal.signal(WARNING, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_starter, args=(os.dup(0),), daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    from cnnbuild.studies.worker import work  # takes seconds, in which the starter may be lost

    return work(folder)


def _end_with_the_starter(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_SECONDS)
    kill_own_group()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
