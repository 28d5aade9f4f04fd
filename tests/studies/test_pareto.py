"""Fronts of points that were placed by hand."""

import pytest

from cnnbuild.studies.costs import LATENCY, MEMORY, PARAMETERS, TRAINING
from cnnbuild.studies.pairwise import pairs_of
from cnnbuild.studies.pareto import front_of, matched_pairs, points_of
from cnnbuild.studies.results import StudyResults
from cnnbuild.training.record import EpochRecord, Latency
from tests.studies.synthetic import cell_record, run_record, study_results


def study(*nets: tuple[str, int, list[int]], **changes: object) -> StudyResults:
    """Architectures with a number of parameters and a score for each seed."""
    return study_results(
        *(
            cell_record(name, seed, correct, parameters=parameters, **changes)
            for name, parameters, scores in nets
            for seed, correct in enumerate(scores)
        )
    )


def standings(results: StudyResults, cost=PARAMETERS) -> dict[str, str]:
    points = points_of(results.rows, cost, pairs_of(results.rows))
    return {point.architecture: point.standing for point in points}


def test_who_is_dominated_and_who_only_seems_so():
    # a is cheapest; b is dearer and better; c is dearer than b and clearly worse; d is dearer than b and worse
    # by less than its seeds vary; e is dearest and best
    results = study(
        ("a", 100, [800, 802, 804]),
        ("b", 200, [850, 852, 854]),
        ("c", 300, [820, 822, 825]),
        ("d", 400, [846, 860, 838]),
        ("e", 500, [900, 903, 905]),
    )
    assert standings(results) == {
        "a": "front",
        "b": "front",
        "c": "dominated",
        "d": "undecided",
        "e": "front",
    }
    points = points_of(results.rows, PARAMETERS, pairs_of(results.rows))
    assert [point.architecture for point in front_of(points)] == ["a", "b", "e"]
    by = next(point.by for point in points if point.architecture == "c")
    assert by is not None
    assert by.higher == "b"
    assert by.points == pytest.approx((3.0 + 3.0 + 2.9) / 3)


def test_with_two_seeds_nothing_is_dominated():
    results = study(("a", 100, [900, 905]), ("b", 200, [500, 505]))
    assert standings(results) == {"a": "front", "b": "undecided"}


def test_equal_cost_and_equal_accuracy_are_both_on_the_front():
    results = study(("a", 100, [800] * 3), ("b", 100, [800] * 3), ("c", 100, [700] * 3))
    assert standings(results) == {"a": "front", "b": "front", "c": "dominated"}


def timed(name: str, seed: int, correct: int, seconds: float):
    epochs = (EpochRecord(1, 0.1, 1.0, 1.0, 0.5, 1.0, 0.5, 9.0, seconds),)
    return cell_record(name, seed, correct, run=run_record(correct, seed=seed, epochs=epochs))


def test_measured_costs_dominate_only_where_no_two_runs_overlap():
    scores = [(900, 700), (902, 702), (904, 705)]
    apart, overlapping = ([], [])
    for seed, (a, b) in enumerate(scores):
        apart += [timed("a", seed, a, 1.0 + seed), timed("b", seed, b, 3.0 + seed)]  # 1..3 and 3..5
        overlapping += [timed("a", seed, a, 1.0 + seed), timed("b", seed, b, 2.5 + seed)]  # 1..3 and 2.5..4.5
    assert standings(study_results(*apart), TRAINING) == {"a": "front", "b": "dominated"}
    assert standings(study_results(*overlapping), TRAINING) == {"a": "front", "b": "undecided"}


def test_costs_are_in_their_units():
    run = run_record(800, latency=(Latency(64, 50, 0.02, 0.03), Latency(1, 50, 0.002, 0.003)))
    (row,) = study_results(cell_record("a", 0, 800, run=run, executor="local")).rows
    training, latency, memory = TRAINING.of(row), LATENCY.of(row), MEMORY.of(row)
    assert training is not None
    assert training.value == pytest.approx(3.0)  # three epochs of a second
    assert latency is not None
    assert latency.value == pytest.approx(2.0)  # ms, of the smallest batch
    assert memory is not None
    assert memory.value == pytest.approx(100.0)  # MiB


def test_the_memory_of_a_process_that_runs_shared_is_no_cost_of_an_architecture():
    (row,) = study_results(cell_record("a", 0, 800, executor="inline")).rows
    assert MEMORY.of(row) is None
    device = run_record(800, peak_memory_of="device")
    (row,) = study_results(cell_record("a", 0, 800, executor="inline", run=device)).rows
    assert MEMORY.of(row) is not None


def test_costs_within_a_tenth_are_matched():
    results = study(
        ("a", 1000, [800] * 3), ("b", 1100, [810] * 3), ("c", 1101, [820] * 3), ("d", 2000, [830] * 3)
    )
    points = points_of(results.rows, PARAMETERS, pairs_of(results.rows))
    pairs = [(one.architecture, other.architecture) for one, other in matched_pairs(points)]
    assert pairs == [("a", "b"), ("b", "c")]
