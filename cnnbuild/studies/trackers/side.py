"""The process that talks to a tracker, so that nothing that hangs or crashes there touches a study.

It reads folders of runs from standard input, one a line, and answers each with a line of JSON: an empty text
for a run that was sent, or why it was not.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from cnnbuild.errors import CnnbuildError
from cnnbuild.studies.json_files import read_json
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.trackers.tracker import Target, Tracker, make_tracker


def serve(target: Target) -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    tracker: Tracker | None = None
    for line in sys.stdin:
        try:
            if tracker is None:
                tracker = make_tracker(target)
            folder = Path(json.loads(line))
            tracker.send(CellRecord.from_dict(read_json(folder / "record.json")), folder)
            fault = ""
        except CnnbuildError as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 - a library's fault is told, and the next run tried
            fault = f"{type(error).__name__}: {error}".splitlines()[0]
        answers.write(json.dumps(fault) + "\n")


if __name__ == "__main__":
    name, where = sys.argv[1:]
    serve(Target("tensorboard" if name == "tensorboard" else "mlflow", where))
