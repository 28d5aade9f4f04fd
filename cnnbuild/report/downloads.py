"""What the page offers to take along: the results as CSV, Markdown, LaTeX and JSON."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

from cnnbuild.report.results_table import results_table
from cnnbuild.studies.best_row import distinguished_best
from cnnbuild.studies.costs import LATENCY, MEMORY, TRAINING, Cost
from cnnbuild.studies.findings import Finding
from cnnbuild.studies.health import Health
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.study_findings import StudyFindings
from cnnbuild.version import __version__

SCHEMA_VERSION = 1
LABELS = {
    "text/csv": "the table, exact numbers",
    "text/markdown": "the table for Markdown",
    "application/x-tex": "the table for LaTeX, with booktabs",
    "application/json": "everything, with the score of each seed",
}
MEASURED = {"training_seconds": TRAINING, "latency_seconds": LATENCY, "peak_memory_bytes": MEMORY}

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the page offers: what it is called, what it is, and what it holds."""

    name: str
    media_type: str
    text: str

    @property
    def address(self) -> str:
        """The file as a link that holds all of it."""
        return f"data:{self.media_type};charset=utf-8;base64,{b64encode(self.text.encode()).decode()}"

    @property
    def label(self) -> str:
        """The words of the link."""
        return f"{self.name} ({LABELS[self.media_type]})"


def downloads_of(results: StudyResults, findings: StudyFindings) -> list[Download]:
    """The table of results in three forms, and all of it with the score of every seed as JSON."""
    table = results_table(results, findings.comparisons)
    whole = json.dumps(results_to_dict(results, findings), indent=1, allow_nan=False) + "\n"
    return [
        Download("table.csv", "text/csv", table.to_csv()),
        Download("table.md", "text/markdown", table.to_markdown()),
        Download("table.tex", "application/x-tex", table.to_latex()),
        Download("results.json", "application/json", whole),
    ]


def results_to_dict(results: StudyResults, findings: StudyFindings) -> dict[str, Json]:
    """A study's results as JSON has them: accuracies are fractions, times seconds, memory bytes."""
    study = results.study
    found = {(one.dataset, one.setting, one.architecture): one for one in findings.comparisons}
    best = {(group[0].dataset, group[0].setting): distinguished_best(group) for group in results.groups}
    rows: list[Json] = [
        _row(
            row,
            found.get((row.dataset, row.setting, row.architecture)),
            is_best=best[(row.dataset, row.setting)] == row.architecture,
        )
        for row in results.rows
    ]
    return {
        "schema": SCHEMA_VERSION,
        "kind": "runs",
        "cnnbuild": __version__,
        "study": study.study,
        "title": study.title,
        "question": study.question,
        "baseline": study.baseline,
        "equivalence_points": study.equivalence_points,
        "architectures": [*study.architectures],
        "datasets": [*study.datasets],
        "settings": [*study.settings],
        "runs_missing": len(results.missing),
        "rows": rows,
    }


def _row(row: ResultRow, finding: Finding | None, *, is_best: bool) -> dict[str, Json]:
    summary = row.accuracy
    return {
        "architecture": row.architecture,
        "dataset": row.dataset,
        "dataset_label": row.dataset_label,
        "setting": row.setting,
        "planned": row.planned,
        "trained": len(row.trained),
        "status": row.status,
        "accuracy": None if summary is None else asdict(summary),
        "clearly_best": is_best,
        "parameters": row.parameters,
        "macs": row.macs,
        "seconds_per_epoch": row.seconds_per_epoch,
        **{key: _measured(cost, row) for key, cost in MEASURED.items()},
        "comparison": None if finding is None else _comparison(finding),
        "seeds": [_seed(record, health) for record, health in zip(row.records, row.health, strict=True)],
    }


def _measured(cost: Cost, row: ResultRow) -> Json:
    """A cost in the records' own unit, with the smallest and the largest over the runs that trained."""
    amount = cost.of(row)
    if amount is None:
        return None
    low, value, high = (one / cost.scale for one in (amount.low, amount.value, amount.high))
    return {"value": value, "low": low, "high": high}


def _comparison(finding: Finding) -> dict[str, Json]:
    return {
        "baseline": finding.baseline,
        "verdict": finding.verdict,
        "sentence": finding.sentence,
        "confounders": [*finding.confounders],
        "difference_points": finding.difference_points,
        "low_points": finding.low_points,
        "high_points": finding.high_points,
        "p": finding.p,
    }


def _seed(record: CellRecord, health: Health) -> dict[str, Json]:
    """What one run came to; its whole record lies in its folder."""
    run = record.run
    found: dict[str, Json] = {
        "seed": record.seed,
        "state": record.state,
        "condition": health.condition,
        "reason": record.reason,
        "seconds": record.seconds,
        "test_accuracy": None,
        "test_loss": None,
        "validation_accuracy": None,
        "selected_epoch": None,
        "epochs": 0,
        "training_seconds": None,
    }
    if run is not None:
        selected = next((epoch for epoch in run.epochs if epoch.epoch == run.selected_epoch), None)
        found |= {
            "validation_accuracy": None if selected is None else selected.validation_accuracy,
            "selected_epoch": run.selected_epoch,
            "epochs": len(run.epochs),
            "training_seconds": sum(epoch.train_seconds for epoch in run.epochs),
        }
        if run.test is not None:
            found |= {"test_accuracy": run.test.accuracy, "test_loss": run.test.loss}
    return found
