"""The runs that a sentence is about: those of one architecture on one data set, at all points of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from cnnbuild.studies.health import Health
from cnnbuild.studies.observation import Figure, Level, Observation, Topic
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.training.record import RunRecord


@dataclass(frozen=True, slots=True)
class ObservedRuns:
    """All runs of an architecture on a data set that have ended; `dataset_label` is how people call it.

    `settings` are the points of the grid that the runs are of, one for each run.
    """

    architecture: str
    dataset: str
    setting: str
    dataset_label: str
    runs: tuple[tuple[CellRecord, Health], ...]
    settings: tuple[str, ...]

    @property
    def name(self) -> str:
        """The architecture and the data set: "wide on digits"."""
        where = f"{self.dataset_label} ({self.setting})" if self.setting else self.dataset_label
        return f"{self.architecture} on {where}"

    @property
    def trained(self) -> tuple[RunRecord, ...]:
        """The records of the runs that trained."""
        return tuple(record.run for record, health in self.runs if health.trained and record.run is not None)

    def observation(
        self, topic: Topic, sentence: str, *, level: Level = "note", figures: dict[str, Figure]
    ) -> Observation:
        """A sentence about these runs."""
        return Observation(topic, sentence, (self.architecture,), self.dataset, self.setting, level, figures)


def observed_runs(results: StudyResults) -> tuple[ObservedRuns, ...]:
    """The runs of each architecture on each data set, in the order of the study's rows.

    Points of a grid are put together: of a hundred of them nobody reads a sentence each.
    """
    together: dict[tuple[str, str], list[ResultRow]] = {}
    for row in results.rows:
        together.setdefault((row.dataset, row.architecture), []).append(row)
    return tuple(
        ObservedRuns(
            architecture=architecture,
            dataset=dataset,
            setting=rows[0].setting if len(rows) == 1 else "",
            dataset_label=rows[0].dataset_label,
            runs=tuple(pair for row in rows for pair in zip(row.records, row.health, strict=True)),
            settings=tuple(row.setting for row in rows for _ in row.records),
        )
        for (dataset, architecture), rows in together.items()
    )


def of_runs(count: int, total: int, *, verb: tuple[str, str] = ("", "")) -> str:
    """So many of all runs, and the verb in the singular or the plural.

    >>> of_runs(1, 3, verb=("is", "are")), of_runs(3, 3), of_runs(1, 1, verb=("was", "were"))
    ('1 of 3 runs is', 'all 3 runs', 'the only run was')
    """
    if total == 1:
        said, word = "the only run", verb[0]
    elif count == total:
        said, word = f"all {total} runs", verb[1]
    else:
        said, word = f"{count} of {total} runs", verb[0] if count == 1 else verb[1]
    return f"{said} {word}".strip()


def mean_of(runs: Sequence[object]) -> str:
    """What is said of a mean: nothing for a single run.

    >>> mean_of(["a"]), mean_of(["a", "b"])
    ('', ', mean of 2 runs')
    """
    return f", mean of {len(runs)} runs" if len(runs) > 1 else ""


def mean(values: Sequence[float]) -> float:
    """Their mean, as the digits of six places: no more is measured."""
    return round(fmean(values), 6)
