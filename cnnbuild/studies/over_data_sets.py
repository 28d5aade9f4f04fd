"""What may be said over several data sets at once: from six on a test, with fewer none (Demsar 2006).

Each data set gives one number, the mean difference over its seeds; seeds are no further data sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean, median

from cnnbuild.studies.findings import ALPHA
from cnnbuild.studies.findings.compared_rows import is_mostly_dead
from cnnbuild.studies.findings.sentences import p_in_words
from cnnbuild.studies.observation import Observation
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.statistics import friedman, holm, signed_rank_p
from cnnbuild.studies.statistics.data_sets import FEWEST_DATA_SETS

MOST_LISTED = 12  # data sets that are named one by one


def over_data_sets(results: StudyResults) -> tuple[Observation, ...]:
    """For each architecture but the baseline, at each point of the grid; empty for a single data set."""
    by_setting: dict[str, list[dict[str, ResultRow]]] = {}
    for group in results.groups:
        by_setting.setdefault(group[0].setting, []).append({row.architecture: row for row in group})
    found: list[Observation] = []
    for setting, groups in by_setting.items():
        if len(groups) > 1:
            found += _at_one_setting(setting, groups, results.study.architectures, results.study.baseline)
    return tuple(found)


def _at_one_setting(
    setting: str, groups: list[dict[str, ResultRow]], names: tuple[str, ...], baseline: str
) -> Iterator[Observation]:
    differences = {
        name: _differences(groups, name, baseline)
        for name in names
        if name != baseline and any(name in rows and baseline in rows for rows in groups)
    }
    tested = {
        name: signed_rank_p([*of.values()]) for name, of in differences.items() if len(of) >= FEWEST_DATA_SETS
    }
    adjusted = dict(zip(tested, holm([*tested.values()]), strict=True))
    for name, of in differences.items():
        if name in adjusted:
            yield _with_test(setting, name, baseline, of, adjusted[name], len(tested))
        elif of:
            yield _without_test(setting, name, baseline, of)
    if len(names) > 2 and tested:
        yield from _friedman(setting, groups, names)


def _differences(groups: list[dict[str, ResultRow]], name: str, baseline: str) -> dict[str, float]:
    """Points by data set, where both trained with a common seed."""
    found = {}
    for rows in groups:
        one, other = rows.get(name), rows.get(baseline)
        if one is None or other is None or is_mostly_dead(one) or is_mostly_dead(other):
            continue
        first, second = one.accuracies, other.accuracies
        common = first.keys() & second.keys()
        if common:
            found[one.dataset_label] = 100 * fmean(first[seed] - second[seed] for seed in common)
    return found


def _with_test(
    setting: str, name: str, baseline: str, differences: Mapping[str, float], p: float, family: int
) -> Observation:
    middle, higher = median(differences.values()), _higher(differences)
    more = "higher" if middle > 0 else "lower"
    corrected = f", Holm over {family}" if family > 1 else ""
    test = f"Wilcoxon's signed-rank test over data sets{corrected}: p {p_in_words(p)}"
    winner = name if middle > 0 else baseline
    told = f"evidence that {winner} is more accurate on data sets like these" if p < ALPHA else "not resolved"
    return Observation(
        topic="data sets",
        sentence=(
            f"Over {len(differences)} data sets{_at(setting)} {name} scored {abs(middle):.2f} points {more} "
            f"than {baseline} in the median, and higher on {higher} of them ({test}): {told}."
        ),
        architectures=(name, baseline),
        setting=setting,
        figures={**_figures(differences), "median difference": middle, "p": p, "family": family},
    )


def _without_test(setting: str, name: str, baseline: str, differences: Mapping[str, float]) -> Observation:
    count = len(differences)
    listed = ", ".join(f"{label} {points:+.2f}" for label, points in differences.items())
    sets = "1 data set" if count == 1 else f"{count} data sets"
    return Observation(
        topic="data sets",
        sentence=(
            f"Over {sets}{_at(setting)} {name} scored higher than {baseline} on {_higher(differences)} "
            f"({listed} points). A test over data sets needs {FEWEST_DATA_SETS}: each stands for itself."
        ),
        architectures=(name, baseline),
        setting=setting,
        figures=_figures(differences),
    )


def _friedman(
    setting: str, groups: list[dict[str, ResultRow]], names: tuple[str, ...]
) -> Iterator[Observation]:
    """Friedman's test over the data sets on which all architectures trained."""
    whole = [
        [100 * row.accuracy.mean for name in names if (row := rows[name]).accuracy is not None]
        for rows in groups
        if rows.keys() >= set(names) and not any(is_mostly_dead(rows[name]) for name in names)
    ]
    scores = [row for row in whole if len(row) == len(names)]
    if len(scores) < FEWEST_DATA_SETS:
        return
    result = friedman(scores)
    ranks = ", ".join(f"{name} {rank:.2f}" for name, rank in zip(names, result.mean_ranks, strict=True))
    told = "statistically distinguishable" if result.p < ALPHA else "not resolved"
    yield Observation(
        topic="data sets",
        sentence=(
            f"Over {len(scores)} data sets{_at(setting)} the mean ranks are {ranks} (1 is the best; "
            f"Friedman's test, Iman and Davenport's form: p {p_in_words(result.p)}): {told}."
        ),
        architectures=names,
        setting=setting,
        figures={
            "data sets": len(scores),
            "p": result.p,
            **{f"mean rank of {name}": rank for name, rank in zip(names, result.mean_ranks, strict=True)},
        },
    )


def _figures(differences: Mapping[str, float]) -> dict[str, float | int]:
    listed = list(differences.items())[:MOST_LISTED]
    return {
        "data sets": len(differences),
        "higher on": _higher(differences),
        **{f"difference on {label}": points for label, points in listed},
    }


def _higher(differences: Mapping[str, float]) -> int:
    return sum(points > 0 for points in differences.values())


def _at(setting: str) -> str:
    return f" ({setting})" if setting else ""
