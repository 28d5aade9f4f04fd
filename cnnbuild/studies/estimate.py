"""How long a study would take: from runs that have finished, else from a few measured steps. A guess."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from cnnbuild.data.catalogue import catalogue
from cnnbuild.graph.data_contract import train_images_of
from cnnbuild.studies.plan import Cell, StudyPlan, describe_graph
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.store import StudyFolder

if TYPE_CHECKING:
    from cnnbuild.studies.speed import Speed

MEASURE_SECONDS = 30  # for all networks together; what is left is judged by its multiply-adds
MIN_PROBE_IMAGES = 2_000  # training images that a run evaluates after each epoch, at least
REPEATS, LATENCY_SECONDS = 53, 0.5  # of the measurement of latency at the end of a run
EPOCH_SECONDS = 0.03  # beside steps and evaluation: a checkpoint, and what is observed
START_SECONDS = 0.2  # of a run: its process, its data on the device, its files
MAX_RECORDS = 500  # that are read of a folder


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds that a study takes on `jobs` processes, as far as is known; an order of magnitude.

    `per_run` are the seconds of each cell of the plan, in its order: 0 where it is finished, None where
    nothing is known. `known` runs were taken from records, the others from `measured_seconds` of training.
    """

    per_run: tuple[float | None, ...]
    jobs: int
    finished: int
    known: int
    measured_seconds: float

    @property
    def seconds(self) -> float:
        """Of the whole study; what is unknown is left out."""
        runs = [one for one in self.per_run if one]
        return max([math.fsum(runs) / self.jobs, *runs]) if runs else 0.0

    def describe(self) -> str:
        """The estimate as a sentence without its stop, such as "about 12 min on 2 processes (…)"."""
        total, unknown = len(self.per_run), self.per_run.count(None)
        if total == self.finished:
            return "nothing to run: all runs are finished"
        if total == self.finished + unknown:
            return "no estimate: these runs cannot be judged before they start"
        processes = "1 process" if self.jobs == 1 else f"{self.jobs} processes"
        sources = []
        if self.known:
            sources.append("from finished runs of the same configuration")
        if self.measured_seconds:
            sources.append(f"measured: {duration_text(self.measured_seconds)}; order of magnitude")
        notes = (
            [f"without {unknown} {'run' if unknown == 1 else 'runs'} that cannot be judged"]
            if unknown
            else []
        )
        notes += [f"{self.finished} of {total} runs are finished"] if self.finished else []
        return f"about {duration_text(self.seconds)} on {processes} ({'; '.join([*sources, *notes])})"


def estimate(plan: StudyPlan, *, jobs: int, threads: int, folder: Path) -> Estimate:
    """How long the unfinished cells of a plan take on `jobs` processes of `threads` threads each.

    Finished runs of the same configuration in `folder` tell it; where there are none, each distinct network
    with its batch size takes some training steps on random images, for about a second each and half a minute
    altogether. No data set is read.
    """
    records = _records_of(folder)
    finished, per_run, known = 0, list[float | None](), 0
    clock = _Clock(lambda: _measured(threads))
    for cell in plan.cells:
        of_same = records.get(_configuration(cell), {})
        if cell.seed in of_same:
            finished += 1
            per_run.append(0.0)
        elif of_same:
            known += 1
            per_run.append(median(of_same.values()))
        else:
            per_run.append(clock.seconds(cell))
    return Estimate(tuple(per_run), max(1, jobs), finished, known, clock.spent)


def duration_text(seconds: float) -> str:
    """Some time in one unit, with two digits at most.

    >>> duration_text(0.4), duration_text(48), duration_text(700), duration_text(9000), duration_text(200_000)
    ('1 s', '48 s', '12 min', '2.5 h', '2.3 days')
    """
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            amount = seconds / size
            return f"{amount:.1f} {unit}" if amount < 9.95 and unit != "min" else f"{amount:.0f} {unit}"
    return f"{max(1.0, seconds):.0f} s"


def _configuration(cell: Cell) -> str:
    """What two runs share that differ in their seed alone, as far as it is known without the data."""
    sizes = (cell.graph.parameters, cell.graph.macs)
    return json.dumps([cell.architecture, cell.dataset.plain(), cell.recipe.plain(), sizes], sort_keys=True)


def _records_of(folder: Path) -> dict[str, dict[int, float]]:
    """The seconds of the finished runs in a study's folder, by configuration and seed."""
    store = StudyFolder(folder)
    found: dict[str, dict[int, float]] = {}
    for number, path in enumerate(sorted((folder / "cells").glob("*/record.json"))):
        record = store.read_record(path.parent.name) if number < MAX_RECORDS else None
        if record is not None and record.is_final:
            found.setdefault(_configuration_of(record), {})[record.seed] = record.seconds
    return found


def _configuration_of(record: CellRecord) -> str:
    sizes = (record.parameters, record.macs)
    return json.dumps([record.architecture, record.dataset, record.recipe, sizes], sort_keys=True)


def _measured(threads: int) -> Callable[[Cell], Speed | None]:
    from cnnbuild.studies import speed  # loads torch

    def measure(cell: Cell) -> Speed | None:
        try:
            return speed.measure_speed(cell, threads=threads)
        except Exception:  # noqa: BLE001 - what fails here fails in its run too, and is told there
            return None

    return measure


class _Clock:
    """The seconds of runs, each distinct network measured once while there is time for it."""

    def __init__(self, prepare: Callable[[], Callable[[Cell], Speed | None]]) -> None:
        self.spent = 0.0
        self._prepare = prepare
        self._speeds: dict[str, tuple[int, Speed | None]] = {}
        self._test_images = {entry.name: entry.test_images for entry in catalogue(Path())}

    def seconds(self, cell: Cell) -> float | None:
        """Those of one run; None where the number of its images is unknown, or it could not be measured."""
        train = cell.dataset.train_images or train_images_of(cell.dataset)
        test = self._test_images.get(cell.dataset.name)
        if train is None or test is None:
            return None
        speed = self._speed(cell)
        return None if speed is None else _seconds(cell, speed, train, test)

    def _speed(self, cell: Cell) -> Speed | None:
        recipe = cell.recipe
        pace = (recipe.batch_size, recipe.accumulate, recipe.optimizer.name, recipe.precision, recipe.device)
        key = json.dumps([describe_graph(cell.graph), pace])  # points of a grid of rates have one pace
        if key not in self._speeds:
            if self.spent > MEASURE_SECONDS:
                return self._scaled(cell.graph.macs)
            measure = self._prepare()
            begin = time.perf_counter()
            self._speeds[key] = (cell.graph.macs, measure(cell))
            self.spent += time.perf_counter() - begin
        return self._speeds[key][1]

    def _scaled(self, macs: int) -> Speed | None:
        """The speed of the network nearest in multiply-adds, in proportion to them."""
        from cnnbuild.studies.speed import Speed

        measured = [(known, speed) for known, speed in self._speeds.values() if speed is not None]
        if not measured:
            return None
        known, speed = min(measured, key=lambda one: abs(math.log((one[0] + 1) / (macs + 1))))
        ratio = (macs + 1) / (known + 1)
        return Speed(speed.train * ratio, speed.evaluate * ratio, speed.single * ratio)


def _seconds(cell: Cell, speed: Speed, train: int, test: int) -> float:
    """Those of a run: its epochs with their evaluations, its test, and the measurement of its latency."""
    recipe = cell.recipe
    held_out = round(train * recipe.validation)
    fitted = train - held_out
    evaluated = held_out + min(fitted, max(MIN_PROBE_IMAGES, held_out))
    each_epoch = EPOCH_SECONDS + fitted * speed.train + evaluated * speed.evaluate
    steps_per_epoch = math.ceil(fitted / recipe.batch_size)
    if recipe.seconds is not None:
        training = recipe.seconds
    elif recipe.steps is not None:
        training = each_epoch * recipe.steps / steps_per_epoch
    else:
        training = each_epoch * (recipe.epochs or 0)
    passes = (speed.single, recipe.batch_size * speed.evaluate)
    latency = math.fsum(min(REPEATS * one, LATENCY_SECONDS + 8 * one) for one in passes)
    tested = (test + held_out) * speed.evaluate * (2 if recipe.test_time_flip else 1)
    return START_SECONDS + training + tested + latency
