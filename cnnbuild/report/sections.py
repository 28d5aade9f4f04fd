"""The tables of results: one for each data set, or for each point of the grid on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnbuild.report.figures import Look
from cnnbuild.report.tables import Leader, leaders
from cnnbuild.studies.results import ResultRow

IN_ONE_PROCESS = ("", "inline")  # executors whose runs share the study's own process


@dataclass(frozen=True, slots=True)
class Section:
    """One table of results, with what holds for all of its lines."""

    title: str
    facts: str
    parallel: int
    own_process: bool
    leaders: list[Leader]
    dots_low: float
    dots_high: float
    latency_batch: int | None
    memory_of: str

    @property
    def has_best(self) -> bool:
        """Whether one line is told apart from all others."""
        return any(line.is_best for line in self.leaders)


def section_of(rows: Sequence[ResultRow], looks: dict[str, Look]) -> Section:
    """The table of rows that are compared with each other."""
    lines, (low, high) = leaders(rows, looks)
    runs = [record.run for row in rows for record in row.records if record.run is not None]
    latency = next((row.latency for row in rows if row.latency is not None), None)
    facts = ""
    if runs:
        run = runs[0]
        facts = (
            f"{run.train_images:,} images to train on, {run.validation_images:,} for validation, "
            f"{run.test_images:,} for the test; {len(run.class_names)} classes"
        )
    return Section(
        title=rows[0].where,
        facts=facts,
        own_process=all(record.executor not in IN_ONE_PROCESS for row in rows for record in row.records),
        parallel=max((record.parallel for row in rows for record in row.records), default=1),
        leaders=lines,
        dots_low=low,
        dots_high=high,
        latency_batch=latency.batch_size if latency is not None else None,
        memory_of=runs[0].peak_memory_of if runs else "process",
    )
