"""The folder of a study: what lies where, and how it is read back.

<study>/study.json                 what was asked, and which cells belong to it
<study>/cells/<cell>/record.json   how the run ended; its presence makes a cell finished
<study>/cells/<cell>/log.txt       what happened, line by line
<study>/cells/<cell>/weights.pt    the selected weights
<study>/cells/<cell>/run.json      what was trained, so that the folder is enough to use it; see run_folder
<study>/cells/<cell>/checkpoint.pt the state of a run that has not ended, and `.previous` the one before
<study>/runs.jsonl                 one line per run that ended, appended
<study>/results.csv                one line per cell of the study, replaced as a whole
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cnnbuild.errors import DataError, UsageError
from cnnbuild.studies.files import append_line, write_atomically
from cnnbuild.studies.record import CellRecord

CSV_COLUMNS = (
    "architecture", "dataset", "seed", "state", "reason",
    "test_accuracy", "validation_accuracy", "train_accuracy", "test_loss",
    "selected_epoch", "epochs", "parameters", "macs", "seconds", "seconds_per_epoch",
    "latency_seconds", "latency_batch_size", "peak_memory_bytes", "device", "cell",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """Where a study keeps its runs."""

    path: Path

    def prepare(self) -> None:
        """Make the folder, and write in it once, so that no run is trained whose record could not be kept.

        Raises:
            UsageError: the folder cannot be made or written.
        """
        try:
            (self.path / "cells").mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise UsageError(f"{self.path}: results cannot be written here: {error.strerror}") from None

    def cell(self, name: str) -> Path:
        """The folder of one cell."""
        return self.path / "cells" / name

    def read_record(self, name: str) -> CellRecord | None:
        """How a cell ended, or None where it has not ended or its record cannot be used."""
        try:
            return CellRecord.from_dict(_read_json(self.cell(name) / "record.json"))
        except DataError:
            return None

    def write_record(self, name: str, record: CellRecord) -> None:
        """Make a cell finished: its record replaced as a whole, and a line in `runs.jsonl`."""
        data = record.to_dict()
        write_atomically(self.cell(name) / "record.json", json.dumps(data, indent=1) + "\n")
        append_line(self.path / "runs.jsonl", json.dumps(data))

    def write_study(self, description: Mapping[str, object]) -> None:
        """Write what was asked."""
        write_atomically(self.path / "study.json", json.dumps(description, indent=1) + "\n")

    def read_study(self) -> dict[str, object]:
        """What was asked.

        Raises:
            UsageError: the folder holds no study, or a damaged one.
        """
        try:
            return _read_json(self.path / "study.json")
        except DataError as error:
            raise UsageError(f"{self.path} is not the folder of a study: {error}") from None

    def write_csv(self, records: Iterable[tuple[str, CellRecord]]) -> None:
        """Replace `results.csv` by one line per record; each comes with the name of its cell."""
        text = io.StringIO()
        writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for name, record in records:
            writer.writerow(_csv_row(name, record))
        write_atomically(self.path / "results.csv", text.getvalue())


def _read_json(path: Path) -> dict[str, object]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"there is no {path.name}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise DataError(f"{path.name} holds no mapping")
    return data


def _csv_row(name: str, record: CellRecord) -> dict[str, object]:
    row: dict[str, object] = {
        "architecture": record.architecture,
        "dataset": record.dataset_label,
        "seed": record.seed,
        "state": record.state,
        "reason": record.reason,
        "parameters": record.parameters,
        "macs": record.macs,
        "seconds": record.seconds,
        "cell": name,
    }
    run = record.run
    if run is None:
        return row
    selected = next((epoch for epoch in run.epochs if epoch.epoch == run.selected_epoch), None)
    if selected is not None:
        row["train_accuracy"] = selected.train_accuracy
        row["validation_accuracy"] = selected.validation_accuracy
    if run.test is not None:
        row["test_accuracy"], row["test_loss"] = run.test.accuracy, run.test.loss
    if run.epochs:
        row["seconds_per_epoch"] = sum(epoch.train_seconds for epoch in run.epochs) / len(run.epochs)
    if run.latency:
        smallest = min(run.latency, key=lambda latency: latency.batch_size)
        row["latency_seconds"], row["latency_batch_size"] = smallest.median_seconds, smallest.batch_size
    row["selected_epoch"], row["epochs"] = run.selected_epoch, len(run.epochs)
    row["peak_memory_bytes"], row["device"] = run.peak_memory_bytes, run.device
    return row
