from cnnbuild.studies.best_row import distinguished_best
from tests.studies.synthetic import cell_record, study_results, two_architectures


def test_the_best_is_named_where_the_paired_test_tells_it_apart():
    # differences of 90, 100 and 110 images: mean 100, SD 10, t = 17.3 with 2 degrees of freedom, p = 0.003
    assert distinguished_best(two_architectures([800, 800, 800], [890, 900, 910]).rows) == "b"
    assert distinguished_best(two_architectures([890, 900, 910], [800, 800, 800]).rows) == "a"


def test_no_best_is_named_where_a_difference_may_be_chance():
    # differences of -10, 10 and 15: mean 5, SD 13.2, t = 0.65, p = 0.58
    assert distinguished_best(two_architectures([800, 800, 800], [790, 810, 815]).rows) is None


def test_two_seeds_name_no_best():
    assert distinguished_best(two_architectures([800, 801], [900, 901]).rows) is None


def test_the_best_must_be_told_apart_from_the_second_too():
    scores = {"a": (800, 801, 802), "b": (900, 901, 905), "c": (902, 899, 906)}
    records = [cell_record(name, seed, n) for name, all_of in scores.items() for seed, n in enumerate(all_of)]
    assert distinguished_best(study_results(*records).rows) is None


def test_the_family_is_all_pairs_because_the_winner_was_picked_after_looking():
    # differences of 10, 13 and 16 images: t = 13 / (3 / sqrt 3) = 7.51, p = 0.0173; three pairs make it 0.052
    pair = two_architectures([800, 800, 800], [810, 813, 816])
    assert distinguished_best(pair.rows) == "b"
    three = [
        cell_record(name, seed, n)
        for name, all_of in {"a": (800, 800, 800), "b": (810, 813, 816), "c": (793, 800, 807)}.items()
        for seed, n in enumerate(all_of)
    ]
    assert distinguished_best(study_results(*three).rows) is None


def test_an_architecture_that_did_not_train_leaves_the_order_open():
    assert distinguished_best(two_architectures([100, 100, 100], [890, 900, 910]).rows) is None


def test_none_is_best_where_a_third_of_its_runs_died_though_the_others_are_far_above():
    dead = two_architectures([800] * 6, [890, 900, 910, 905, 100, 100])
    assert distinguished_best(dead.rows) is None
    assert distinguished_best(two_architectures([800] * 6, [890, 900, 910, 905, 900, 100]).rows) == "b"
