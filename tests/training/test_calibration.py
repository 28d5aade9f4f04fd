"""Calibration errors against probabilities made by hand."""

import json
from dataclasses import asdict

import pytest
import torch

from cnnbuild.training.calibration import BINS, measure_calibration


def calibration_of(answers):
    confidences, correct = zip(*answers, strict=True)
    return measure_calibration(torch.tensor(confidences, dtype=torch.float64), torch.tensor(correct))


def test_two_bins_worked_by_hand():
    # 0.95 lies in the last bin (14/15, 1], 0.5 in (7/15, 8/15]: three sure answers, two of them right, and one
    # that is not sure and wrong
    found = calibration_of([(0.95, True), (0.95, True), (0.95, False), (0.5, False)])
    assert found.error == pytest.approx(3 / 4 * (0.95 - 2 / 3) + 1 / 4 * 0.5)
    filled = {number: one for number, one in enumerate(found.bins) if one.images}
    assert sorted(filled) == [7, 14]
    assert (filled[14].images, filled[14].confidence, filled[14].accuracy) == (3, pytest.approx(0.95), 2 / 3)
    assert (filled[7].confidence, filled[7].accuracy) == (0.5, 0)
    assert all(one.confidence is one.accuracy is None for one in found.bins if not one.images)


def test_who_is_right_as_often_as_they_say_has_no_error():
    assert calibration_of([(0.75, True)] * 3 + [(0.75, False)]).error == pytest.approx(0)
    assert calibration_of([(1.0, True)] * 3).error == 0


def test_who_is_sure_and_wrong_has_the_whole_error():
    assert calibration_of([(1.0, False)] * 5).error == 1


def test_a_bin_holds_its_upper_edge_and_the_first_holds_nought():
    edges = [number / BINS for number in range(BINS + 1)]
    found = calibration_of([(edge, True) for edge in edges])
    assert [one.images for one in found.bins] == [2] + [1] * (BINS - 1)


def test_the_error_is_that_of_a_textbook_loop():
    generator = torch.Generator().manual_seed(0)
    confidences = torch.rand(2_000, generator=generator, dtype=torch.float64)
    correct = torch.rand(2_000, generator=generator, dtype=torch.float64) < confidences**2
    expected = 0.0
    for low in range(15):
        inside = (confidences > low / 15) & (confidences <= (low + 1) / 15)
        if inside.any():
            gap = confidences[inside].mean() - correct[inside].double().mean()
            expected += float(inside.double().mean() * gap.abs())
    found = measure_calibration(confidences.float(), correct)
    assert found.error == pytest.approx(expected, abs=1e-6)
    assert sum(one.images for one in found.bins) == 2_000


def test_nothing_is_not_finite_even_for_probabilities_that_are_no_numbers():
    found = calibration_of([(float("nan"), False), (1.0000001, True)])
    json.dumps(asdict(found), allow_nan=False)
    assert found.error == pytest.approx(0)
