"""Figures of a network on a part of a data set, worked by hand."""

from __future__ import annotations

import pytest
import torch

from cnnbuild.studies.evaluation import PartEvaluation, calibration_error

RESULT = PartEvaluation(
    loss=0.5,
    confusion=((8, 2, 0), (1, 9, 0), (0, 0, 0)),
    class_names=("cat", "dog", "bird"),
    confidence=0.9,
    calibration_error=0.05,
    dataset_label="pets",
    part="test",
    notes=("a note",),
)


def test_counts_and_shares_follow_from_the_confusion_matrix():
    assert (RESULT.images, RESULT.correct, RESULT.accuracy) == (20, 17, 0.85)
    assert RESULT.per_class_accuracy == (0.8, 0.9, None)
    assert RESULT.worst_pairs() == (("cat", "dog", 2), ("dog", "cat", 1))
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


def test_calibration_is_the_gap_between_confidence_and_success_per_bin():
    # two bins: (0, 0.5] with confidence 0.4 and 1 of 2 right, (0.5, 1] with confidence 0.8 and 0.9, 1 of 2 right
    confidence = torch.tensor([0.4, 0.4, 0.8, 0.9])
    right = torch.tensor([True, False, True, False])
    # |0.5 - 0.4| * 2 / 4 + |0.5 - 0.85| * 2 / 4
    assert calibration_error(confidence, right, bins=2) == pytest.approx(0.05 + 0.175)


def test_a_border_belongs_to_the_bin_below():
    # with 0.5 in the upper bin both images would share it: |0.5 - 0.55| = 0.05; apart: (0.5 + 0.4) / 2
    confidence = torch.tensor([0.5, 0.6], dtype=torch.float64)
    right = torch.tensor([False, True])
    assert calibration_error(confidence, right, bins=2) == pytest.approx((0.5 + 0.4) / 2)


def test_perfect_calibration_is_zero():
    confidence = torch.full((10,), 0.7)
    right = torch.arange(10) < 7
    assert calibration_error(confidence, right) == pytest.approx(0, abs=1e-7)
