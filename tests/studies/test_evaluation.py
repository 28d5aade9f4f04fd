"""Figures of a network on a part of a data set, worked by hand."""

from __future__ import annotations

import pytest

from cnnbuild.studies.evaluation import PartEvaluation
from cnnbuild.training.observations import Calibration, ConfidenceBin
from cnnbuild.training.record import Evaluation

EVALUATION = Evaluation(
    loss=0.5,
    accuracy=0.85,
    per_class_accuracy=(0.8, 0.9, None),
    confusion=((8, 2, 0), (1, 9, 0), (0, 0, 0)),
    calibration=Calibration(
        0.05, (ConfidenceBin(0, None, None), ConfidenceBin(5, 0.6, 0.6), ConfidenceBin(15, 1.0, 0.9))
    ),
)
RESULT = PartEvaluation(EVALUATION, ("cat", "dog", "bird"), "pets", "test", ("a note",))


def test_counts_and_shares_follow_from_the_confusion_matrix():
    assert (RESULT.images, RESULT.correct, RESULT.accuracy) == (20, 17, 0.85)
    assert RESULT.per_class_accuracy == (0.8, 0.9, None)
    assert RESULT.worst_pairs() == (("cat", "dog", 2), ("dog", "cat", 1))
    assert RESULT.confidence == pytest.approx((5 * 0.6 + 15 * 1.0) / 20)
    assert RESULT.worst_pairs(1) == (("cat", "dog", 2),)


def test_the_interval_is_wilsons():
    # by hand: p = 0.85, n = 20, z = 1.959964; centre 0.85 + 0.096036, scale 1.192073
    assert RESULT.interval == pytest.approx((0.6396, 0.9476), abs=1e-4)


def test_the_text_says_it_in_lines():
    assert str(RESULT).splitlines() == [
        "pets, test part, 20 images",
        "note: a note",
        "accuracy     85.00 % (95 % interval 63.96 to 94.76)",
        "loss         0.5000",
        "calibration  5.00 points off on average; mean confidence 90.00 %",
        "class   images  accuracy",
        "cat         10   80.00 %",
        "dog         10   90.00 %",
        "bird         0         -",
        "taken for another most often: cat for dog (2), dog for cat (1)",
    ]
