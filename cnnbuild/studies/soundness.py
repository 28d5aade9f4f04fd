"""How many runs of a study did not train, in the same words on the page and on the terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cnnbuild.studies.results import StudyResults


@dataclass(frozen=True, slots=True)
class Soundness:
    """A sentence on some runs without a usable result, and what that says; all others are sound."""

    what: str
    meaning: str

    def __str__(self) -> str:
        return f"{self.what} {self.meaning}"


def soundness_of(results: StudyResults) -> tuple[Soundness, ...]:
    """At most two sentences: on runs that trained in vain, and on those that something else ended."""
    total = len(results.study.cells)
    health = [one for row in results.rows for one in row.health]
    untrained = sum(not one.trained and not one.broke_off for one in health)
    broken = Counter(one.condition for one in health if one.broke_off)
    said = []
    if untrained:
        said.append(
            Soundness(
                f"{_of_runs(untrained, total, 'did', 'did')} not train.",
                "This tells something about the recipe, not about the architecture.",
            )
        )
    if broken:
        runs = _of_runs(broken.total(), total, "was", "were")
        fates = ", ".join(f"{count} {fate}" for fate, count in broken.items())
        only_errors = list(broken) == ["failed"]
        said.append(
            Soundness(
                f"{runs} ended by an error." if only_errors else f"{runs} not trained to the end: {fates}.",
                "This tells nothing about recipe or architecture; the same command runs what failed again.",
            )
        )
    return tuple(said)


def _of_runs(count: int, total: int, one: str, more: str) -> str:
    if total == 1:
        return f"The only run {one}"
    return f"{count} of {total} runs {one if count == 1 else more}"
