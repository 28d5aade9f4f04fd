"""What became of runs that are missing from a comparison, in words."""

from __future__ import annotations

from collections import Counter

from cnnbuild.studies.health import Condition
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow

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
        said.append(
            f"{which} (see Health in the report). "
            f"{subject} says nothing about how well an architecture learns."
        )
    if untrained:
        which = " and ".join(runs_of(n, one) for n, one in untrained)
        names = " or ".join(f"{one.architecture}'s" for _, one in untrained)
        said.append(
            f"{which} did not train (see Health in the report). "
            f"This says something about the training recipe, not about {names} architecture."
        )
    crippled = [(n, one) for one in dead if (n := sum(health.is_crippled for health in one.health))]
    if crippled:
        which = " and ".join(runs_of(n, one) for n, one in crippled)
        tells = "" if untrained else " This says something about the training recipe."
        said.append(
            f"{which} trained with a layer whose units are nearly all dead (see Health in the report).{tells}"
        )
    return " Besides, ".join(said)


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


def fates_in_words(row: ResultRow) -> list[tuple[str, int]]:
    """How runs of a row ended that are left out of what is compared, each with how many did."""
    fates = [("did not train", _untrained(row))] if _untrained(row) else []
    return fates + [(_conjugated(fate, n), n) for fate, n in _broken_off(row).items()]


def _untrained(row: ResultRow) -> int:
    return sum(not health.trained and not health.broke_off for health in row.health)


def _broken_off(row: ResultRow) -> Counter[Condition]:
    """How many runs something else than training ended, by how."""
    return Counter(health.condition for health in row.health if health.broke_off)


def _joined(broken: list[tuple[Condition, int, ResultRow]]) -> list[tuple[Condition, int, ResultRow]]:
    return sorted(broken, key=lambda one: [*_FATES].index(one[0]))


def _conjugated(fate: Condition, count: int) -> str:
    return _FATES[fate].format(was="was" if count == 1 else "were")
