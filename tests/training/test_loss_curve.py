"""The curve of the steps' losses: few points, no spike lost, the same in one piece or many."""

import json
from dataclasses import asdict

import pytest

from cnnbuild.training.loss_curve import MAX_POINTS, LossCurveBuilder


def curve_of(losses, piece=10**9):
    builder = LossCurveBuilder()
    for start in range(0, len(losses), piece):
        builder.add(losses[start : start + piece])
    return builder.curve()


def test_a_short_run_has_a_point_for_each_step():
    curve = curve_of([3.0, 1.0, 2.0])
    assert (curve.steps_per_point, curve.mean, curve.largest) == (1, (3, 1, 2), (3, 1, 2))
    assert curve_of([]).mean == ()


def test_a_long_run_has_means_and_largest_of_equal_stretches():
    losses = [float(step) for step in range(1_000)]
    curve = curve_of(losses)
    assert curve.steps_per_point == 8  # 1,000 / 200 = 5, and the next power of two
    assert len(curve.mean) == 125 <= MAX_POINTS
    assert curve.mean[:2] == (3.5, 11.5)
    assert curve.largest[:2] == (7, 15)


def test_the_last_point_may_cover_fewer_steps():
    curve = curve_of([1.0] * 800 + [5.0])
    assert (curve.steps_per_point, len(curve.mean)) == (8, 101)
    assert curve.mean[-1] == 5


def test_a_spike_of_one_step_stays():
    losses = [0.1] * 100_000
    losses[54_321] = 9.0
    curve = curve_of(losses)
    spike = 54_321 // curve.steps_per_point
    assert [number for number, largest in enumerate(curve.largest) if largest == 9] == [spike]
    assert max(curve.mean) < 0.2


@pytest.mark.parametrize("piece", [1, 7, 22, 400])
def test_the_points_do_not_depend_on_how_many_losses_come_at_a_time(piece):
    losses = [1 / (1 + step) for step in range(1_003)]
    assert curve_of(losses, piece) == curve_of(losses)


@pytest.mark.parametrize("at", [0, 1, 399, 400, 401, 1_000])
def test_a_run_that_is_taken_up_again_has_the_same_points(at):
    losses = [1 / (1 + step) for step in range(1_003)]
    first, second = LossCurveBuilder(), LossCurveBuilder()
    first.add(losses[:at])
    second.restore(first.state())
    second.add(losses[at:])
    assert second.curve() == curve_of(losses)


def test_the_curve_is_plain_data():
    assert len(json.dumps(asdict(curve_of([0.123456789] * 10_000)))) < 6_000
