import pytest

from cnnbuild.studies.pairwise import pairs_of
from tests.studies.synthetic import cell_record, run_record, study_results


def test_each_pair_is_tested_and_pays_for_all():
    # differences in points: c - a 10, 11, 12; c - b 9.9, 11, 12.1; b - a 0.1, 0, -0.1
    records = [cell_record("a", s, c) for s, c in enumerate([800, 800, 800])]
    records += [cell_record("b", s, c) for s, c in enumerate([801, 800, 799])]
    records += [cell_record("c", s, c) for s, c in enumerate([900, 910, 920])]
    pairs = pairs_of(study_results(*records).rows)
    assert len(pairs.tests) == 3
    clear = pairs.clearly("c", "a")
    assert clear is not None
    assert clear.points == pytest.approx(11)
    # t = 11 / (1 / sqrt(3)) = 19.05 with 2 degrees of freedom: p = 0.002744 (from a t table), times 3
    assert clear.p == pytest.approx(3 * 0.002744, rel=1e-3)
    # the smallest p is tested at 0.05 / 3: t(2, 1 - 0.05 / 6) = 7.6488
    assert clear.low == pytest.approx(11 - 7.6488 / 3**0.5, abs=1e-3)
    assert pairs.clearly("a", "c") is None
    assert pairs.clearly("b", "a") is None
    even = pairs.of("a", "b")
    assert even is not None
    assert not even.is_clear


def test_fewer_than_three_shared_seeds_are_not_tested():
    records = [cell_record("a", s, 800) for s in (0, 1)] + [cell_record("b", s, 900) for s in (0, 1)]
    assert pairs_of(study_results(*records).rows).tests == {}


def test_an_architecture_whose_runs_did_not_train_is_in_no_pair():
    records = [cell_record(name, s, 800 + 5 * s) for name in "ab" for s in range(4)]
    records += [cell_record("c", s, 900) for s in range(3)]
    records += [
        cell_record("c", s, 0, run=run_record(0, seed=s)) for s in (3, 4)
    ]  # 2 of 5: more than a third
    tests = pairs_of(study_results(*records).rows).tests
    assert set(tests) == {frozenset("ab")}


def test_the_sign_of_an_interval_follows_the_higher_one():
    records = [cell_record("a", s, c) for s, c in enumerate([900, 905, 910])]
    records += [cell_record("b", s, c) for s, c in enumerate([890, 900, 895])]
    test = pairs_of(study_results(*records).rows).of("b", "a")
    assert test is not None
    assert (test.higher, test.lower, test.pairs) == ("a", "b", 1)
    # differences 1, 0.5, 1.5: mean 1, SD 0.5, t(2) = 4.3027
    assert test.points == pytest.approx(1)
    assert (test.low, test.high) == pytest.approx(
        (1 - 4.3027 * 0.5 / 3**0.5, 1 + 4.3027 * 0.5 / 3**0.5), abs=1e-3
    )
