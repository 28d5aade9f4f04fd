"""Records whose truth is known, for tests of what is concluded from them."""

from pathlib import Path

from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.study_file import PlannedCell, StudyFile
from cnnbuild.training.record import EpochRecord, Evaluation, Latency, RunRecord

TEST_IMAGES = 1000


def run_record(correct: int, *, seed: int = 0, classes: int = 10, **changes: object) -> RunRecord:
    """A run that names `correct` of 1,000 test images rightly; mistakes fall on the next class."""
    per_class = TEST_IMAGES // classes
    rows, left = [], correct
    for truth in range(classes):
        right = min(per_class, left)
        left -= right
        row = [0] * classes
        row[truth] = right
        row[(truth + 1) % classes] += per_class - right
        rows.append(tuple(row))
    epochs = tuple(
        EpochRecord(n, 0.1, 2.0 / n, 1.9 / n, 0.5 + n / 20, 2.1 / n, 0.45 + n / 20, 1.5, 1.0)
        for n in (1, 2, 3)
    )
    fields: dict[str, object] = {
        "status": "done",
        "seed": seed,
        "epochs": epochs,
        "selected_epoch": 3,
        "test": Evaluation(0.3, correct / TEST_IMAGES, tuple(0.1 for _ in rows), tuple(rows)),
        "largest_loss": 2.4,
        "seconds": 4.5,
        "train_samples_per_second": 1000.0,
        "latency": (Latency(1, 50, 0.002, 0.003), Latency(64, 50, 0.02, 0.03)),
        "peak_memory_bytes": 100 * 2**20,
        "peak_memory_of": "process",
        "parameters": 1000,
        "recipe": {"epochs": 3},
        "dataset": {"name": "digits"},
        "dataset_label": "digits",
        "dataset_fingerprint": "digits-0123",
        "class_names": tuple(str(n) for n in range(classes)),
        "train_images": 900,
        "validation_images": 100,
        "test_images": TEST_IMAGES,
        "device": "cpu",
        "hardware": "a machine",
        "threads": 2,
        "versions": {"torch": "2.15"},
    }
    return RunRecord(**{**fields, **changes})


def cell_record(architecture: str, seed: int, correct: int, **changes: object) -> CellRecord:
    """A cell that is done, with `correct` of 1,000 test images right."""
    fields: dict[str, object] = {
        "cell_id": f"{architecture}{seed}",
        "architecture": architecture,
        "architecture_file": "net.yaml",
        "variant": None,
        "vars": {},
        "dataset": {"name": "digits"},
        "dataset_label": "digits",
        "seed": seed,
        "state": "done",
        "reason": "",
        "parameters": 1000,
        "macs": 5000,
        "activation_bytes": 400,
        "recipe": {"epochs": 3},
        "run": run_record(correct, seed=seed),
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 4.5,
        "cnnbuild_version": "0",
    }
    return CellRecord(**{**fields, **changes})


def setting_of(record: CellRecord) -> str:
    """The point of the grid that a record is of, in words."""
    return ", ".join(f"{path}={value}" for path, value in record.grid.items())


def study_results(
    *records: CellRecord, baseline: str = "a", folder: Path = Path(), **changes: object
) -> StudyResults:
    """The results of a study that consists of these cells."""
    cells = tuple(
        PlannedCell(
            folder=r.cell_id,
            architecture=r.architecture,
            dataset="digits",
            seed=r.seed,
            setting=setting_of(r),
        )
        for r in records
    )
    fields: dict[str, object] = {
        "study": "test",
        "title": "test",
        "variant": None,
        "question": "",
        "description": "",
        "file": "test.yaml",
        "architectures": tuple(dict.fromkeys(r.architecture for r in records)),
        "datasets": ("digits",),
        "baseline": baseline,
        "equivalence_points": 0.5,
        "analyses": ("confusion",),
        "warnings": (),
        "cnnbuild_version": "0",
        "cells": cells,
        "settings": tuple(dict.fromkeys(cell.setting for cell in cells if cell.setting)),
    }
    return StudyResults(folder, StudyFile(**{**fields, **changes}), {r.cell_id: r for r in records})


def two_architectures(a: list[int], b: list[int], **changes: object) -> StudyResults:
    """Architectures a and b with these numbers of right answers, one per seed; `changes` are b's."""
    first = [cell_record("a", seed, correct) for seed, correct in enumerate(a)]
    second = [cell_record("b", seed, correct, **changes) for seed, correct in enumerate(b)]
    return study_results(*first, *second)
