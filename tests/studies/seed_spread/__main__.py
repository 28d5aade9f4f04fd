"""Trains the study of this folder and keeps what its runs scored: `python -m tests.studies.seed_spread`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from cnnbuild.lang.study import read_study
from cnnbuild.studies.run import run_study
from tests.studies.seed_spread.scores import COMMAND, KEPT, STUDY


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = run_study(read_study(STUDY), out=Path(folder), data_root=None)
    runs = [record.run for row in results.rows for record in row.records if record.run is not None]
    kept = {
        "command": COMMAND,
        "made_with": runs[0].versions,
        "machine": runs[0].hardware,
        "test_images": runs[0].test_images,
        "right": {
            row.architecture: [round(score * runs[0].test_images) for score in row.accuracies.values()]
            for row in results.rows
        },
    }
    KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


main()
