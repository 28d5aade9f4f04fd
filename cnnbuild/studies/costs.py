"""What an architecture costs: counted exactly (parameters, multiply-adds), or measured in every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

from cnnbuild.studies.results import ResultRow
from cnnbuild.training.record import RunRecord

CostName: TypeAlias = Literal["parameters", "multiply-adds", "training time", "latency", "peak memory"]
SHARED_PROCESS = (
    "",
    "inline",
)  # executors whose runs share one process, and so its high-water mark of memory


@dataclass(frozen=True, slots=True)
class Amount:
    """What one architecture costs: one number, and the smallest and the largest over its runs."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cost:
    """One kind of cost, in `unit`; `scale` turns the records' unit into it.

    `of_row` gives one value where the cost is counted, else one for each run that trained, of which `centre`
    makes the value that is shown. `times` is what stands behind "twice".
    """

    name: CostName
    unit: str
    scale: float
    is_measured: bool
    of_row: Callable[[ResultRow], Sequence[float]]
    centre: Callable[[Sequence[float]], float]
    times: str

    def of(self, row: ResultRow) -> Amount | None:
        """The cost of an architecture, None where it was not measured."""
        values = [self.scale * value for value in self.of_row(row)]
        return Amount(self.centre(values), min(values), max(values)) if values else None

    def is_surely_no_more(self, one: Amount, other: Amount) -> bool:
        """Whether the first costs no more; where measured, each of its runs no more than any of the other."""
        return one.high <= other.low


def _parameters(row: ResultRow) -> Sequence[float]:
    return [] if row.parameters is None else [row.parameters]


def _macs(row: ResultRow) -> Sequence[float]:
    return [] if row.macs is None else [row.macs]


def _runs(row: ResultRow) -> list[RunRecord]:
    return [record.run for record in row.trained if record.run is not None]


def _training_seconds(row: ResultRow) -> Sequence[float]:
    return [sum(epoch.train_seconds for epoch in run.epochs) for run in _runs(row) if run.epochs]


def _latencies(row: ResultRow) -> Sequence[float]:
    """Of the smallest batch that was timed."""
    timed = [latency for run in _runs(row) for latency in run.latency]
    smallest = min((latency.batch_size for latency in timed), default=None)
    return [latency.median_seconds for latency in timed if latency.batch_size == smallest]


def _peak_bytes(row: ResultRow) -> Sequence[float]:
    """None of runs that shared a process: its high-water mark is that of the largest of them."""
    shared = any(
        record.run is not None
        and record.run.peak_memory_of == "process"
        and record.executor in SHARED_PROCESS
        for record in row.trained
    )
    if shared:
        return []
    return [run.peak_memory_bytes for run in _runs(row) if run.peak_memory_bytes is not None]


PARAMETERS = Cost("parameters", "", 1, False, _parameters, max, "the parameters")
MACS = Cost("multiply-adds", "per image", 1, False, _macs, max, "the multiply-adds")
TRAINING = Cost("training time", "s", 1, True, _training_seconds, fmean, "the training time")
LATENCY = Cost("latency", "ms", 1000, True, _latencies, min, "the latency")
MEMORY = Cost("peak memory", "MiB", 1 / 2**20, True, _peak_bytes, max, "the peak memory")
COSTS: tuple[Cost, ...] = (PARAMETERS, MACS, TRAINING, LATENCY, MEMORY)
