"""The texts of `cnnbuild compare`: results side by side, what differs, and what may be said of it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

from cnnbuild.cli.columns import GAP, aligned
from cnnbuild.studies.compared_runs import Group, values_of
from cnnbuild.studies.comparison import Comparison, Pair, seeds_text
from cnnbuild.texts import escaped, shortened

LONGEST = 40  # letters of a value in a table
HEADS = ("", "study", "architecture", "data set", "seeds", "test accuracy %", "parameters", "MACs", "seconds")
NUMBERS = frozenset({"test accuracy %", "parameters", "MACs", "seconds"})
LEAST_NEEDED = ("seconds", "MACs", "study", "data set")
"""Where the window is too narrow, these columns go first."""


def comparison_text(comparison: Comparison, *, width: int) -> str:
    """The whole comparison for a terminal of some columns."""
    lines = aligned(_fitting([HEADS, *map(_row, comparison.groups)], width), NUMBERS)
    if comparison.differing:
        lines += ["", "what differs", *_differences(comparison, width)]
    for pair in comparison.pairs:
        lines += ["", *_wrapped(pair.sentence, "", width)]
        lines += [line for one in pair.warnings for line in _wrapped(f"warning: {one}", "  ", width)]
        lines += [line for one in pair.confounders for line in _wrapped(one, "  ", width)]
    notes = [line for one in comparison.left_out for line in _wrapped(f"Left out: {one}.", "", width)]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def comparison_markdown(comparison: Comparison) -> str:
    """The same as Markdown."""
    lines = _markdown([HEADS, *map(_row, comparison.groups)])
    if comparison.differing:
        lines += ["", *_markdown(_difference_rows(comparison))]
    for pair in comparison.pairs:
        told = [f"**Warning:** {one}." for one in pair.warnings]
        lines += ["", f"- {pair.sentence}", *(f"  - {one}" for one in (*told, *pair.confounders))]
    notes = [f"- Left out: {one}." for one in comparison.left_out]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def comparison_json(comparison: Comparison) -> str:
    """The same as JSON; accuracies are fractions."""
    told = {
        "schema": 1,
        "groups": [_group_json(group) for group in comparison.groups],
        "differences": {
            name: {group.letter: values_of(group, name) for group in comparison.groups}
            for name in comparison.differing
        },
        "pairs": [_pair_json(pair) for pair in comparison.pairs],
        "left_out": list(comparison.left_out),
    }
    return json.dumps(told, indent=1, ensure_ascii=False)


def _row(group: Group) -> tuple[str, ...]:
    first = group.first
    seconds = [run.stored.seconds for run in group.runs if run.stored.seconds is not None]
    studies = dict.fromkeys(run.stored.study for run in group.runs if run.stored.study)
    return (
        group.letter,
        escaped(" and ".join(studies)),
        escaped(group.name),
        escaped(first.dataset),
        seeds_text(group.seeds),
        _accuracy(group),
        "" if first.parameters is None else f"{first.parameters:,}",
        "" if first.macs is None else f"{first.macs:,}",
        f"{sum(seconds) / len(seconds):,.1f}" if seconds else "",
    )


def _accuracy(group: Group) -> str:
    """Mean test accuracy in per cent with its t interval; single values for one or two seeds."""
    summary = group.accuracy
    if summary is None:
        return "none"
    if summary.n <= 2 or summary.half_width is None:
        return " ".join(f"{100 * accuracy:.2f}" for accuracy in group.accuracies.values())
    return f"{100 * summary.mean:.2f} ± {100 * summary.half_width:.2f}"


def _fitting(rows: list[tuple[str, ...]], width: int) -> list[tuple[str, ...]]:
    """The rows without columns that are empty, or that do not fit."""
    kept = [n for n in range(len(rows[0])) if n == 0 or any(row[n] for row in rows[1:])]

    def too_wide() -> bool:
        widths = [max(len(row[n]) for row in rows) for n in kept]
        return sum(widths) + len(GAP) * (len(widths) - 1) > width

    for name in LEAST_NEEDED:
        if too_wide():
            kept = [n for n in kept if rows[0][n] != name]
    return [tuple(row[n] for n in kept) for row in rows]


def _difference_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """A row for each fact in which groups differ, a column for each group."""
    head = ("", *(group.letter for group in comparison.groups))
    return [
        head,
        *(
            (name, *(escaped(shortened(values_of(group, name), LONGEST)) for group in comparison.groups))
            for name in comparison.differing
        ),
    ]


def _differences(comparison: Comparison, width: int) -> list[str]:
    """What differs, as columns where they fit, else value by value."""
    lines = [f"  {line}" for line in aligned(_difference_rows(comparison), frozenset())]
    if max(map(len, lines)) <= width:
        return lines
    lines = []
    for name in comparison.differing:
        letters: dict[str, list[str]] = {}
        for group in comparison.groups:
            letters.setdefault(values_of(group, name), []).append(group.letter)
        told = "; ".join(f"{', '.join(of)}: {value}" for value, of in letters.items())
        lines += _wrapped(f"{name}  {escaped(told)}", "  ", width)
    return lines


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
    )


def _markdown(rows: Sequence[tuple[str, ...]]) -> list[str]:
    head, *others = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    rule = "|" + "|".join("---:" if name in NUMBERS else "---" for name in head) + "|"
    return [f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(row)} |" for row in others)]


def _group_json(group: Group) -> dict[str, object]:
    summary = group.accuracy
    return {
        "name": group.letter,
        "architecture": group.first.architecture,
        "setting": group.first.setting,
        "study": group.first.study,
        "dataset": group.first.dataset,
        "seeds": group.seeds,
        "accuracies": group.accuracies,
        "mean": None if summary is None else summary.mean,
        "low": None if summary is None else summary.low,
        "high": None if summary is None else summary.high,
        "parameters": group.first.parameters,
        "macs": group.first.macs,
        "folders": [str(run.stored.folder) for run in group.runs],
        "without_result": {str(run.stored.folder): run.fault for run in group.runs if run.fault},
    }


def _pair_json(pair: Pair) -> dict[str, object]:
    return {
        "first": pair.first.letter,
        "second": pair.second.letter,
        "shared_seeds": list(pair.shared_seeds),
        "difference_points": pair.difference_points,
        "low_points": pair.low_points,
        "high_points": pair.high_points,
        "sentence": pair.sentence,
        "warnings": list(pair.warnings),
        "confounders": list(pair.confounders),
    }
