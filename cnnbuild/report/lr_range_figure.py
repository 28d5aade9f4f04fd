"""A learning-rate range test as files: the picture of loss over rate, and its points as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Literal

from matplotlib import rc_context
from matplotlib.figure import Figure

from cnnbuild.files import replace_file
from cnnbuild.training.lr_range import LrRange

RAW, CURVE, SUGGESTED, OTHERS = "#9aa4b2", "#0072B2", "#D55E00", "#5a6472"
HEADROOM = 1.25  # times the loss of the beginning: what diverged goes out of the picture
DPI = 150


def write_lr_range(found: LrRange, folder: Path, *, title: str) -> tuple[Path, ...]:
    """Write `lr_range.png`, `.svg`, `.csv` and `.json` into a folder, and give their paths.

    Raises:
        OSError: a file cannot be written.
    """
    figure = draw_lr_range(found, title=title)
    contents = {
        "png": _picture(figure, "png"),
        "svg": _picture(figure, "svg"),
        "csv": _table(found).encode(),
        "json": (json.dumps(found.to_dict(), indent=1) + "\n").encode(),
    }
    paths = tuple(folder / f"lr_range.{form}" for form in contents)
    for path, content in zip(paths, contents.values(), strict=True):
        replace_file(path, content)
    return paths


def draw_lr_range(found: LrRange, *, title: str) -> Figure:
    """Loss of each batch and mean loss over the learning rate, which is on a logarithmic axis."""
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    axes = figure.add_subplot()
    rates = [point.lr for point in found.points]
    losses, curve = ([getattr(p, name) for p in found.points] for name in ("loss", "smoothed"))
    axes.semilogx(rates, losses, ".", color=RAW, markersize=5, label="loss of one batch")
    axes.semilogx(rates, curve, color=CURVE, linewidth=2, label="mean loss around the rate")
    tenth = None if found.lowest is None else found.lowest / 10
    for value, style, colour, name in (
        (found.steepest, ":", OTHERS, "steepest descent"),
        (tenth, "--", OTHERS, "a tenth of the lowest loss's"),
        (found.suggestion, "-", SUGGESTED, "suggested"),
    ):
        if value is not None:
            axes.axvline(value, linestyle=style, color=colour, label=f"{name}: {value:.2g}")
    axes.set_ylim(*_limits(losses, curve, found.beginning))
    axes.set_xlabel("learning rate (logarithmic)")
    axes.set_ylabel("training loss (cross-entropy)")
    never = "" if found.suggestion is not None else ": the loss did not fall"
    axes.set_title(f"{title}{never}", fontsize=10)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")
    return figure


def _limits(losses: list[float], curve: list[float], beginning: float) -> tuple[float, float]:
    top = HEADROOM * max(beginning, min(curve), 1e-9)
    return min(0.0, *losses), top


def _picture(figure: Figure, form: Literal["png", "svg"]) -> bytes:
    file = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else {"Software": None}
    with rc_context({"text.usetex": False, "svg.fonttype": "none", "svg.hashsalt": "cnnbuild"}):
        figure.savefig(file, format=form, dpi=DPI, metadata=metadata)
    return file.getvalue()


def _table(found: LrRange) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "lr", "loss", "smoothed_loss"])
    for step, point in enumerate(found.points, start=1):
        writer.writerow([step, point.lr, point.loss, point.smoothed])
    return text.getvalue()
