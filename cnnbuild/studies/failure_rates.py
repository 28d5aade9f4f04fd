"""How often runs of each architecture did not train, with an interval: what a mean over the others hides."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.studies.observation import Figure, Observation
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.statistics import wilson_interval


def failure_rates(results: StudyResults) -> tuple[Observation, ...]:
    """For each data set and setting on which runs did not train: how many of each architecture.

    Runs that an error or the machine ended are no evidence on training, and are not counted.
    """
    return tuple(one for group in results.groups for one in _of_group(group))


def _of_group(rows: tuple[ResultRow, ...]) -> Iterator[Observation]:
    counts = {row.architecture: _count(row) for row in rows}
    failing = tuple(name for name, (failed, _) in counts.items() if failed)
    if not failing:
        return
    names: dict[tuple[int, int], list[str]] = {}
    for name in (*failing, *(name for name, (_, total) in counts.items() if total and name not in failing)):
        names.setdefault(counts[name], []).append(name)
    rates = "; ".join(f"{_in_words(*count)} of {_each(names[count])}" for count in names)
    yield Observation(
        topic="failures",
        sentence=f"On {rows[0].where} not all runs trained. Those that did not: {rates}.",
        architectures=failing,
        dataset=rows[0].dataset,
        setting=rows[0].setting,
        level="warning",
        figures=dict(figure for name in failing for figure in _figures(name, *counts[name])),
    )


def _count(row: ResultRow) -> tuple[int, int]:
    """Runs that did not train, of those that nothing else ended."""
    counted = [health for health in row.health if not health.broke_off]
    return sum(not health.trained for health in counted), len(counted)


def _in_words(failed: int, total: int) -> str:
    low, high = (max(0.0, 100 * edge) for edge in wilson_interval(failed, total))
    return f"{failed} of {total} ({100 * failed / total:.0f} %, 95 % CI {low:.0f} to {high:.0f} %)"


def _each(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"each of {', '.join(names[:-1])} and {names[-1]}"


def _figures(name: str, failed: int, total: int) -> Iterator[tuple[str, Figure]]:
    low, high = wilson_interval(failed, total)
    found = {"failed": failed, "runs": total, "rate": failed / total, "low": low, "high": high}
    yield from ((f"{name}: {word}", value) for word, value in found.items())
