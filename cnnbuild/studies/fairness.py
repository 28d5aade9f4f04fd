"""What differed between runs besides what a study asks about, and what became of those that are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain

from cnnbuild.studies.health import Condition
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow

NOTABLE_RATIO = 1.1  # parameters closer than this count as equal

_FATES: dict[Condition, str] = {
    "failed": "ended with an error",
    "out of memory": "ran out of memory",
    "stalled": "stood still and {was} stopped",
    "killed": "{was} killed",
}


def why_dead(dead: list[ResultRow]) -> str:
    """What became of the runs of these rows, errors apart from training, and what it speaks about."""
    broken = [(fate, n, one) for one in dead for fate, n in _broken_off(one).items()]
    untrained = [(n, one) for one in dead if (n := _untrained(one))]
    said = []
    if broken:
        which = " and ".join(f"{runs_of(n, one)} {_conjugated(fate, n)}" for fate, n, one in _joined(broken))
        only_errors = all(fate == "failed" for fate, _, _ in broken)
        subject = "An error" if only_errors else "This"
        said.append(f"{which} (see Health). {subject} says nothing about how well an architecture learns.")
    if untrained:
        which = " and ".join(runs_of(n, one) for n, one in untrained)
        names = " or ".join(f"{one.architecture}'s" for _, one in untrained)
        said.append(
            f"{which} did not train (see Health). "
            f"This says something about the training recipe, not about {names} architecture."
        )
    return " Besides, ".join(said)


def confounders(row: ResultRow, baseline: ResultRow) -> tuple[str, ...]:
    """What differs between two architectures' runs besides what the study asks about."""
    pair = (row, baseline)
    notes = (note for one in pair for note in chain(_left_out(one), _retried(one), _in_smaller_parts(one)))
    return (*_sizes(row, baseline), *_recipes(row, baseline), *notes, *_machines(row, baseline))


def runs_of(count: int, row: ResultRow) -> str:
    """So many runs of a row, in words: "2 of 3 runs of wide"."""
    total = len(row.records)
    only = total == 1
    return f"the only run of {row.architecture}" if only else f"{count} of {total} runs of {row.architecture}"


def parts_of(record: CellRecord) -> int | None:
    """Into how many micro-batches a run had to split its batches, None where it kept to its recipe."""
    if not record.attempts:
        return None
    first, last = record.attempts[0].accumulate, record.attempts[-1].accumulate
    return last if last > first else None


def _sizes(row: ResultRow, baseline: ResultRow) -> Iterator[str]:
    if row.parameters and baseline.parameters:
        ratio = row.parameters / baseline.parameters
        larger, smaller = (row, baseline) if ratio > 1 else (baseline, row)
        ratio = max(ratio, 1 / ratio)
        if ratio >= NOTABLE_RATIO:
            yield f"{larger.architecture} has {ratio:.1f} times the parameters of {smaller.architecture}."


def _recipes(row: ResultRow, baseline: ResultRow) -> Iterator[str]:
    first, second = (dict(one.records[0].recipe) if one.records else {} for one in (row, baseline))
    differing = sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key))
    if differing:
        yield f"Their recipes differ in {', '.join(differing)}."


def _left_out(row: ResultRow) -> Iterator[str]:
    fates = [("did not train", _untrained(row))] if _untrained(row) else []
    fates += [(_conjugated(fate, n), n) for fate, n in _broken_off(row).items()]
    for fate, count in fates:
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


def _machines(row: ResultRow, baseline: ResultRow) -> Iterator[str]:
    first, second = ({record.parallel for record in one.records} for one in (row, baseline))
    if first and second and first != second:
        yield "Not equally many runs shared the machine: times and latencies do not compare."


def _untrained(row: ResultRow) -> int:
    return sum(not health.trained and not health.broke_off for health in row.health)


def _broken_off(row: ResultRow) -> Counter[Condition]:
    """How many runs something else than training ended, by how."""
    return Counter(health.condition for health in row.health if health.broke_off)


def _joined(broken: list[tuple[Condition, int, ResultRow]]) -> list[tuple[Condition, int, ResultRow]]:
    return sorted(broken, key=lambda one: [*_FATES].index(one[0]))


def _conjugated(fate: Condition, count: int) -> str:
    return _FATES[fate].format(was="was" if count == 1 else "were")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
