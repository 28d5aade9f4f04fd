"""Each seed by itself: what somebody had said who had run only that one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, groupby

from tests.documentation.experiments.kept import Evidence
from tests.documentation.experiments.tables import Row, accuracy_text, piped, rows_of

MOST_PAIRS = 6  # that are named; the others are counted


def seeds_part(found: Evidence) -> str:
    """A table of every run's test accuracy, and what one seed had hidden, for each data set and setting."""
    parts = []
    groups = [list(rows) for _, rows in groupby(rows_of(found), key=lambda row: (row.dataset, row.setting))]
    for rows in groups:
        title = (
            f"**{rows[0].dataset}{f', {rows[0].setting}' if rows[0].setting else ''}**\n\n"
            if len(groups) > 1
            else ""
        )
        parts.append(f"{title}{_table(rows)}\n\n{_hidden(rows)}")
    return "\n\n".join(parts)


def _table(rows: Sequence[Row]) -> str:
    seeds = sorted({int(run["seed"]) for row in rows for run in row.runs})
    lines = [[row.architecture, *(_of_seed(row, seed) for seed in seeds), accuracy_text(row)] for row in rows]
    return piped(["architecture", *(f"seed {seed}" for seed in seeds), "together"], lines, right_from=1)


def _of_seed(row: Row, seed: int) -> str:
    """The accuracy of a run, or what became of it; what is in no mean stands in brackets."""
    run = next((run for run in row.runs if int(run["seed"]) == seed), None)
    if run is None:
        return ""
    accuracy = f"{100 * float(run['test_accuracy']):.2f}" if run["test_accuracy"] else ""
    if seed in row.accuracies:
        return accuracy
    return f"({', '.join(one for one in (accuracy, run['condition']) if one)})"


def _hidden(rows: Sequence[Row]) -> str:
    """What depends on which seed one had run: the best of each, pairs that change their order, the spread."""
    several = [row for row in rows if len(row.accuracies) > 1]
    common = sorted(set.intersection(*(set(row.accuracies) for row in several))) if several else []
    if len(common) < 2 or len(several) < 2:
        return "Fewer than two seeds trained of two architectures: nothing can be said of the seeds."
    said = [_best(several, common), _changing(several, common), _spread(several)]
    return " ".join(one for one in said if one)


def _best(rows: Sequence[Row], seeds: Sequence[int]) -> str:
    by_name: dict[str, list[int]] = {}
    for seed in seeds:
        by_name.setdefault(max(rows, key=lambda row: row.accuracies[seed]).architecture, []).append(seed)
    if len(by_name) == 1:
        return f"Every seed by itself names {next(iter(by_name))} the most accurate."
    named = (
        f"{name} (seed{'s' if len(of) > 1 else ''} {_listed(map(str, of))})" for name, of in by_name.items()
    )
    return f"The most accurate depends on the seed: {_listed(named)}."


def _changing(rows: Sequence[Row], seeds: Sequence[int]) -> str:
    pairs = list(combinations(rows, 2))
    found = []
    for a, b in pairs:
        gaps = {seed: a.accuracies[seed] - b.accuracies[seed] for seed in seeds}
        low, high = min(gaps, key=gaps.__getitem__), max(gaps, key=gaps.__getitem__)
        if gaps[low] < 0 < gaps[high]:
            told = f"{a.architecture} minus {b.architecture} {gaps[low]:+.2f} (seed {low}) to {gaps[high]:+.2f} (seed {high})"
            found.append((gaps[high] - gaps[low], told))
    if not found:
        return f"No pair of the {len(pairs)} changes its order with the seed."
    found.sort(reverse=True)
    more = f", and {len(found) - MOST_PAIRS} more" if len(found) > MOST_PAIRS else ""
    told = "; ".join(one for _, one in found[:MOST_PAIRS])
    change = "pair changes its order" if len(found) == 1 else "pairs change their order"
    return f"{len(found)} of {len(pairs)} {change} with the seed, in points: {told}{more}."


def _spread(rows: Sequence[Row]) -> str:
    spread = {row.architecture: max(row.accuracies.values()) - min(row.accuracies.values()) for row in rows}
    widest = max(spread, key=spread.__getitem__)
    return f"Two seeds of one architecture are up to {spread[widest]:.2f} points apart ({widest})."


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
