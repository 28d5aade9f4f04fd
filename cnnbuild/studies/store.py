"""The folder of a study: what lies where, and how it is read back.

<study>/study.json                 what was asked, and which cells belong to it
<study>/.lock                      held by the process that looks after the study; .lock.json says which
<study>/cells/<cell>/record.json   how the run ended; its presence makes a cell finished
<study>/cells/<cell>/log.txt       what happened, line by line
<study>/cells/<cell>/weights.pt    the selected weights
<study>/cells/<cell>/analyses.json what was worked out of them; see run_analyses
<study>/cells/<cell>/run.json      what was trained, so that the folder is enough to use it; see run_folder
<study>/cells/<cell>/checkpoint.pt the state of a run that has not ended, and `.previous` the one before
<study>/runs.jsonl                 one line per run that ended: its whole record, appended
<study>/results.csv                one line per cell of the study, replaced as a whole

Beside these, what a worker and its supervisor write while a run goes on: see job.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cnnbuild.errors import DataError, UsageError
from cnnbuild.studies.files import append_line, write_atomically
from cnnbuild.studies.health import health_of
from cnnbuild.studies.record import CellRecord

CSV_COLUMNS = (
    "architecture", "dataset", "grid", "vars", "seed", "state", "reason", "condition", "evidence",
    "test_accuracy", "validation_accuracy", "train_accuracy", "test_loss",
    "selected_epoch", "epochs", "parameters", "macs", "seconds", "seconds_per_epoch",
    "latency_seconds", "latency_batch_size", "peak_memory_bytes", "device", "attempts", "accumulate", "cell",
)  # fmt: skip

CsvRow: TypeAlias = dict[str, object]

Key: TypeAlias = tuple[str, str, float]
"""What tells the record of one attempt from all others: the cell's id, when it began and how long it took."""


def key_of(record: CellRecord) -> Key:
    """The key of a record."""
    return record.cell_id, record.started, record.seconds


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
            raise _unusable(self.path, error) from None

    def tidy(self) -> None:
        """Remove what a killed process had not yet given its name.

        Raises:
            UsageError: the folder cannot be written.
        """
        try:
            for name in ("study.json", "results.csv", ".lock.json"):
                for file in self.path.glob(f".{name}.*"):
                    file.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self.path, error) from None

    def cell(self, name: str) -> Path:
        """The folder of one cell."""
        return self.path / "cells" / name

    def read_record(self, name: str) -> CellRecord | None:
        """How a cell ended, or None where it has not ended or its record cannot be used."""
        try:
            return CellRecord.from_dict(_read_json(self.cell(name) / "record.json"))
        except DataError:
            return None

    def read_outcome(self, name: str, cell_id: str) -> CellRecord | None:
        """What a worker wrote of its attempt, or None where it is absent, damaged or of another cell."""
        try:
            outcome = CellRecord.from_dict(_read_json(self.cell(name) / "outcome.json"))
        except DataError:
            return None
        return outcome if outcome.cell_id == cell_id else None

    def write_record(self, name: str, record: CellRecord) -> None:
        """Write how a cell ended, replaced as a whole.

        Raises:
            OSError: it cannot be written.
        """
        text = json.dumps(record.to_dict(), indent=1) + "\n"
        write_atomically(self.cell(name) / "record.json", text)

    def append_run(self, record: CellRecord) -> None:
        """Add the line of a run that ended.

        It is the whole record: the folder of a run may be removed, and a failed run's record is replaced when
        it is run again. A thousand lines are read within seconds.

        Raises:
            OSError: it cannot be written.
        """
        append_line(self.path / "runs.jsonl", json.dumps(record.to_dict()))

    def keys(self) -> Iterator[Key]:
        """The keys of all lines of `runs.jsonl`; half a line has none."""
        try:
            with (self.path / "runs.jsonl").open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    try:
                        data = json.loads(line)
                        yield data["cell_id"], data["started"], data["seconds"]
                    except (ValueError, KeyError, TypeError):
                        continue
        except OSError:
            return

    def write_study(self, description: Mapping[str, object]) -> None:
        """Write what was asked.

        Raises:
            UsageError: it cannot be written.
        """
        try:
            write_atomically(self.path / "study.json", json.dumps(description, indent=1) + "\n")
        except OSError as error:
            raise _unusable(self.path, error) from None

    def read_study(self) -> dict[str, object]:
        """What was asked.

        Raises:
            UsageError: the folder holds no study, or a damaged one.
        """
        try:
            return _read_json(self.path / "study.json")
        except DataError as error:
            raise UsageError(f"{self.path} is not the folder of a study: {error}") from None

    def write_rows(self, rows: Iterable[CsvRow]) -> None:
        """Replace `results.csv` by these rows; see `csv_row`.

        Raises:
            OSError: it cannot be written.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self.path / "results.csv", text.getvalue())


def _unusable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path}: results cannot be written here: {error.strerror}")


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


def csv_row(name: str, record: CellRecord) -> CsvRow:
    """The row of a cell in `results.csv`; by its condition those are told that must be in no mean."""
    health = health_of(record)
    row: CsvRow = {
        "architecture": record.architecture,
        "dataset": record.dataset_label,
        "grid": json.dumps(record.grid) if record.grid else "",
        "vars": json.dumps(record.vars) if record.vars else "",
        "seed": record.seed,
        "state": record.state,
        "reason": record.reason,
        "condition": health.condition,
        "evidence": health.evidence,
        "parameters": record.parameters,
        "macs": record.macs,
        "seconds": record.seconds,
        "attempts": max(1, len(record.attempts)),
        "accumulate": record.attempts[-1].accumulate if record.attempts else None,
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
