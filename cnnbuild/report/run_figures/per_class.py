"""How well each class is recognised, with the spread over seeds."""

from __future__ import annotations

from statistics import fmean

from matplotlib.figure import Figure

from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import NARROW, SMALL, Drawing
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow
from cnnbuild.report.run_figures.series import add_legend, short

MOST_CLASSES = 20  # of more classes those that are recognised worst
ROW_INCHES, MARK_INCHES = 0.26, 0.05  # of a class, and of each architecture in it
HOW = (
    "The share of each class's test images that is recognised: the mean over the trained seeds, and a line "
    "from the worst seed to the best."
)
SPREAD = 0.56  # of a class's row that the architectures share


def class_accuracies(group: DrawnGroup) -> list[Drawing]:
    """A figure of all architectures: per class the mean over seeds, and a line from the worst to the best."""
    rows = [row for row in group.trained if any(run.test is not None for run in row.runs)]
    names = rows[0].runs[0].class_names if rows else ()
    if len(names) < 2 or any(row.runs[0].class_names != names for row in rows):
        return []
    accuracies = [accuracies_by_class(row, len(names)) for row in rows]
    means = {
        index: fmean(value for of in accuracies for value in of[index])
        for index in range(len(names))
        if all(of[index] for of in accuracies)
    }
    shown = sorted(means, key=lambda index: (means[index], index))[:MOST_CLASSES]
    if not shown:
        return []
    if len(names) <= MOST_CLASSES:
        shown.sort()
    lines = tuple((names[index], *(_spread_text(of[index]) for of in accuracies)) for index in shown)
    head = ("class", *(f"{row.name}, % (worst to best seed)" for row in rows))
    return [
        Drawing(
            "per-class",
            "",
            "Accuracy of each class",
            HOW,
            _shows(rows, names, accuracies, shown),
            lambda: _draw(rows, names, accuracies, shown),
            DataTable("Test accuracy by class", head, lines),
        )
    ]


def accuracies_by_class(row: DrawnRow, classes: int) -> dict[int, list[float]]:
    """The test accuracies of each class, one per trained run; none of a class without images."""
    tests = [run.test for run in row.runs if run.test is not None]
    known: dict[int, list[float]] = {}
    for index in range(classes):
        of_class = [test.per_class_accuracy[index] for test in tests if index < len(test.per_class_accuracy)]
        known[index] = [one for one in of_class if one is not None]
    return known


def _shows(
    rows: list[DrawnRow], names: tuple[str, ...], accuracies: list[dict[int, list[float]]], shown: list[int]
) -> str:
    """The weakest class of each architecture, and where architectures are furthest apart."""
    told = []
    if len(shown) < len(names):
        told.append(f"Of {len(names)} classes the {len(shown)} that are recognised worst.")
    for row, of in zip(rows, accuracies, strict=True):
        worst = min(shown, key=lambda index: fmean(of[index]))
        told.append(f"{row.name} is weakest on {names[worst]} ({100 * fmean(of[worst]):.1f} %).")
    if len(rows) > 1:
        gaps = {index: [fmean(of[index]) for of in accuracies] for index in shown}
        most = max(gaps, key=lambda index: max(gaps[index]) - min(gaps[index]))
        apart = 100 * (max(gaps[most]) - min(gaps[most]))
        told.append(f"The architectures are furthest apart on {names[most]}: {apart:.1f} points.")
    return " ".join(told)


def _draw(
    rows: list[DrawnRow], names: tuple[str, ...], accuracies: list[dict[int, list[float]]], shown: list[int]
) -> Figure:
    height = 0.9 + max(ROW_INCHES, MARK_INCHES * len(rows)) * len(shown)
    figure = Figure(figsize=(NARROW, height), layout="constrained")
    axes = figure.add_subplot()
    step = SPREAD / len(rows)
    for number, (row, of) in enumerate(zip(rows, accuracies, strict=True)):
        offset = (number - (len(rows) - 1) / 2) * step
        places = [place + offset for place in range(len(shown))]
        means = [100 * fmean(of[index]) for index in shown]
        low, high = ([100 * pick(of[index]) for index in shown] for pick in (min, max))
        axes.hlines(places, low, high, color=row.look.colour, linewidth=1.6)
        axes.plot(means, places, row.look.marker, color=row.look.colour, markersize=4.5)
    axes.set_yticks(range(len(shown)), [short(names[index]) for index in shown], fontsize=SMALL + 1)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("test accuracy of the class (%)")
    axes.grid(visible=True, axis="both", linewidth=0.5)
    axes.set_axisbelow(True)
    add_legend(figure, [row.look for row in rows])
    return figure


def _spread_text(values: list[float]) -> str:
    mean = f"{100 * fmean(values):.1f}"
    return mean if len(values) < 2 else f"{mean} ({100 * min(values):.1f} to {100 * max(values):.1f})"
