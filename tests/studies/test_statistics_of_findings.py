"""Effects, exact tests, families and power, against published examples, scipy, and counting by hand."""

import math
import random
from itertools import combinations, product

import pytest

from cnnbuild.studies.statistics import (
    dunnett,
    equivalence_p,
    friedman,
    hedges_g_of_pairs,
    hedges_g_of_samples,
    interval_of,
    mcnemar_p,
    paired_difference,
    rank_sum_p,
    relative_error_reduction,
    seeds_needed_unpaired,
    sign_flip_p,
    signed_rank_p,
    superiority_of_pairs,
    superiority_of_samples,
    welch_difference,
)


def test_welch_is_the_test_of_scipy():
    from scipy.stats import ttest_ind

    generator = random.Random(1)
    first = [generator.gauss(90, 1) for _ in range(4)]
    second = [generator.gauss(88, 4) for _ in range(7)]
    found, expected = welch_difference(first, second, step=0.01), ttest_ind(first, second, equal_var=False)
    assert found is not None
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.degrees_of_freedom == pytest.approx(expected.df, rel=1e-9)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert interval_of(found, confidence=0.95) == pytest.approx((found.low, found.high))


def test_equal_runs_that_share_no_seed_are_as_uncertain_as_their_step():
    # both SD are 1 / sqrt(2) images, so the standard error is sqrt(0.5 / 3 + 0.5 / 3) = 1 / sqrt(3), with 4 degrees
    found = welch_difference([350.0] * 3, [348.0] * 3, step=1)
    assert found is not None
    assert found.standard_error == pytest.approx(1 / math.sqrt(3))
    assert found.degrees_of_freedom == pytest.approx(4)
    assert welch_difference([350.0], [348.0] * 3, step=1) is None


def test_two_one_sided_tests_agree_with_the_interval_at_ninety_per_cent():
    # differences -0.1, 0.1, 0.3: mean 0.1, SE 0.2 / sqrt(3); t = 0.4 / SE = 3.4641 with 2 degrees of freedom, whose
    # upper tail is (1 - t / sqrt(t^2 + 2)) / 2 = (1 - sqrt(12 / 14)) / 2
    found = paired_difference({0: -0.1, 1: 0.1, 2: 0.3}, dict.fromkeys(range(3), 0.0), step=0.01)
    assert found is not None
    assert equivalence_p(found, 0.5) == pytest.approx((1 - math.sqrt(12 / 14)) / 2)
    low, high = interval_of(found, confidence=0.9)
    assert equivalence_p(found, high) == pytest.approx(0.05)
    assert equivalence_p(found, high + 0.001) < 0.05 < equivalence_p(found, high - 0.001)
    assert low < 0


def test_mcnemar_counts_the_tails_of_a_coin():
    # 1 of 10: 2 * (1 + 10) / 1,024
    assert mcnemar_p(1, 9) == pytest.approx(22 / 1024)
    assert mcnemar_p(9, 1) == mcnemar_p(1, 9)
    assert mcnemar_p(0, 0) == 1.0


def test_hedges_g_is_in_units_of_the_runs():
    # SDs 2 and 1: the average variance is 2.5; with 2 degrees of freedom the factor is gamma(1) / gamma(0.5) =
    # 1 / sqrt(pi), with 4 it is gamma(2) / (sqrt(2) gamma(1.5)) = sqrt(2 / pi)
    first, second = [10.0, 12.0, 14.0], [9.0, 10.0, 11.0]
    assert hedges_g_of_pairs(first, second) == pytest.approx(2 / math.sqrt(2.5) / math.sqrt(math.pi))
    assert hedges_g_of_samples(first, second) == pytest.approx(2 / math.sqrt(2.5) * math.sqrt(2 / math.pi))
    assert hedges_g_of_pairs(second, first) == -(hedges_g_of_pairs(first, second) or 0)
    assert hedges_g_of_pairs([1.0, 1.0, 1.0], [2.0, 2.0, 2.0]) is None


def test_ties_count_half_in_how_often_one_scores_higher():
    found = superiority_of_pairs([3, 2, 1, 1], [1, 1, 1, 2])
    assert (found.share, found.runs) == (2.5 / 4, 4)
    assert superiority_of_samples([3, 1], [1, 2]).share == (1 + 1 + 0.5 + 0) / 4


def test_the_interval_of_newcombe_ends_where_his_equation_holds():
    # (theta - share)^2 = z^2 theta (1 - theta) [1 + N ((1 - theta) / (2 - theta) + theta / (1 + theta))] / (m n)
    first, second = [3.0, 5.0, 6.0, 8.0], [1.0, 2.0, 4.0, 7.0, 2.5]
    found = superiority_of_samples(first, second)
    assert found.share == 16 / 20
    for theta in (found.low, found.high):
        bracket = 1 + 3.5 * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        expected = 1.959963985**2 * theta * (1 - theta) * bracket / 20
        assert (theta - 0.8) ** 2 == pytest.approx(expected, rel=1e-6)
    assert found.low < 0.8 < found.high
    mirrored = superiority_of_samples(second, first)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low))
    assert superiority_of_samples([5, 6, 7], [1, 2, 3]).high == 1.0


@pytest.mark.parametrize(
    ("wins", "seeds", "reliable"),
    [(22, 29, True), (21, 29, False), (28, 28, False), (7, 29, True), (8, 29, False)],
)
def test_reliable_is_three_of_four_from_29_runs_on_in_either_direction(wins, seeds, reliable):
    # 22 of 29 is 0.759, 21 of 29 only 0.724
    first = [1.0] * wins + [0.0] * (seeds - wins)
    assert superiority_of_pairs(first, [0.5] * seeds).is_reliable is reliable


def test_a_half_of_the_errors_is_gone():
    assert relative_error_reduction(0.98, 0.96) == pytest.approx(0.5)
    assert relative_error_reduction(0.92, 0.96) == pytest.approx(-1.0)
    assert relative_error_reduction(1.0, 1.0) is None


def test_signs_are_flipped_in_every_way():
    generator = random.Random(2)
    for n in (1, 4, 7, 10):
        values = [generator.randint(-6, 6) for _ in range(n)]
        observed = abs(sum(values))
        outcomes = [
            abs(sum(s * v for s, v in zip(signs, values, strict=True)))
            for signs in product((1, -1), repeat=n)
        ]
        assert sign_flip_p(values) == pytest.approx(sum(one >= observed for one in outcomes) / len(outcomes))
    assert sign_flip_p([40] * 30) == pytest.approx(2 / 2**30)


def test_ranks_are_dealt_in_every_way():
    generator = random.Random(3)
    for n, other in ((3, 3), (4, 5), (2, 6)):
        values = [generator.randint(0, 4) for _ in range(n + other)]  # with ties
        ranks = [1 + sum(v < one for v in values) + (values.count(one) - 1) / 2 for one in values]
        middle = n * sum(ranks) / len(ranks)
        observed = abs(sum(ranks[:n]) - middle)
        outcomes = [abs(sum(chosen) - middle) for chosen in combinations(ranks, n)]
        share = sum(one >= observed - 1e-9 for one in outcomes) / len(outcomes)
        assert rank_sum_p(values[:n], values[n:]) == pytest.approx(share)


def test_rank_tests_are_those_of_scipy_where_nothing_is_tied():
    from scipy.stats import mannwhitneyu, wilcoxon

    generator = random.Random(4)
    for n in (6, 9, 12):
        first, second = ([generator.random() for _ in range(n)] for _ in "ab")
        differences = [a - b + 0.1 for a, b in zip(first, second, strict=True)]
        assert signed_rank_p(differences) == pytest.approx(wilcoxon(differences, method="exact").pvalue)
        assert rank_sum_p(first, second) == pytest.approx(mannwhitneyu(first, second, method="exact").pvalue)


def test_mean_ranks_share_ties_and_one_is_the_best():
    # ranks 1, 2, 3 and 1.5, 1.5, 3
    assert friedman([[0.9, 0.8, 0.7], [0.9, 0.9, 0.7]]).mean_ranks == (1.25, 1.75, 3.0)


def test_friedman_is_that_of_scipy_in_the_form_of_iman_and_davenport():
    from scipy.stats import f, friedmanchisquare

    generator, sets, networks = random.Random(5), 12, 4
    scores = [[generator.randint(90, 95) + n for n in range(networks)] for _ in range(sets)]  # with ties
    chi = friedmanchisquare(*zip(*scores, strict=True)).statistic
    statistic = (sets - 1) * chi / (sets * (networks - 1) - chi)
    assert friedman(scores).p == pytest.approx(f.sf(statistic, networks - 1, (networks - 1) * (sets - 1)))
    assert friedman([[1, 1, 1]] * 6).p == 1.0
    assert friedman([[1, 2, 3]] * 6).p == 0.0


def test_signed_ranks_of_a_published_example():
    # Demsar 2006, Journal of Machine Learning Research 7, table 2: C4.5 without and with the parameter m tuned, on
    # 14 data sets. With the ranks of the two zeros split, as there, the smaller sum is 12; critical at 0.05 is 21.
    without = [763, 599, 954, 628, 882, 936, 661, 583, 775, 1000, 940, 619, 972, 957]
    tuned = [768, 591, 971, 661, 888, 931, 668, 583, 838, 1000, 962, 666, 981, 978]
    differences = [b - a for a, b in zip(without, tuned, strict=True)]
    # without the zeros the two losses, 5 and 8 thousandths, have the ranks 1.5 and 5 of 12: their sum is 6.5, and of
    # all 4,096 ways to deal the signs, sums up to 6.5 are as far out
    ranks = [1.5, 1.5, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    sums = [
        sum(rank for rank, chosen in zip(ranks, ways, strict=True) if chosen)
        for ways in product((0, 1), repeat=12)
    ]
    assert signed_rank_p(differences) == pytest.approx(2 * sum(one <= 6.5 for one in sums) / 4096)
    assert signed_rank_p(differences) < 0.05


def test_dunnett_is_the_example_of_its_author():
    # Dunnett 1955, blood counts; scipy's documentation gives 0.62004941 and 0.0059035
    control = [7.40, 8.50, 7.20, 8.24, 9.84, 8.32]
    drugs = [[9.76, 8.80, 7.68, 9.36], [12.80, 9.68, 12.16, 9.20, 10.55]]
    assert dunnett(drugs, control) == pytest.approx((0.62004941, 0.0059035), abs=2e-4)
    assert dunnett([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0]) == (1.0, 1.0)


def test_seeds_needed_of_unpaired_runs_are_those_of_the_published_table():
    # Cohen 1988, two-sided 0.05, power 0.8: d = 0.5 needs 64 of each, 0.8 needs 26, 1 needs 17
    assert [seeds_needed_unpaired(d, 1, 1) for d in (0.5, 0.8, 1.0)] == [64, 26, 17]
    assert seeds_needed_unpaired(0, 1, 1) is None
