"""Failure rates, many data sets and fairness, on records whose truth is known."""

import random
from dataclasses import replace

import pytest

from cnnbuild.studies.failure_rates import failure_rates
from cnnbuild.studies.fair_conditions import fair_conditions
from cnnbuild.studies.observation import TOPICS
from cnnbuild.studies.over_data_sets import over_data_sets
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.statistics import holm, signed_rank_p, wilson_interval
from cnnbuild.studies.study_file import PlannedCell
from cnnbuild.studies.study_findings import study_findings
from tests.studies.synthetic import cell_record, run_record, setting_of, study_results, two_architectures

FAILED: dict[str, object] = {"state": "failed", "reason": "OSError: the disk is full", "run": None}


def test_a_study_in_which_all_runs_trained_has_no_failures() -> None:
    assert failure_rates(two_architectures([800] * 3, [890] * 3)) == ()


def test_failure_rates_have_intervals_and_name_the_others() -> None:
    # Wilson, 1 of 4: 4.6 to 69.9 per cent; 0 of 4: 0 to 49.0 per cent
    (found,) = failure_rates(two_architectures([800] * 4, [890, 100, 890, 890]))
    assert found.sentence == (
        "On digits not all runs trained. Those that did not: 1 of 4 (25 %, 95 % CI 5 to 70 %) of b; "
        "0 of 4 (0 %, 95 % CI 0 to 49 %) of a."
    )
    assert (found.topic, found.level, found.architectures) == ("failures", "warning", ("b",))
    low, high = wilson_interval(1, 4)
    assert found.figures == {"b: failed": 1, "b: runs": 4, "b: rate": 0.25, "b: low": low, "b: high": high}


def test_architectures_that_failed_equally_often_are_named_together() -> None:
    scores = {"a": [100, 890], "b": [890, 100], "c": [890, 890], "d": [100, 100], "e": [880, 870]}
    records = [cell_record(name, seed, of[seed]) for name, of in scores.items() for seed in range(2)]
    (found,) = failure_rates(study_results(*records))
    assert found.sentence == (
        "On digits not all runs trained. Those that did not: 1 of 2 (50 %, 95 % CI 9 to 91 %) of each of a and b; "
        "2 of 2 (100 %, 95 % CI 34 to 100 %) of d; 0 of 2 (0 %, 95 % CI 0 to 66 %) of each of c and e."
    )
    assert found.architectures == ("a", "b", "d")


def test_errors_are_no_failures_of_training() -> None:
    records = [cell_record("a", seed, 800) for seed in range(3)]
    records += [cell_record("b", 0, 890), cell_record("b", 1, 100), cell_record("b", 2, 0, **FAILED)]
    (found,) = failure_rates(study_results(*records))
    assert ": 1 of 2 (50 %, 95 % CI 9 to 91 %) of b; 0 of 3" in found.sentence


def on_data_sets(
    *scores: dict[str, int], seeds: int = 2, dead: tuple[str, str] | None = None
) -> StudyResults:
    """A study on several data sets, with right answers by architecture; `dead` is one at chance somewhere."""
    records, cells = [], []
    for number, of in enumerate(scores):
        label = f"set{number}"
        for name, correct in of.items():
            for seed in range(seeds):
                right = 100 if dead == (label, name) else correct
                run = run_record(right, seed=seed, dataset_label=label)
                records.append(cell_record(name, seed, 0, run=run, cell_id=f"{label}{name}{seed}"))
                cells.append(
                    PlannedCell(folder=records[-1].cell_id, architecture=name, dataset=label, seed=seed)
                )
    datasets = tuple(f"set{number}" for number in range(len(scores)))
    return study_results(*records, datasets=datasets, cells=tuple(cells))


def test_one_data_set_is_not_several() -> None:
    assert over_data_sets(two_architectures([800] * 3, [890] * 3)) == ()


def test_fewer_than_six_data_sets_stand_for_themselves() -> None:
    (found,) = over_data_sets(on_data_sets({"a": 800, "b": 812}, {"a": 700, "b": 690}))
    assert found.sentence == (
        "Over 2 data sets b scored higher than a on 1 (set0 +1.20, set1 -1.00 points). "
        "A test over data sets needs 6: each stands for itself."
    )
    assert "p" not in found.figures


def test_six_data_sets_are_tested_by_signed_ranks() -> None:
    scores = [{"a": 800, "b": 801 + n} for n in range(6)]  # all higher: 2 of 64
    (found,) = over_data_sets(on_data_sets(*scores))
    assert found.figures["p"] == pytest.approx(2 / 64)
    assert found.sentence == (
        "Over 6 data sets b scored 0.35 points higher than a in the median, and higher on 6 of them "
        "(Wilcoxon's signed-rank test over data sets: p = 0.031): evidence that b is more accurate on data sets "
        "like these."
    )
    down = [{"a": 801 + n, "b": 800} for n in range(6)]
    (found,) = over_data_sets(on_data_sets(*down))
    assert found.sentence.endswith("evidence that a is more accurate on data sets like these.")
    (found,) = over_data_sets(on_data_sets(*scores[:5], {"a": 800, "b": 790}))
    assert found.sentence.endswith("not resolved.")


def test_several_architectures_over_data_sets_are_corrected_and_ranked() -> None:
    generator = random.Random(1)
    scores = [{"a": 800, "b": 805 + n, "c": generator.randint(790, 810)} for n in range(8)]
    b, c, ranks = over_data_sets(on_data_sets(*scores))
    p_values = [signed_rank_p([one[name] - one["a"] for one in scores]) for name in "bc"]
    assert [b.figures["p"], c.figures["p"]] == pytest.approx(holm(p_values))
    assert "Holm over 2" in b.sentence
    assert ranks.sentence.startswith("Over 8 data sets the mean ranks are a ")
    assert sum(ranks.figures[f"mean rank of {name}"] for name in "abc") == pytest.approx(6)


def test_a_data_set_on_which_runs_did_not_train_is_left_out() -> None:
    scores = [{"a": 800, "b": 801 + n} for n in range(6)]
    (found,) = over_data_sets(on_data_sets(*scores, dead=("set2", "b")))
    assert found.figures["data sets"] == 5
    assert "difference on set2" not in found.figures
    assert "each stands for itself" in found.sentence


def said(results: StudyResults) -> list[str]:
    return [one.sentence for one in fair_conditions(results)]


def test_what_is_always_said_of_fairness() -> None:
    assert said(two_architectures([800] * 3, [890] * 3)) == [
        "The test part was read once for each run, after training, with the weights of the epoch that was best on "
        "its validation part: it chose nothing.",
        "All architectures that are compared were trained for the same length (3 epochs).",
        "One recipe for all: nothing here tells for which architecture it was chosen, and with another one the "
        "order may differ.",
        "On digits the last epoch was the best one in most runs of a (3 of 3), b (3 of 3): with more epochs they may "
        "still gain, and the order may change.",
    ]  # the synthetic runs get better in each of their three epochs


def with_epochs(*validation: float, lr: tuple[float, ...] | None = None) -> StudyResults:
    rates = lr or (0.1,) * len(validation)
    first = run_record(800).epochs[0]
    epochs = tuple(
        replace(first, epoch=n, validation_accuracy=score, lr=rate)
        for n, (score, rate) in enumerate(zip(validation, rates, strict=True), 1)
    )
    return study_results(
        *(cell_record("a", s, 0, run=run_record(800, seed=s, epochs=epochs)) for s in range(3))
    )


@pytest.mark.parametrize(
    ("validation", "lr", "warned"),
    [
        ((0.5, 0.6, 0.7), None, True),
        ((0.5, 0.7, 0.7), None, False),  # the second epoch was as good
        ((0.5, 0.7, 0.6), None, False),
        ((0.5, 0.6, 0.7), (0.1, 0.1, 0.001), False),  # the schedule has run out
    ],
)
def test_training_may_have_ended_too_early(
    validation: tuple[float, ...], lr: tuple[float, ...] | None, warned: bool
) -> None:
    assert any("last epoch" in one for one in said(with_epochs(*validation, lr=lr))) is warned


def test_unequal_lengths_and_seeds_are_warned_of() -> None:
    records = [cell_record("a", seed, 800) for seed in range(4)]
    records += [cell_record("b", seed, 890, recipe={"epochs": 9}) for seed in range(3)]
    warnings = [one.sentence for one in fair_conditions(study_results(*records)) if one.level == "warning"]
    assert "On digits the architectures were trained for unequal lengths: a 3 epochs, b 9 epochs." in warnings
    assert (
        "On digits not all architectures have the same seeds (a 4, b 3): each is compared with the baseline over "
        "the seeds that both have."
    ) in warnings


def test_a_grid_and_a_budget_are_told() -> None:
    records = [
        cell_record(name, seed, 800, grid={"lr": lr}, cell_id=f"{name}{lr}{seed}")
        for lr in ("1", "2") for name in "ab" for seed in range(2)
    ]  # fmt: skip
    sentences = said(study_results(*records, budget="10 seconds"))
    assert "Every run was given the same budget: 10 seconds." in sentences
    assert any(one.startswith("Each architecture was trained at the same 2 settings") for one in sentences)
    assert {setting_of(one) for one in records} == {"lr=1", "lr=2"}


def test_a_study_without_results_says_nothing() -> None:
    assert fair_conditions(study_results(cell_record("a", 0, 0, **FAILED))) == ()


def test_observations_come_in_the_order_of_topics() -> None:
    topics = [
        one.topic for one in study_findings(two_architectures([800] * 4, [890, 100, 890, 890])).observations
    ]
    assert topics == sorted(topics, key=TOPICS.index)
    assert {"failures", "fairness"} <= set(topics)
