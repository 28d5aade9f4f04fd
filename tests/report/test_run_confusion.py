import numpy as np
import pytest

from cnnbuild.report.run_figures.calibration import pooled_bins, reliability
from cnnbuild.report.run_figures.confusion import confused, confusion_matrices, counts_of, worst_pairs
from cnnbuild.report.run_figures.drawing import drawing_style
from cnnbuild.report.run_figures.per_class import class_accuracies
from tests.report.drawn_runs import (
    calibrated,
    confused_as,
    epoch,
    full_analyses,
    group_of,
    images_in,
    run_of,
    sample,
)

FIRST = [[90, 10, 0], [0, 50, 0], [0, 6, 14]]
SECOND = [[96, 4, 0], [1, 49, 0], [0, 0, 20]]


def two_seeds(architecture: str = "net") -> list:
    return [
        confused_as(run_of(architecture, seed, [epoch(1)]), counts)
        for seed, counts in enumerate((FIRST, SECOND))
    ]


def test_counts_are_summed_over_the_seeds():
    (row,) = group_of(*two_seeds()).rows
    assert counts_of(row).tolist() == [[186, 14, 0], [1, 99, 0], [0, 6, 34]]


def test_the_matrix_says_every_count_and_leaves_zeros_empty():
    (drawing,) = confusion_matrices(group_of(*two_seeds()))
    with drawing_style("x"):
        axes = drawing.draw().axes[0]
    texts = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
    assert texts == {(0, 0): "186", (0, 1): "14", (1, 0): "1", (1, 1): "99", (2, 1): "6", (2, 2): "34"}
    assert drawing.shows == (
        "net, 2 seeds: 319 of 340 answers are right. Most often c was taken for b: 15.0 % of its images."
    )
    assert drawing.table.rows[2] == ("c", "0", "6", "34")


def test_pairs_are_ordered_by_the_share_of_their_class():
    (row,) = group_of(*two_seeds()).rows
    assert confused(row) == [(6, 2, 1), (14, 0, 1), (1, 1, 0)]  # 6/40, 14/200, 1/100


def test_worst_pairs_are_shown_with_images_that_were_confused_so():
    kept = full_analyses(
        mistakes=(sample(7, 2, 1, 0.6), sample(8, 0, 1, 0.7), sample(9, 2, 1, 0.8)),
        class_names=("a", "b", "c"),
    )
    group = group_of(*two_seeds(), analyses={("net", 0): kept})
    (drawing,) = worst_pairs(group)
    assert drawing.shows == "net, 2 seeds: 21 mistakes. All pairs that occur are shown."
    assert drawing.table.rows[0] == ("c taken for b", "6", "15.0 %")
    pixels = images_in(drawing.block("x", "confusion", "", "").body)
    assert [int(one[0, 0, 0]) for one in pixels] == [9, 7, 8]  # the surer one of the first pair first


def test_of_more_than_twenty_classes_there_are_pairs_and_no_matrix():
    counts = (np.eye(21, dtype=int) * 9).tolist()
    counts[4][5] = 1
    group = group_of(confused_as(run_of("net", 0, [epoch(1)]), counts))
    assert confusion_matrices(group) == []
    (drawing,) = worst_pairs(group)
    assert drawing.table.rows == (("e taken for f", "1", "10.0 %"),)
    (classes,) = class_accuracies(group)
    assert len(classes.table.rows) == 20
    assert classes.table.rows[0] == ("e", "90.0")


def test_a_matrix_of_twenty_classes_stays_small():
    counts = np.full((20, 20), 111) + np.eye(20, dtype=int) * 8888
    (drawing,) = confusion_matrices(group_of(confused_as(run_of("net", 0, [epoch(1)]), counts.tolist())))
    assert len(drawing.block("x", "confusion", "", drawing.caption).body) < 60_000  # with 400 numbers


def test_without_a_mistake_there_are_no_pairs():
    group = group_of(confused_as(run_of("net", 0, [epoch(1)]), [[5, 0], [0, 5]]))
    assert worst_pairs(group) == []
    assert confusion_matrices(group)[0].shows == "net: 10 of 10 answers are right."


def test_classes_have_the_mean_and_the_spread_over_the_seeds():
    (drawing,) = class_accuracies(
        group_of(*two_seeds("one"), confused_as(run_of("two", 0, [epoch(1)]), FIRST))
    )
    assert drawing.table.rows == (
        ("a", "93.0 (90.0 to 96.0)", "90.0"),
        ("b", "99.0 (98.0 to 100.0)", "100.0"),
        ("c", "85.0 (70.0 to 100.0)", "70.0"),
    )
    assert drawing.shows == (
        "one is weakest on c (85.0 %). two is weakest on c (70.0 %). "
        "The architectures are furthest apart on c: 15.0 points."
    )


def test_bins_of_several_runs_are_put_together_by_their_images():
    first = calibrated(run_of("net", 0, [epoch(1)]), [(0, 0, 0), (10, 0.6, 0.4)], 0.2)
    second = calibrated(run_of("net", 1, [epoch(1)]), [(0, 0, 0), (30, 0.8, 0.8)], 0.1)
    bins = pooled_bins([first.run.test.calibration, second.run.test.calibration])
    assert (bins[0].images, bins[0].accuracy) == (0, None)
    assert (bins[1].images, bins[1].confidence, bins[1].accuracy) == (
        40,
        pytest.approx(0.75),
        pytest.approx(0.7),
    )
    (drawing,) = reliability(group_of(first, second))
    assert drawing.shows == "ECE: net 15.0 points, on the whole too sure (75.0 % confident, 70.0 % right)."
    assert drawing.table.rows == (("0.00 to 0.50", "0", "-", "-"), ("0.50 to 1.00", "40", "0.750", "0.700"))


def test_runs_that_did_not_train_are_in_no_figure_of_the_test():
    dead = run_of("net", 0, [epoch(1)], correct=0)
    group = group_of(dead)
    assert (
        confusion_matrices(group) == worst_pairs(group) == class_accuracies(group) == reliability(group) == []
    )


def test_images_of_pairs_are_square_and_stand_in_their_rows():
    kept = full_analyses(
        mistakes=tuple(sample(n, 2, 1, n / 10) for n in range(1, 4)), class_names=("a", "b", "c")
    )
    (drawing,) = worst_pairs(group_of(*two_seeds(), analyses={("net", 0): kept}))
    with drawing_style("x"):
        figure = drawing.draw()
        figure.draw_without_rendering()
    boxes = [image.get_window_extent() for image in figure.axes[1].images]
    assert len(boxes) == 3
    bar = figure.axes[0].patches[0].get_window_extent()
    for box in boxes:
        assert box.width == pytest.approx(box.height, rel=0.02)
        assert (box.y0 + box.y1) / 2 == pytest.approx((bar.y0 + bar.y1) / 2, abs=1.0)
        assert box.x1 <= figure.axes[1].get_window_extent().x1 + 1
