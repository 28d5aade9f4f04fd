"""Whether networks are right as often as they say: a reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from matplotlib.figure import Figure

from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import NARROW, SMALL, Drawing
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow
from cnnbuild.report.run_figures.series import add_legend
from cnnbuild.training.observations import Calibration, ConfidenceBin

HEIGHT = 4.1
HEIGHTS = (3.0, 1.0)  # of the diagram, and of the shares of images below it
FEW = 10  # images of a bin, of whose share of right answers little is known
EVEN = 0.005  # a mean confidence so close to the accuracy is neither too high nor too low


def reliability(group: DrawnGroup) -> list[Drawing]:
    """A diagram of all architectures; the bins of several seeds are put together."""
    rows = [row for row in group.trained if calibrations_of(row)]
    if not rows:
        return []
    pooled = [pooled_bins(calibrations_of(row)) for row in rows]
    head = (
        "confidence",
        *(f"{row.name}: {what}" for row in rows for what in ("images", "confidence", "right")),
    )
    count = min(map(len, pooled))
    lines = tuple(
        (
            f"{index / count:.2f} to {(index + 1) / count:.2f}",
            *(text for bins in pooled for text in _texts(bins[index])),
        )
        for index in range(count)
    )
    how = (
        "Test images in bins of confidence, the probability that the network gives its own answer: above, "
        "the share of each bin that is right (a small mark: of fewer than 10 images); below, the share of "
        "all images in it. On the diagonal a network is right as often as it says, below it is too sure of "
        "itself. The expected calibration error (ECE) is the mean distance from the diagonal, weighted by "
        "images: of 15 bins, mean over the trained seeds."
    )
    return [
        Drawing(
            "calibration",
            "",
            "Calibration (reliability diagram)",
            how,
            "ECE: " + "; ".join(_said(row, bins) for row, bins in zip(rows, pooled, strict=True)) + ".",
            lambda: _draw(rows, pooled),
            DataTable("Confidence and accuracy by bin", head, lines),
        )
    ]


def calibrations_of(row: DrawnRow) -> list[Calibration]:
    """The calibration of each trained run on the test part."""
    tests = [run.test for run in row.runs if run.test is not None]
    return [test.calibration for test in tests if test.calibration is not None]


def pooled_bins(calibrations: Sequence[Calibration]) -> tuple[ConfidenceBin, ...]:
    """The bins of several runs as if their images had been answered by one."""
    found = []
    for bins in zip(*(one.bins for one in calibrations), strict=True):
        filled = [(one.images, one.confidence, one.accuracy) for one in bins if one.images]
        images = sum(count for count, *_ in filled)
        if not images:
            found.append(ConfidenceBin(0, None, None))
            continue
        confidence = sum(count * (mean or 0.0) for count, mean, _ in filled) / images
        accuracy = sum(count * (share or 0.0) for count, _, share in filled) / images
        found.append(ConfidenceBin(images, confidence, accuracy))
    return tuple(found)


def _said(row: DrawnRow, bins: Sequence[ConfidenceBin]) -> str:
    error = fmean(one.error for one in calibrations_of(row))
    images = sum(one.images for one in bins) or 1
    confidence = sum(one.images * (one.confidence or 0.0) for one in bins) / images
    accuracy = sum(one.images * (one.accuracy or 0.0) for one in bins) / images
    lean = confidence - accuracy
    which = (
        "neither too sure nor too unsure" if abs(lean) < EVEN else "too sure" if lean > 0 else "too unsure"
    )
    return (
        f"{row.name} {100 * error:.1f} points, on the whole {which} "
        f"({100 * confidence:.1f} % confident, {100 * accuracy:.1f} % right)"
    )


def _draw(rows: list[DrawnRow], pooled: list[tuple[ConfidenceBin, ...]]) -> Figure:
    figure = Figure(figsize=(NARROW, HEIGHT), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=HEIGHTS)
    upper.plot([0, 1], [0, 1], color="#888888", linewidth=0.9, linestyle="--")
    for number, (row, bins) in enumerate(zip(rows, pooled, strict=True)):
        filled = [one for one in bins if one.images]
        total = sum(one.images for one in filled)
        many = [one for one in filled if one.images >= FEW]
        few = [one for one in filled if one.images < FEW]
        for some, size, line in ((many, 4.5, "-"), (few, 2.5, "")):
            upper.plot(
                [one.confidence or 0.0 for one in some],
                [one.accuracy or 0.0 for one in some],
                color=row.look.colour,
                marker=row.look.marker,
                markersize=size,
                linestyle=line,
                linewidth=1.2,
            )
        width = 0.86 / len(bins) / len(rows)
        left = [index / len(bins) + 0.07 / len(bins) + number * width for index in range(len(bins))]
        shares = [100 * one.images / total for one in bins]
        lower.bar(left, shares, width, align="edge", color=row.look.colour, linewidth=0)
    upper.set_xlim(0, 1.01)
    upper.set_ylim(0, 1.03)
    upper.set_ylabel("share that is right")
    lower.set_ylabel("% of images", fontsize=SMALL + 1)
    lower.set_xlabel("confidence")
    lower.tick_params(axis="y", labelsize=SMALL)
    upper.grid(visible=True, linewidth=0.5)
    add_legend(figure, [row.look for row in rows])
    return figure


def _texts(one: ConfidenceBin) -> tuple[str, str, str]:
    if one.confidence is None or one.accuracy is None:
        return "0", "-", "-"
    return f"{one.images:,}", f"{one.confidence:.3f}", f"{one.accuracy:.3f}"
