"""The tables of the page as text: units chosen, numbers rounded, nothing that the records do not say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from cnnbuild.report.figures import Look
from cnnbuild.studies.best_row import distinguished_best
from cnnbuild.studies.fairness import parts_of
from cnnbuild.studies.health import Condition
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow, StudyResults

Tone: TypeAlias = Literal["good", "bad", "soft"]
"""How what became of some runs is shown: all trained, one did not, or some have not ended."""


@dataclass(frozen=True, slots=True)
class SeedDots:
    """Where the dots of single runs and the bar of the interval stand, as fractions of the strip's width."""

    dots: tuple[float, ...]
    bar: tuple[float, float] | None
    label: str


@dataclass(frozen=True, slots=True)
class Leader:
    """One line of the table of results.

    `mean_percent` is what its accuracy is sorted by. `is_best` only where it is told apart from all others.
    """

    look: Look
    accuracy: str
    mean_percent: str
    interval: str
    seeds: str
    dots: SeedDots
    parameters: str
    macs: str
    seconds_per_epoch: str
    latency: str
    memory: str
    status: str
    tone: Tone
    is_best: bool


@dataclass(frozen=True, slots=True)
class RunLine:
    """One line of the list of runs; `notes` say what was not as planned: attempts, smaller micro-batches.

    `trained` where its accuracy may be used.
    """

    architecture: str
    dataset: str
    setting: str
    seed: int
    condition: Condition | Literal["not run"]
    notes: str
    reason: str
    accuracy: str
    best_epoch: str
    seconds: str
    folder: str
    ended: bool = False
    trained: bool = False

    @property
    def name(self) -> str:
        """The run in words."""
        setting = f" ({self.setting})" if self.setting else ""
        return f"{self.architecture} on {self.dataset}{setting}, seed {self.seed}"


def leaders(rows: Sequence[ResultRow], looks: dict[str, Look]) -> tuple[list[Leader], tuple[float, float]]:
    """The table of results of one data set, and the range of accuracy that its dots span."""
    shown = [accuracy for row in rows for accuracy in row.accuracies.values()]
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    margin = max(0.1 * (high - low), 0.001)
    low, high = max(0.0, low - margin), min(1.0, high + margin)
    best = distinguished_best(rows)
    lines = [_leader(row, looks[row.architecture], low, high, best) for row in rows]
    return lines, (low, high)


def tone_of(row: ResultRow) -> Tone:
    """How the runs of a row are to be shown."""
    if len(row.trained) < len(row.records):
        return "bad"
    return "good" if len(row.records) == row.planned else "soft"


def _leader(row: ResultRow, look: Look, low: float, high: float, best: str | None) -> Leader:
    summary = row.accuracy
    accuracy, interval = "none", ""
    if summary is not None and summary.n > 2 and summary.low is not None and summary.high is not None:
        accuracy = f"{100 * summary.mean:.2f}"
        low_shown, high_shown = max(0.0, summary.low), min(1.0, summary.high)  # as the methods say
        interval = f"{100 * low_shown:.2f} to {100 * high_shown:.2f}"
    elif summary is not None:
        accuracy = ", ".join(f"{100 * one:.2f}" for one in row.accuracies.values())
        interval = f"{summary.n} seed{'s' if summary.n > 1 else ''}: no interval"
    latency = row.latency
    return Leader(
        look=look,
        accuracy=accuracy,
        mean_percent="" if summary is None else f"{100 * summary.mean:.6f}",
        interval=interval,
        seeds=str(len(row.accuracies)),
        dots=_seed_dots(row, low, high),
        parameters="" if row.parameters is None else f"{row.parameters:,}",
        macs="" if row.macs is None else f"{row.macs:,}",
        seconds_per_epoch="" if row.seconds_per_epoch is None else f"{row.seconds_per_epoch:.3g}",
        latency="" if latency is None else f"{1000 * latency.median_seconds:.3g}",
        memory="" if row.peak_memory_bytes is None else f"{row.peak_memory_bytes / 2**20:,.0f}",
        status=row.status,
        tone=tone_of(row),
        is_best=row.architecture == best,
    )


def _seed_dots(row: ResultRow, low: float, high: float) -> SeedDots:
    def position(accuracy: float) -> float:
        return min(1.0, max(0.0, (accuracy - low) / (high - low)))

    summary = row.accuracy
    bar = None
    if summary is not None and summary.n > 2 and summary.low is not None and summary.high is not None:
        bar = (position(summary.low), position(summary.high))
    listed = ", ".join(f"{100 * accuracy:.2f} %" for accuracy in row.accuracies.values()) or "none"
    dots = tuple(position(accuracy) for accuracy in row.accuracies.values())
    return SeedDots(dots, bar, f"test accuracy of each run: {listed}")


def run_lines(results: StudyResults) -> list[RunLine]:
    """Every planned run, with what became of it."""
    conditions = {
        id(record): health
        for row in results.rows
        for record, health in zip(row.records, row.health, strict=True)
    }
    lines = []
    for cell in results.study.cells:
        record = results.records.get(cell.folder)
        line = RunLine(
            architecture=cell.architecture,
            dataset=cell.dataset,
            setting=cell.setting,
            seed=cell.seed,
            condition="not run",
            notes="",
            reason="",
            accuracy="",
            best_epoch="",
            seconds="",
            folder=cell.folder,
        )
        if record is not None:
            health = conditions[id(record)]
            accuracy, best, seconds = _measured(record)
            line = replace(
                line,
                dataset=record.dataset_label,
                condition=health.condition,
                notes=_notes(record),
                reason="; ".join(text for text in (health.evidence, health.advice) if text),
                accuracy=accuracy,
                best_epoch=best,
                seconds=seconds,
                ended=True,
                trained=health.trained,
            )
        lines.append(line)
    return lines


def _notes(record: CellRecord) -> str:
    """What was not as planned: the attempts before the last one, and batches that had to be split."""
    before = Counter(attempt.state.replace("_", " ") for attempt in record.attempts[:-1])
    told = ", ".join(f"{count} {state}" for state, count in before.items())
    notes = [f"{len(record.attempts)} attempts: {told} before"] if before else []
    if before and record.attempts[-1].resumed:
        notes.append("went on from a checkpoint")
    if (parts := parts_of(record)) is not None:
        notes.append(f"each batch in {parts} parts")
    return "; ".join(notes)


def _measured(record: CellRecord) -> tuple[str, str, str]:
    run = record.run
    test = run.test if run is not None else None
    best = "" if run is None or run.selected_epoch is None else f"{run.selected_epoch} of {len(run.epochs)}"
    return "" if test is None else f"{100 * test.accuracy:.2f}", best, f"{record.seconds:.1f}"
