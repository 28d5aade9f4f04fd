import math
import random

import numpy as np
import pytest
from scipy import stats

from cnnbuild.studies.statistics import (
    holm,
    holm_confidences,
    interval_of,
    is_at_chance,
    paired_difference,
    seeds_needed,
    summarize,
    wilson_interval,
)


def test_the_t_interval_of_three_values_is_the_one_from_the_table():
    # t(0.975, 2) = 4.302653 (any t table); mean 2, SD 1, so 2 -+ 4.302653 / sqrt(3)
    summary = summarize([1.0, 2.0, 3.0])
    assert (summary.n, summary.mean, summary.sd) == (3, 2.0, 1.0)
    assert summary.low == pytest.approx(2 - 4.302653 / math.sqrt(3), abs=1e-6)
    assert summary.half_width == pytest.approx(2.484138, abs=1e-6)


def test_one_value_has_no_spread():
    summary = summarize([0.9])
    assert (summary.mean, summary.sd, summary.low, summary.high, summary.half_width) == (
        0.9,
        None,
        None,
        None,
        None,
    )


def test_a_paired_difference_uses_the_seeds_that_both_have():
    # differences 1, 2, 3: t = 2 / (1 / sqrt(3)) = 3.4641; for 2 degrees of freedom
    # p = 1 - t / sqrt(t^2 + 2) = 1 - sqrt(12 / 14) (closed form)
    first = {0: 11.0, 1: 12.0, 2: 13.0, 5: 99.0}
    second = {0: 10.0, 1: 10.0, 2: 10.0, 6: 1.0}
    difference = paired_difference(first, second, step=0.1)
    assert difference is not None
    assert (difference.n, difference.mean, difference.sd) == (3, 2.0, 1.0)
    assert difference.p == pytest.approx(1 - math.sqrt(12 / 14), abs=1e-12)
    assert difference.low == pytest.approx(2 - 2.484138, abs=1e-6)
    # t(0.95, 2) = 2.919986
    assert interval_of(difference, confidence=0.9)[1] == pytest.approx(2 + 2.919986 / math.sqrt(3), abs=1e-6)


def test_fewer_than_two_common_seeds_give_no_difference():
    assert paired_difference({0: 1.0}, {0: 2.0, 1: 3.0}, step=0.1) is None


def test_equal_differences_are_as_uncertain_as_their_step():
    # SD 1 image: t(0.975, 2) = 4.302653; mean 2 images: t = 2 * sqrt(3) = 3.4641, p = 1 - sqrt(12 / 14)
    same = {0: 350.0, 1: 348.0, 2: 349.0}
    nothing = paired_difference(same, same, step=1)
    assert nothing is not None
    assert (nothing.mean, nothing.p) == (0.0, 1.0)
    assert (nothing.low, nothing.high) == pytest.approx((-2.484138, 2.484138), abs=1e-6)
    two = paired_difference({seed: count + 2 for seed, count in same.items()}, same, step=1)
    assert two is not None
    assert two.p == pytest.approx(1 - math.sqrt(12 / 14), abs=1e-12)
    assert two.low < 0 < two.high


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("spread", [0.2, 0.5, 1.0, 3.0])
def test_equal_networks_are_told_apart_in_at_most_one_of_twenty_however_coarse_the_step(seeds, spread):
    # both score the same on average, spread images apart from seed to seed, and are counted in whole images
    generator = random.Random(f"{seeds} {spread}")
    told_apart = 0
    for _ in range(1000):
        mean = 340 + generator.random()
        first, second = (
            {seed: float(round(generator.gauss(mean, spread))) for seed in range(seeds)} for _ in "ab"
        )
        difference = paired_difference(first, second, step=1)
        assert difference is not None
        told_apart += difference.p < 0.05
    assert told_apart <= 67  # P(more than 67 of 1,000) is 1 % where the truth is 5 %


def test_wilson_interval_is_the_published_one():
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263 gives 0.2553 to 0.3662
    low, high = wilson_interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    low, high = wilson_interval(0, 20)  # the same table: 0.0000 to 0.1611
    assert (round(low, 4), round(high, 4)) == (0.0, 0.1611)


def test_holm_multiplies_by_what_is_left_and_never_decreases():
    # by hand: 0.005 * 4, 0.01 * 3, 0.03 * 2, max(0.04 * 1, 0.06)
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holm_stops_at_one():
    assert holm([0.6, 0.9]) == (1.0, 1.0)


def test_intervals_are_drawn_at_the_level_that_holm_tests_at():
    # alpha / 4 and / 3 are passed; 0.03 fails alpha / 2, and 0.04 shares that level
    assert holm_confidences([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        (1 - 0.05 / 3, 1 - 0.05 / 2, 1 - 0.05 / 2, 1 - 0.05 / 4)
    )


@pytest.mark.parametrize(
    ("correct", "total", "classes", "chance"),
    [
        (1094, 10_000, 10, True),
        (1095, 10_000, 10, False),
        (1000, 10_000, 10, True),
        (0, 10, 10, True),
        (132, 10_000, 100, True),
        (133, 10_000, 100, False),
    ],
)
def test_chance_ends_where_the_exact_binomial_says(correct, total, classes, chance):
    # P(X >= correct) against 1/1000 in whole numbers: C(n, k) (classes - 1)^(n - k) summed, over classes^n
    term = math.comb(total, correct) * (classes - 1) ** (total - correct)
    tail = 0
    for k in range(correct, total + 1):
        tail += term
        term = term * (total - k) // ((k + 1) * (classes - 1))
    assert (1000 * tail >= classes**total) is chance
    assert is_at_chance(correct, total, 1 / classes) is chance


def test_large_effects_need_few_seeds():
    # scipy's noncentral t is NaN for some numbers of seeds beyond 200 of such effects: once 292 were said to be needed
    for effect in (1.5, 2.0, 2.3452, 3.0, 5.0, 20.0):
        for alpha in (0.05, 0.05 / 3, 0.05 / 45):
            needed = seeds_needed(effect, 1.0, alpha=alpha)
            power = [power_by_quadrature(n, effect, alpha) for n in (needed - 1, needed) if n > 1]
            assert power[-1] >= 0.8
            assert len(power) == 1 or power[0] < 0.8


def power_by_quadrature(n, effect, alpha):
    """P(T > c) of a noncentral t, as the mean over the quantiles of the sample's standard deviation."""
    freedom = n - 1
    critical = stats.t.isf(alpha / 2, freedom)
    shares = (np.arange(4000) + 0.5) / 4000
    deviations = np.sqrt(stats.chi2.ppf(shares, freedom) / freedom)
    return float(np.mean(stats.norm.sf(critical * deviations - effect * np.sqrt(n))))


def test_seeds_needed_are_those_of_the_published_table():
    # Cohen's d_z = 1, two-sided 0.05, power 0.8: n = 10; d_z = 0.5: n = 34 (G*Power 3.1 manual)
    assert seeds_needed(1.0, 1.0) == 10
    assert seeds_needed(-0.5, 1.0) == 34
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(0.001, 1.0) is None
