"""What differs between two architectures' runs besides what a study asks about: beside every finding."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from statistics import median

from cnnbuild.studies.fairness import fates_in_words, parts_of, runs_of
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow
from cnnbuild.studies.starting import begin_alike, start_in_words
from cnnbuild.texts import shortened
from cnnbuild.training.record import RunRecord

NOTABLE_RATIO = 1.1  # sizes closer than this count as equal
NOTABLE_TIME = 1.5  # times vary more: other work on the machine makes them longer
MOST_KEYS = 6  # of two recipes, that are named with their values
MOST_LETTERS = 60

PACKAGES = ("cnnbuild", "torch")


def confounders(row: ResultRow, baseline: ResultRow) -> tuple[str, ...]:
    """Each difference as a sentence: sizes, times, conditions of training, and what happened to runs."""
    pair = (row, baseline)
    notes = (note for one in pair for note in chain(_left_out(one), _retried(one), _in_smaller_parts(one)))
    return (
        *_sizes(row, baseline),
        *_times(row, baseline),
        *_starts(row, baseline),
        *differing_conditions(row, baseline),
        *notes,
        *_shares_of_machines(row, baseline),
        *_matched(row, baseline),
    )


def differing_conditions(
    row: ResultRow, baseline: ResultRow, *, without: Container[str] = ()
) -> tuple[str, ...]:
    """Sentences on what two architectures' runs were trained with and on; none where it was the same.

    `without` are keys of recipes that do not count.
    """
    return (*_recipes(row, baseline, without), *_precisions(row, baseline), *_surroundings(row, baseline))


def _starts(row: ResultRow, baseline: ResultRow) -> Iterator[str]:
    """With which weights the runs began, where these are not drawn for both."""
    first, second = (start_of(one) for one in (row, baseline))
    if not begin_alike(first, second):
        yield (
            f"They begin with different weights: {row.architecture} with {start_in_words(first)}; "
            f"{baseline.architecture} with {start_in_words(second)}."
        )


def start_of(row: ResultRow) -> Mapping[str, object]:
    """What the records of a row's runs say of the weights they began with; empty where these were drawn."""
    return row.records[0].weights if row.records else {}


def _sizes(row: ResultRow, baseline: ResultRow) -> Iterator[str]:
    if row.parameters and baseline.parameters:
        larger, smaller, ratio = _ordered(row, baseline, row.parameters / baseline.parameters)
        if ratio >= NOTABLE_RATIO:
            yield f"{larger} has {ratio:.1f} times the parameters of {smaller}."
    if row.macs and baseline.macs:
        larger, smaller, ratio = _ordered(row, baseline, row.macs / baseline.macs)
        if ratio >= NOTABLE_RATIO:
            yield f"{larger} needs {ratio:.1f} times the multiply-adds of {smaller}."


def _times(row: ResultRow, baseline: ResultRow) -> Iterator[str]:
    """Where the runs of one trained much longer, as far as times of theirs compare."""
    first, second = (_training_seconds(one) for one in (row, baseline))
    if not first or not second or [*_surroundings(row, baseline), *_shares_of_machines(row, baseline)]:
        return
    longer, shorter, ratio = _ordered(row, baseline, median(first) / median(second))
    if ratio >= NOTABLE_TIME:
        yield f"{longer} trained {ratio:.1f} times as long as {shorter}."


def _training_seconds(row: ResultRow) -> list[float]:
    totals = [sum(e.train_seconds for e in r.run.epochs) for r in row.trained if r.run is not None]
    return [total for total in totals if total > 0]


def _ordered(row: ResultRow, baseline: ResultRow, ratio: float) -> tuple[str, str, float]:
    """The name of that with more, of that with less, and by which factor."""
    if ratio > 1:
        return row.architecture, baseline.architecture, ratio
    return baseline.architecture, row.architecture, 1 / ratio


def _recipes(row: ResultRow, baseline: ResultRow, without: Container[str] = ()) -> Iterator[str]:
    """The keys in which the recipes differ, each with both values."""
    first, second = (one.records[0].recipe if one.records else {} for one in (row, baseline))
    found = [each for each in _differences(first, second) if each[0] not in without]
    if not found:
        return
    told = [
        f"{key} is {value} for {row.architecture} and {other} for {baseline.architecture}"
        for key, value, other in found[:MOST_KEYS]
    ]
    more = len(found) - MOST_KEYS
    yield f"Their recipes differ: {'; '.join(told)}{f'; and {more} more keys' if more > 0 else ''}."


def _differences(
    first: Mapping[str, object], second: Mapping[str, object], path: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Dotted path and both values of what differs; a choice between two kinds (sgd, adam) is one."""
    for key in sorted(first.keys() | second.keys()):
        one, other = first.get(key), second.get(key)
        where = f"{path}{key}"
        if isinstance(one, dict) and isinstance(other, dict) and (not one or one.keys() & other.keys()):
            yield from _differences(one, other, f"{where}.")
        elif one != other:
            yield where, _in_words(one), _in_words(other)


def _in_words(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, dict) and len(value) == 1:
        name, settings = next(iter(value.items()))
        of = settings.get("lr") if isinstance(settings, dict) else None
        return f"{name} with lr {of}" if of is not None else str(name)
    return shortened(value if isinstance(value, str) else json.dumps(value), MOST_LETTERS)


def _precisions(row: ResultRow, baseline: ResultRow) -> Iterator[str]:
    """In which precision runs were computed, which `precision: auto` may have chosen differently."""

    def used(run: RunRecord) -> str:
        return str(run.execution.get("precision") or "")

    first, second = (_values(one, used) for one in (row, baseline))
    if first and second and first != second:
        asked = {r.recipe.get("precision") for one in (row, baseline) for r in one.records}
        auto = "; both asked for `precision: auto`" if asked == {"auto"} else ""
        yield (
            f"{row.architecture} was computed in {_listed(first)} and {baseline.architecture} in "
            f"{_listed(second)}{auto}."
        )


def _surroundings(row: ResultRow, baseline: ResultRow) -> Iterator[str]:
    """Images, devices, machines and versions that differ."""
    questions: tuple[tuple[str, Callable[[RunRecord], str]], ...] = (
        ("They were trained on different images", lambda run: run.dataset_fingerprint),
        ("They ran on different devices", lambda run: run.device),
        ("They ran on different machines", lambda run: run.hardware),
    )
    for sentence, value in questions:
        yield from _told(sentence, row, baseline, value)
    for package in PACKAGES:
        question = _Version(package)
        yield from _told(f"They ran with different versions of {package}", row, baseline, question)


@dataclass(frozen=True, slots=True)
class _Version:
    """Which version of a package a run had."""

    package: str

    def __call__(self, run: RunRecord) -> str:
        return run.versions.get(self.package, "")


def _told(
    sentence: str, row: ResultRow, baseline: ResultRow, value: Callable[[RunRecord], str]
) -> Iterator[str]:
    first, second = (_values(one, value) for one in (row, baseline))
    if first and second and first != second:
        yield (
            f"{sentence}: {_listed(first)} ({row.architecture}), {_listed(second)} ({baseline.architecture})."
        )


def _values(row: ResultRow, value: Callable[[RunRecord], str]) -> list[str]:
    """What is known of the runs that are compared, in order."""
    return sorted({found for r in row.trained if r.run is not None and (found := value(r.run))})


def _listed(values: list[str]) -> str:
    return " and ".join(values)


def _left_out(row: ResultRow) -> Iterator[str]:
    for fate, count in fates_in_words(row):
        verb = "is" if count == 1 else "are"
        yield f"{runs_of(count, row)} {fate} and {verb} left out of the difference."


def _retried(row: ResultRow) -> Iterator[str]:
    taken_up = [r for r in row.trained if any(one.resumed for one in r.attempts)]
    if taken_up:
        verb = "was" if len(taken_up) == 1 else "were"
        yield f"{_capital(runs_of(len(taken_up), row))} {verb} interrupted and went on from a checkpoint."


def _in_smaller_parts(row: ResultRow) -> Iterator[str]:
    parts = [n for record in row.trained if (n := parts_of(record)) is not None]
    if parts:
        split = " or ".join(str(n) for n in sorted(set(parts)))
        yield (
            f"{_capital(runs_of(len(parts), row))} ran out of memory and trained with each batch in {split} "
            "parts: batch normalisation took its statistics from the parts."
        )


def _shares_of_machines(row: ResultRow, baseline: ResultRow) -> Iterator[str]:
    def shares(records: tuple[CellRecord, ...]) -> set[int]:
        return {record.parallel for record in records}

    first, second = shares(row.records), shares(baseline.records)
    if first and second and first != second:
        yield "Not equally many runs shared the machine: times and latencies do not compare."


def _matched(row: ResultRow, baseline: ResultRow) -> Iterator[str]:
    one, other = row.matched, baseline.matched
    if one is not None and other is not None and one.choice != other.choice:
        a, b = row.architecture, baseline.architecture
        yield f"`match` chose {one.choice} for {a} and {other.choice} for {b}."


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
