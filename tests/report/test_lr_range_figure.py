"""The picture of a range test, and the files beside it."""

from __future__ import annotations

import csv
import json

from matplotlib.figure import Figure

from cnnbuild.report.lr_range_figure import draw_lr_range, write_lr_range
from cnnbuild.training.lr_range import LrRange, RangePoint

POINTS = tuple(
    RangePoint(lr, loss, loss) for lr, loss in ((1e-4, 2.0), (1e-3, 1.5), (1e-2, 0.5), (1e-1, 9.0))
)
FOUND = LrRange(POINTS, "diverged", 2.0, steepest=3e-3, lowest=1e-2)
NOTHING = LrRange(POINTS, "diverged", 2.0, None, None)


def words(figure: Figure) -> list[str]:
    legend = figure.axes[0].get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def test_the_picture_names_its_axes_and_marks_the_suggestion():
    figure = draw_lr_range(FOUND, title="net on digits")
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "learning rate (logarithmic)"
    assert axes.get_ylabel() == "training loss (cross-entropy)"
    assert axes.get_title() == "net on digits"
    # sqrt(3e-3 * 1e-2 / 10) = 1.73e-3, one digit
    assert words(figure)[-1] == "suggested: 0.002"
    assert 0.002 in [line.get_xdata()[0] for line in axes.lines]
    assert axes.get_ylim()[1] < 9  # what diverged does not squeeze the rest


def test_a_test_without_a_suggestion_says_so_in_its_title():
    figure = draw_lr_range(NOTHING, title="net on digits")
    assert figure.axes[0].get_title() == "net on digits: the loss did not fall"
    assert words(figure) == ["loss of one batch", "mean loss around the rate"]


def test_the_files_hold_every_point(tmp_path):
    paths = write_lr_range(FOUND, tmp_path / "new", title="net")
    assert [path.name for path in paths] == [
        "lr_range.png",
        "lr_range.svg",
        "lr_range.csv",
        "lr_range.json",
    ]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert ">suggested: 0.002<" in paths[1].read_text()
    rows = list(csv.DictReader(paths[2].read_text().splitlines()))
    assert [float(row["loss"]) for row in rows] == [2.0, 1.5, 0.5, 9.0]
    data = json.loads(paths[3].read_text())
    assert (data["suggestion"], data["steepest"], data["ending"]) == (0.002, 0.003, "diverged")


def test_the_files_of_one_test_are_the_same_twice(tmp_path):
    first, second = (write_lr_range(FOUND, tmp_path / name, title="net") for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
