"""The figure of a run: how many times as fast as the textbook loop each peer trains and evaluates."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.training.figures import Spread
from benchmarks.training.peers import LABELS
from benchmarks.training.report import Row, Run, base_of, caption, rows_of

OURS, OTHERS = "#d1495b", "#4f6d8f"
BAR = 0.24  # inches
MARGIN = 2.6  # inches for titles and caption
CAPTION_CHARACTERS = 190
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def draw(run: Run, path: Path, threads: int) -> None:
    """Write the figure for one number of threads, in the form that the name's ending says.

    Raises:
        ValueError: the textbook loop was not measured, so there is nothing to compare with.
    """
    rows = [row for row in rows_of(run) if row.threads == threads]
    base = base_of(rows, threads)
    if base is None:
        raise ValueError("the textbook loop in fp32 was not measured: nothing to compare with")
    with matplotlib.rc_context({"font.size": 9, "svg.hashsalt": "cnnbuild", "axes.axisbelow": True}):
        figure = Figure(figsize=(11, MARGIN + BAR * len(rows)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        _bars(left, rows, [row.train for row in rows], base.train.median, "Training")
        _bars(right, rows, [row.evaluation for row in rows], base.evaluation.median, "Evaluation")
        left.set_yticks(range(len(rows)), [_label(row) for row in rows])
        left.invert_yaxis()
        plural = "1 thread" if threads == 1 else f"{threads} threads"
        figure.suptitle(f"Images per second, as a multiple of the textbook loop in fp32; {plural}")
        figure.supxlabel(
            "\n".join(textwrap.wrap(caption(run), CAPTION_CHARACTERS)), fontsize=7, x=0.01, ha="left"
        )
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, dpi=150, metadata=metadata)


def _bars(axes: Axes, rows: Sequence[Row], values: Sequence[Spread], base: float, title: str) -> None:
    """Bars from 1, the textbook loop, with the quartiles of the rounds and the images per second."""
    ratios = [value.median / base for value in values]
    for position, (row, value, ratio) in enumerate(zip(rows, values, ratios, strict=True)):
        color = OURS if row.peer == "cnnbuild" else OTHERS
        hatch = "" if row.precision == "fp32" else "////"
        axes.barh(
            position, ratio - 1, left=1, height=0.7, color=color, hatch=hatch, edgecolor="white", linewidth=0
        )
        axes.plot([value.lower / base, value.upper / base], [position, position], color="black", linewidth=1)
        text = f"{ratio:.2f}x  {value.median:,.0f}/s"
        axes.annotate(
            text,
            (max(ratio, 1, value.upper / base), position),
            (5, 0),
            textcoords="offset points",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    axes.set_xscale("log")
    low, high = min(*ratios, 1.0), max(*ratios, 1.0)
    axes.set_xlim(low * 0.85, high * (high / low) ** 0.45 * 1.6)  # room for the words beside the longest bar
    ticks = [tick for tick in TICKS if axes.get_xlim()[0] <= tick <= high * 1.2]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.grid(axis="x", color="#dddddd")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)


def _label(row: Row) -> str:
    return f"{LABELS[row.peer]}, {row.precision}"
