"""Whether a study compared fairly: what chose the weights, how often the test was read, equal chances."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.lang.recipe import length_in_words
from cnnbuild.studies.confounders import start_of
from cnnbuild.studies.observation import Observation
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.starting import start_in_words

MOST_RUNS = 1 / 2
"""Where the last epoch was the best in more of an architecture's runs, training may have ended too early."""
STILL_LEARNING = 0.1
"""A last epoch's learning rate, as a share of the largest, below which a schedule has run out."""


def fair_conditions(results: StudyResults) -> tuple[Observation, ...]:
    """What was equal for all architectures and what was not; empty for a study without finished runs."""
    if not any(row.trained for row in results.rows):
        return ()
    return (
        *_selection(results),
        *_lengths(results),
        *_starts(results),
        *_tuning(results),
        *_not_converged(results),
        *(note for group in results.groups for note in _unequal_seeds(group)),
    )


def _selection(results: StudyResults) -> Iterator[Observation]:
    """What chose the epoch of the weights that were tested."""
    recipes = [record.recipe for row in results.rows for record in row.trained]
    chosen = {str(recipe.get("select", "best")) for recipe in recipes}
    how = {
        "best": "with the weights of the epoch that was best on its validation part",
        "last": "with the weights of its last epoch",
    }
    named = " or ".join(how[one] for one in sorted(chosen & how.keys()))
    if named:
        yield Observation(
            topic="fairness",
            sentence=f"The test part was read once for each run, after training, {named}: it chose nothing.",
            figures={"runs": len(recipes), "selected by": " and ".join(sorted(chosen))},
        )


def _lengths(results: StudyResults) -> Iterator[Observation]:
    """Whether all architectures that are compared were trained for as long."""
    lengths: dict[str, None] = {}
    unequal = False
    for group in results.groups:
        of = {row.architecture: _length(row) for row in group if row.records}
        lengths |= dict.fromkeys(of.values())
        if len(set(of.values())) > 1:
            unequal = True
            listed = ", ".join(f"{name} {length}" for name, length in of.items())
            yield Observation(
                topic="fairness",
                sentence=f"On {group[0].where} the architectures were trained for unequal lengths: {listed}.",
                architectures=tuple(of),
                dataset=group[0].dataset,
                setting=group[0].setting,
                level="note" if results.study.budget else "warning",
                figures=dict(of),
            )
    if results.study.budget:
        sentence = f"Every run was given the same budget: {results.study.budget}."
        yield Observation(topic="fairness", sentence=sentence)
    elif not unequal and len(results.study.architectures) > 1:
        listed = " or ".join(lengths)
        sentence = f"All architectures that are compared were trained for the same length ({listed})."
        yield Observation(topic="fairness", sentence=sentence)


def _starts(results: StudyResults) -> Iterator[Observation]:
    """With which weights runs began, where not all of them were drawn."""
    begun = {row.architecture: start_in_words(start_of(row)) for row in results.rows if row.records}
    given = {row.architecture for row in results.rows if start_of(row)}
    if not given:
        return
    by_start: dict[str, list[str]] = {}
    for name, start in begun.items():
        by_start.setdefault(start, []).append(name)
    listed = "; ".join(f"{', '.join(names)} with {start}" for start, names in by_start.items())
    unequal = (
        "The architectures begin with different weights" if len(by_start) > 1 else "All runs begin alike"
    )
    yield Observation(
        topic="fairness",
        sentence=(
            f"{unequal}: {listed}. What those of a file were trained on counts in the result, and whether "
            "test images were among it is not known here."
        ),
        architectures=tuple(name for name in begun if name in given),
        figures=dict(begun),
    )


def _tuning(results: StudyResults) -> Iterator[Observation]:
    """Whether a recipe was looked for, and for whom."""
    if len(results.study.architectures) < 2:
        return
    settings = len(results.study.settings)
    if settings > 1:
        yield Observation(
            topic="fairness",
            sentence=(
                f"Each architecture was trained at the same {settings} settings; picking the best of them "
                "by the test part would favour whichever varies most."
            ),
            figures={"settings": settings},
        )
    else:
        yield Observation(
            topic="fairness",
            sentence=(
                "One recipe for all: nothing here tells for which architecture it was chosen, and with "
                "another one the order may differ."
            ),
        )


def _not_converged(results: StudyResults) -> Iterator[Observation]:
    """For each data set, over all settings: where most runs were best in their last epoch.

    Only while the learning rate was still high: at the end of a schedule the last epoch ought to be the best.
    """
    for dataset in results.study.datasets:
        rows = [row for row in results.rows if row.dataset == dataset]
        counts: dict[str, tuple[int, int]] = {}
        for name in results.study.architectures:
            of_name = (record for row in rows if row.architecture == name for record in row.trained)
            known = [record for record in of_name if _best_epoch(record) is not None]
            last = [r for r in known if _best_epoch(r) == _last_epoch(r) and _still_learns(r)]
            if len(last) > MOST_RUNS * len(known):
                counts[name] = len(last), len(known)
        if not counts:
            continue
        listed = ", ".join(f"{name} ({last} of {known})" for name, (last, known) in counts.items())
        yield Observation(
            topic="fairness",
            sentence=(
                f"On {rows[0].dataset_label} the last epoch was the best one in most runs of {listed}: with "
                "more epochs they may still gain, and the order may change."
            ),
            architectures=tuple(counts),
            dataset=dataset,
            level="warning",
            figures={f"best in the last epoch of {name}": last for name, (last, _) in counts.items()},
        )


def _best_epoch(record: CellRecord) -> int | None:
    """The first epoch of the highest validation accuracy; None without a validation part, or of one epoch."""
    epochs = () if record.run is None else record.run.epochs
    scored = [(e.validation_accuracy, -e.epoch) for e in epochs if e.validation_accuracy is not None]
    return -max(scored)[1] if scored else None


def _last_epoch(record: CellRecord) -> int | None:
    return record.run.epochs[-1].epoch if record.run is not None and record.run.epochs else None


def _still_learns(record: CellRecord) -> bool:
    rates = [epoch.lr for epoch in record.run.epochs] if record.run is not None else []
    return bool(rates) and rates[-1] >= STILL_LEARNING * max(rates)


def _unequal_seeds(group: tuple[ResultRow, ...]) -> Iterator[Observation]:
    counts: dict[str, int] = {row.architecture: len(row.accuracies) for row in group}
    seeds = {frozenset(row.accuracies) for row in group}
    if len(seeds) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        yield Observation(
            topic="fairness",
            sentence=(
                f"On {group[0].where} not all architectures have the same seeds ({listed}): each is compared "
                "with the baseline over the seeds that both have."
            ),
            architectures=tuple(counts),
            dataset=group[0].dataset,
            setting=group[0].setting,
            level="warning",
            figures={f"seeds of {name}": count for name, count in counts.items()},
        )


def _length(row: ResultRow) -> str:
    return " or ".join(sorted({length_in_words(record.recipe) for record in row.records}))
