"""A node's worker without torch: does what `acts.txt` in the run's folder says, after it made the file `begun`."""

import os
import signal
import sys
import time
import types
from pathlib import Path

from cnnbuild.studies.executors import node_child


def work(folder: Path) -> int:
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    (folder / "begun").touch()
    act = (folder / "acts.txt").read_text()
    if act == "hog":
        hog = bytearray(300_000_000)
        time.sleep(600)
        return len(hog)
    if act == "sleep":
        time.sleep(600)
    elif act.startswith("SIG"):
        os.kill(os.getpid(), signal.Signals[act])
    return int(act)


if __name__ == "__main__":
    sys.modules["cnnbuild.studies.worker"] = types.SimpleNamespace(work=work)
    sys.exit(node_child.main(Path(sys.argv[1])))
