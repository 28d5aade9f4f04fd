"""The results of a run as plain data, and as Markdown tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.training.figures import Spread, paired_interval, spread
from benchmarks.training.peak import share_of_peak
from benchmarks.training.peers import LABELS
from benchmarks.training.result import Result
from benchmarks.training.settings import ARCHITECTURES, PARAMETERS

MEGABYTE = 1024**2
BASE = "textbook"


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one call of the benchmark measured.

    `load` is the machine's one-minute load average before the first child and after the last. `peaks` holds
    the matrix product's GFLOP/s by precision, for each number of threads.
    """

    dataset: str
    images: int
    epochs: int
    rounds: int
    batch_size: int
    machine: str
    cores: int
    pinned: bool
    load: tuple[float, float]
    macs: int
    results: tuple[Result, ...]
    clock: str = "wall"
    peaks: dict[str, dict[str, float]] = field(default_factory=dict)
    date: str = ""

    def to_json(self) -> str:
        """Plain data, indented."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> Run:
        """What `to_json` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        results = tuple(Result.from_dict(entry) for entry in data.pop("results"))
        return cls(**{**data, "load": tuple(data["load"]), "results": results})


@dataclass(frozen=True, slots=True)
class Row:
    """One peer in one precision and number of threads, over the rounds."""

    peer: str
    asked: str
    precision: str
    threads: int
    first_epoch: Spread
    train: Spread
    epoch: Spread
    evaluation: Spread
    process_seconds: Spread
    memory_bytes: Spread
    accuracy: Spread


def rows_of(run: Run) -> list[Row]:
    """One row for each peer, precision and number of threads that was measured, the fastest trainer first."""
    groups: dict[tuple[str, str, int], list[Result]] = {}
    for result in run.results:
        if result.measured is not None:
            groups.setdefault((result.peer, result.precision, result.threads), []).append(result)
    rows = [_row(*key, results) for key, results in groups.items()]
    return sorted(rows, key=lambda row: (row.threads, row.asked != "fp32", -row.train.median))


def _row(peer: str, asked: str, threads: int, results: Sequence[Result]) -> Row:
    measured = [result.measured for result in results if result.measured is not None]
    return Row(
        peer=peer,
        asked=asked,
        precision=measured[0].precision,
        threads=threads,
        first_epoch=spread([result.first_epoch_rate for result in results]),
        train=spread([result.train_rate for result in results]),
        epoch=spread([result.epoch_rate for result in results]),
        evaluation=spread([result.evaluation_rate for result in results]),
        process_seconds=spread([result.process_seconds or 0.0 for result in results]),
        memory_bytes=spread([float(result.peak_memory_bytes or 0) for result in results]),
        accuracy=spread([found.test_accuracy for found in measured]),
    )


def base_of(rows: Sequence[Row], threads: int) -> Row | None:
    """The textbook loop in fp32 with as many threads."""
    return next((r for r in rows if (r.peer, r.asked, r.threads) == (BASE, "fp32", threads)), None)


def caption(run: Run) -> str:
    """The sentence that belongs to every table and figure of the run."""
    name = Path(ARCHITECTURES[run.dataset]).stem
    title = {"mnist": "MNIST", "cifar10": "CIFAR-10 (JPEG) with crop and flip"}[run.dataset]
    versions: dict[str, str] = {}
    for result in run.results:
        if result.measured is not None:
            versions |= result.measured.versions
            versions["Python"] = result.python
    named = ", ".join(f"{name} {version.partition('+')[0]}" for name, version in sorted(versions.items()))
    cores = "each process pinned to as many cores as it has threads" if run.pinned else "processes not pinned"
    clock = "" if run.clock == "wall" else "Seconds of the processor, not of the wall clock. "
    rounds = "1 round" if run.rounds == 1 else f"{run.rounds} rounds"
    return (
        f"{name} ({PARAMETERS[run.dataset]:,} parameters) on {title}: {run.images:,} training images an "
        f"epoch, {run.epochs} epochs, batch {run.batch_size}, Adam; medians of {rounds} in random order. "
        f"{clock}{run.machine}, {run.cores} cores, {cores}; "
        f"load {run.load[0]:.1f} before and {run.load[1]:.1f} after. {named}."
    )


def table(run: Run) -> str:
    """A Markdown table for each number of threads, with the share of the peak under it."""
    rows = rows_of(run)
    counts = sorted({row.threads for row in rows})
    parts = [caption(run), *(_table([r for r in rows if r.threads == count], count) for count in counts)]
    parts += [line for line in (_peak_lines(run, rows), _skipped_lines(run)) if line]
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Row], threads: int) -> str:
    lines = [
        f"| {_threads(threads)} | precision | train, images/s (quartiles) | to the textbook | first epoch "
        "| whole epoch | evaluate, images/s (quartiles) | to the textbook | process, s | peak MB "
        "| test accuracy |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    base = base_of(rows, threads)
    for row in rows:
        by_train = f"{row.train.median / base.train.median:.2f}" if base else ""
        by_evaluation = f"{row.evaluation.median / base.evaluation.median:.2f}" if base else ""
        precision = row.precision if row.precision == row.asked else f"{row.precision} ({row.asked} asked)"
        lines.append(
            f"| {LABELS[row.peer]} | {precision} | {_spread(row.train)} | {by_train} "
            f"| {row.first_epoch.median:,.0f} | {row.epoch.median:,.0f} "
            f"| {_spread(row.evaluation)} | {by_evaluation} "
            f"| {row.process_seconds.median:.1f} | {row.memory_bytes.median / MEGABYTE:,.0f} "
            f"| {100 * row.accuracy.median:.2f} % |"
        )
    return "\n".join(lines)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _spread(values: Spread) -> str:
    if values.count == 1:
        return f"{values.median:,.0f}"
    return f"{values.median:,.0f} ({values.lower:,.0f} to {values.upper:,.0f})"


def _peak_lines(run: Run, rows: Sequence[Row]) -> str:
    lines: list[str] = []
    for row in rows:
        peak = run.peaks.get(str(row.threads), {}).get(row.precision)
        if row.peer == "cnnbuild" and peak:
            share = share_of_peak(row.train.median, run.macs, peak)
            lines.append(
                f"cnnbuild in {row.precision}, {_threads(row.threads)}: {100 * share:.0f} % of the "
                f"matrix product's measured {peak:,.0f} GFLOP/s "
                f"({run.macs:,} multiply-adds an image forward, three times that in training)."
            )
    return "\n".join(lines)


def _skipped_lines(run: Run) -> str:
    reasons = {
        (result.peer, result.precision): result.skipped
        for result in run.results
        if result.skipped is not None
    }
    return "\n".join(
        f"- {LABELS[peer]}, {precision}: not measured, {reason.splitlines()[0].rstrip(':.')}."
        for (peer, precision), reason in reasons.items()
    )


def accuracy_lines(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The paired difference in test accuracy over the seeds, in points."""
    interval = paired_interval(ours, theirs)
    verdict = "lies within 0.5 points" if interval.within(0.005) else "does not lie within 0.5 points"
    mean_ours, mean_theirs = (100 * sum(values) / len(values) for values in (ours, theirs))
    mean, low, high = (100 * value for value in (interval.mean, interval.low, interval.high))
    return (
        f"Test accuracy over {interval.pairs} seeds: cnnbuild {mean_ours:.2f} %, "
        f"textbook {mean_theirs:.2f} %; paired difference {mean:+.2f} points, "
        f"95 % interval {low:+.2f} to {high:+.2f} (Student's t): it {verdict}."
    )
