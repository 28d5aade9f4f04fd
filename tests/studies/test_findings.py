import random

import pytest

from cnnbuild.studies.findings import Finding, findings_of
from cnnbuild.studies.record import Attempt
from tests.studies.synthetic import cell_record, study_results, two_architectures


def only(findings: tuple[Finding, ...]) -> Finding:
    assert len(findings) == 1
    return findings[0]


def test_a_large_difference_over_three_seeds_is_better_here():
    # differences 9, 10, 11 points: mean 10, SD 1; t(0.975, 2) = 4.302653, so 10 -+ 2.484; t = 17.3205,
    # p = 1 - t / sqrt(t^2 + 2) = 0.0033
    finding = only(findings_of(two_architectures([800, 800, 800], [890, 900, 910])))
    assert finding.verdict == "better"
    assert finding.sentence == (
        "On digits, with this recipe (3 epochs, 3 seeds), b scored 10.00 points higher than a "
        "(95 % CI +7.52 to +12.48, p = 0.003): evidence that b is more accurate here."
    )
    assert (finding.low_points, finding.high_points) == pytest.approx((7.516, 12.484), abs=1e-3)


def test_the_other_direction_speaks_for_the_baseline():
    finding = only(findings_of(two_architectures([890, 900, 910], [800, 800, 800])))
    assert finding.verdict == "worse"
    assert finding.sentence == (
        "On digits, with this recipe (3 epochs, 3 seeds), b scored 10.00 points lower than a "
        "(95 % CI -12.48 to -7.52, p = 0.003): evidence that a is more accurate here."
    )


def test_a_difference_that_may_lie_in_the_band_is_real_and_of_unclear_size():
    # always 0.4 points, so that one test image of 1,000, 0.1 points, counts as the SD: 0.4 -+ 4.302653 * 0.1 /
    # sqrt(3) = 0.4 -+ 0.248; t = 6.928, p = 1 - t / sqrt(t^2 + 2) = 0.020
    finding = only(findings_of(two_architectures([800, 810, 820], [804, 814, 824])))
    assert finding.verdict == "real, size unclear"
    assert finding.sentence == (
        "On digits, with this recipe (3 epochs, 3 seeds), b scored 0.40 points higher than a "
        "(95 % CI +0.15 to +0.65, p = 0.020): statistically distinguishable from no difference, "
        "but not shown to be more than the 0.5 points that matter here."
    )


def test_an_interval_inside_the_band_is_equivalent():
    # differences -0.1, 0.1, 0.3 points: mean 0.1, SD 0.2; t(0.95, 2) = 2.919986, so 0.1 -+ 0.337
    finding = only(findings_of(two_architectures([800, 800, 800], [799, 801, 803])))
    assert finding.verdict == "equivalent"
    assert finding.sentence == (
        "On digits, with this recipe (3 epochs, 3 seeds), b and a are equivalent within 0.5 points: "
        "the difference is +0.10 points (90 % CI -0.24 to +0.44)."
    )


def test_a_difference_that_drowns_in_the_spread_is_not_resolved_and_says_how_many_seeds():
    # differences -1, 1, 3 points: mean 1, SD 2; t = 0.8660, p = 1 - t / sqrt(t^2 + 2) = 0.478; d_z = 0.5: 34 seeds
    finding = only(findings_of(two_architectures([800, 800, 800], [790, 810, 830])))
    assert finding.verdict == "not resolved"
    assert finding.sentence == (
        "Not resolved: on digits, with this recipe (3 epochs, 3 seeds), b minus a was +1.00 points "
        "(95 % CI -3.97 to +5.97, p = 0.478), which includes 0. "
        "About 34 seeds per architecture would be needed to show a difference of this size."
    )


@pytest.mark.parametrize(
    ("a", "b", "start"),
    [
        ([800], [900], "Descriptive only (one seed): on digits, with this recipe (3 epochs), b minus a was +10.00 points."),
        ([800, 810], [900, 950], "Descriptive only (2 seeds): on digits, with this recipe (3 epochs), "
         "b minus a was +10.00 and +14.00 points."),
    ],
)  # fmt: skip
def test_one_or_two_seeds_are_described_and_never_judged(a, b, start):
    finding = only(findings_of(two_architectures(a, b)))
    assert finding.verdict == "descriptive"
    assert finding.sentence == f"{start} Training again with another seed could change this order."
    assert finding.p is None


def test_runs_at_chance_forbid_a_comparison():
    # 100 of 1,000 right in ten classes: what naming one class always gives
    finding = only(findings_of(two_architectures([800, 810, 820], [900, 100, 910])))
    assert finding.verdict == "no comparison"
    assert finding.sentence == (
        "No comparison of b with a on digits: 1 of 3 runs of b did not train (see Health in the report). "
        "This says something about the training recipe, not about b's architecture."
    )


def test_a_diverged_architecture_forbids_a_comparison_even_with_one_seed():
    results = two_architectures([800], [0], state="diverged", reason="the loss became nan", run=None)
    assert only(findings_of(results)).verdict == "no comparison"


def test_one_dead_run_of_four_is_left_out_and_said():
    finding = only(findings_of(two_architectures([800, 800, 800, 800], [890, 900, 910, 100])))
    assert finding.verdict == "better"
    assert finding.difference_points == pytest.approx(10.0)
    assert finding.confounders == ("1 of 4 runs of b did not train and is left out of the difference.",)


def test_what_else_differs_stands_beside_the_finding():
    finding = only(
        findings_of(
            two_architectures([800] * 3, [890, 900, 910], parameters=2300, recipe={"epochs": 3, "lr": 1})
        )
    )
    assert finding.confounders == (
        "b has 2.3 times the parameters of a.",
        "Their recipes differ: lr is 1 for b and not set for a.",
    )


def test_p_values_are_corrected_over_the_architectures_of_a_data_set():
    records = [cell_record("a", seed, 800) for seed in range(3)]
    records += [cell_record("b", seed, 890 + 10 * seed) for seed in range(3)]
    records += [cell_record("c", seed, 790 + 20 * seed) for seed in range(3)]
    b, c = findings_of(study_results(*records))
    assert b.p == pytest.approx(
        2 * 0.003317, abs=1e-5
    )  # twice the p value of the first test: Holm, two tests
    assert c.p == pytest.approx(0.47777, abs=1e-4)
    assert "corrected for 2 comparisons, Holm p = 0.007" in b.sentence


def test_equal_architectures_are_called_better_or_worse_in_at_most_one_study_of_twenty():
    generator = random.Random(3)
    wrong = 0
    for _ in range(200):
        records = [
            cell_record(name, seed, round(generator.gauss(800, 15))) for name in "abcd" for seed in range(5)
        ]
        verdicts = {finding.verdict for finding in findings_of(study_results(*records))}
        wrong += bool(verdicts & {"better", "worse"})
    assert wrong <= 17  # P(more than 17 of 200) is 1 % where the truth is 5 %


def test_three_equal_differences_of_two_images_are_no_certainty():
    # differences 0.2, 0.2, 0.2 points of 1,000 images: SD 0.1, so 0.2 -+ 0.248; t = 3.4641, p = 0.074
    finding = only(findings_of(two_architectures([950, 948, 949], [952, 950, 951])))
    assert finding.verdict == "equivalent"  # 90 %: 0.2 -+ 2.919986 * 0.1 / sqrt(3) = 0.2 -+ 0.169
    assert (finding.low_points, finding.high_points) == pytest.approx((-0.0484, 0.4484), abs=1e-4)
    assert finding.p == pytest.approx(0.0742, abs=1e-4)


def test_no_number_of_seeds_is_named_where_there_is_no_difference():
    # differences -1, 1, 0 points: mean 0, SD 1, so -+ 2.484
    finding = only(findings_of(two_architectures([800, 800, 800], [790, 810, 800])))
    assert finding.sentence == (
        "Not resolved: on digits, with this recipe (3 epochs, 3 seeds), b minus a was +0.00 points "
        "(95 % CI -2.48 to +2.48, p = 1.000), which includes 0."
    )


FAILED: dict[str, object] = {"state": "failed", "reason": "OSError: the disk is full", "run": None}


def test_runs_that_ended_with_an_error_say_nothing_about_the_recipe():
    records = [cell_record("a", seed, 800) for seed in range(3)]
    records += [cell_record("b", 0, 900), *(cell_record("b", seed, 0, **FAILED) for seed in (1, 2))]
    finding = only(findings_of(study_results(*records)))
    assert finding.verdict == "no comparison"
    assert finding.sentence == (
        "No comparison of b with a on digits: 2 of 3 runs of b ended with an error (see Health in the report). "
        "An error says nothing about how well an architecture learns."
    )


def test_errors_and_runs_that_did_not_train_are_told_apart():
    records = [cell_record("a", 0, 100)]
    records += [cell_record("b", 0, 100), cell_record("b", 1, 0, **FAILED)]
    assert only(findings_of(study_results(*records))).sentence == (
        "No comparison of b with a on digits: 1 of 2 runs of b ended with an error (see Health in the report). "
        "An error says nothing about how well an architecture learns. "
        "Besides, 1 of 2 runs of b and the only run of a did not train (see Health in the report). "
        "This says something about the training recipe, not about b's or a's architecture."
    )


def test_one_failed_run_of_four_is_left_out_and_said():
    records = [cell_record("a", seed, 800) for seed in range(4)]
    records += [cell_record("b", seed, 890 + 10 * seed) for seed in range(3)]
    finding = only(findings_of(study_results(*records, cell_record("b", 3, 0, **FAILED))))
    assert finding.confounders == ("1 of 4 runs of b ended with an error and is left out of the difference.",)


def test_one_epoch_is_called_one():
    results = two_architectures([800], [900], recipe={"epochs": 1})
    assert "with this recipe (1 epoch), b minus a" in only(findings_of(results)).sentence


def test_runs_that_are_not_counted_in_epochs_say_their_length():
    for recipe, said in (({"steps": 5000}, "5,000 steps"), ({"seconds": 60.0}, "60 seconds")):
        sentence = only(findings_of(two_architectures([800], [900], recipe=recipe))).sentence
        assert f"with this recipe ({said}), b minus a" in sentence


def on_a_grid(*settings: str) -> tuple[Finding, ...]:
    return findings_of(
        study_results(
            *(
                cell_record(name, seed, correct + seed, grid={"lr": lr}, cell_id=f"{name}{lr}{seed}")
                for lr in settings
                for name, correct in (("a", 800), ("b", 890), ("c", 895))
                for seed in range(3)
            )
        )
    )


def test_findings_of_a_grid_name_their_setting_and_are_corrected_within_it():
    one, grid = on_a_grid("0.1"), on_a_grid("0.1", "0.01")
    assert [(f.setting, f.architecture) for f in grid] == [
        ("lr=0.1", "b"), ("lr=0.1", "c"), ("lr=0.01", "b"), ("lr=0.01", "c"),
    ]  # fmt: skip
    assert grid[2].sentence.startswith(
        "On digits (lr=0.01), with this recipe (3 epochs, 3 seeds), b scored 9.00 points"
    )
    assert "corrected for 2 comparisons" in grid[2].sentence
    assert [f.p for f in grid[:2]] == [f.p for f in one]


OUT_OF_MEMORY: dict[str, object] = {"state": "out_of_memory", "reason": "it used more than 2 GB", "run": None}


def test_what_ended_runs_is_named_and_blamed_on_nothing():
    records = [cell_record("a", 0, 800), cell_record("a", 1, 0, **{**FAILED, "state": "killed"})]
    records += [cell_record("b", seed, 0, **OUT_OF_MEMORY) for seed in (0, 1)]
    assert only(findings_of(study_results(*records))).sentence == (
        "No comparison of b with a on digits: 2 of 2 runs of b ran out of memory and 1 of 2 runs of a was killed "
        "(see Health in the report). This says nothing about how well an architecture learns."
    )


def test_runs_that_were_taken_up_again_or_split_their_batches_are_told_beside_the_verdict():
    killed = Attempt("killed", "SIGKILL", 3.0)
    again = (killed, Attempt("done", "", 4.0, resumed=True))
    split = (Attempt("out_of_memory", "no memory", 3.0), Attempt("done", "", 4.0, accumulate=2))
    records = [cell_record("a", seed, 800, attempts=again if seed else ()) for seed in range(3)]
    records += [cell_record("b", 0, 890, attempts=split), *(cell_record("b", seed, 890) for seed in (1, 2))]
    assert only(findings_of(study_results(*records))).confounders == (
        "1 of 3 runs of b ran out of memory and trained with each batch in 2 parts: "
        "batch normalisation took its statistics from the parts.",
        "2 of 3 runs of a were interrupted and went on from a checkpoint.",
    )


def test_times_on_machines_that_were_shared_otherwise_do_not_compare():
    records = [cell_record("a", seed, 800, parallel=2) for seed in range(3)]
    records += [cell_record("b", seed, 890) for seed in range(3)]
    assert only(findings_of(study_results(*records))).confounders == (
        "Not equally many runs shared the machine: times and latencies do not compare.",
    )
