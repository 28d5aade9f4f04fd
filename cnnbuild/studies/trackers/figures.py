"""What of a record trackers are given: settings as texts, curves by epoch, and final figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from cnnbuild.studies.record import CellRecord

CURVES = ("running_loss", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "lr")
"""The fields of an epoch that have a curve."""


def settings_of(record: CellRecord) -> dict[str, str]:
    """Architecture, data, seed, variables, grid and recipe, by their paths."""
    told: dict[str, object] = {
        "architecture": record.architecture,
        "dataset": record.dataset_label,
        "seed": record.seed,
        **_flat("vars", record.vars),
        **_flat("grid", record.grid),
        **_flat("recipe", record.recipe),
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}


def curves_of(record: CellRecord) -> list[tuple[int, dict[str, float]]]:
    """For each epoch its number and its figures; accuracies are fractions."""
    if record.run is None:
        return []
    curves = []
    for epoch in record.run.epochs:
        figures = {name: getattr(epoch, name) for name in CURVES}
        curves.append((epoch.epoch, {name: value for name, value in figures.items() if value is not None}))
    return curves


def results_of(record: CellRecord) -> dict[str, float]:
    """The final figures: those of the test, sizes and times."""
    found: dict[str, float] = {
        "parameters": record.parameters,
        "macs": record.macs,
        "seconds": record.seconds,
    }
    run = record.run
    if run is not None and run.test is not None:
        found |= {"test_accuracy": run.test.accuracy, "test_loss": run.test.loss}
    if run is not None and run.selected_epoch is not None:
        found["selected_epoch"] = run.selected_epoch
    return found


def times_of(record: CellRecord) -> tuple[float, list[float]]:
    """When the run began and when each epoch ended, in seconds since 1970."""
    try:
        begin = datetime.fromisoformat(record.started).timestamp()
    except ValueError:
        begin = 0.0
    ends, now = [], begin
    for epoch in record.run.epochs if record.run is not None else ():
        now += epoch.seconds
        ends.append(now)
    return begin, ends


def _flat(name: str, value: object) -> dict[str, object]:
    if isinstance(value, Mapping):
        return {
            path: one for key, inner in value.items() for path, one in _flat(f"{name}.{key}", inner).items()
        }
    return {name: value}
