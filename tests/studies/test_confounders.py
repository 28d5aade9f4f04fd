"""What differs besides the architectures stands beside every finding, with its values."""

from cnnbuild.studies.findings import findings_of
from cnnbuild.studies.matching import Matched
from tests.studies.synthetic import cell_record, run_record, study_results, two_architectures


def beside(of_run: dict[str, object], *, of_baseline: dict[str, object] | None = None, **changes: object):
    """The confounders of b against a, whose runs have these fields."""
    records = [
        cell_record("a", seed, 800, run=run_record(800, seed=seed, **(of_baseline or {})))
        for seed in range(3)
    ]
    records += [
        cell_record("b", seed, 890, run=run_record(890, seed=seed, **of_run), **changes) for seed in range(3)
    ]
    (finding,) = findings_of(study_results(*records))
    return finding.confounders


def test_the_same_conditions_are_nothing_to_tell():
    assert beside({}) == ()


def test_keys_of_a_recipe_are_named_with_both_values():
    first = {
        "epochs": 3,
        "optimizer": {"adam": {"lr": 0.01, "eps": 1e-8}},
        "batch_size": 64,
        "augment": ["flip"],
    }
    second = {"epochs": 3, "optimizer": {"adam": {"lr": 0.1, "eps": 1e-8}}, "batch_size": 32, "augment": []}
    records = [cell_record("a", seed, 800, recipe=first) for seed in range(3)]
    records += [cell_record("b", seed, 890, recipe=second) for seed in range(3)]
    (finding,) = findings_of(study_results(*records))
    assert finding.confounders == (
        'Their recipes differ: augment is [] for b and ["flip"] for a; batch_size is 32 for b and 64 for a; '
        "optimizer.adam.lr is 0.1 for b and 0.01 for a.",
    )


def test_another_optimizer_is_one_difference():
    adam, sgd = ({"epochs": 3, "optimizer": {name: {"lr": 0.1, name: 1}}} for name in ("adam", "sgd"))
    results = two_architectures([800] * 3, [890] * 3, recipe=sgd)
    results.records["a0"].recipe.update(adam)
    (finding,) = findings_of(results)
    assert finding.confounders == (
        "Their recipes differ: optimizer is sgd with lr 0.1 for b and adam with lr 0.1 for a.",
    )


def test_many_keys_are_cut_short():
    recipe = {"epochs": 3, **{f"key{n}": n for n in range(9)}}
    (finding,) = findings_of(two_architectures([800] * 3, [890] * 3, recipe=recipe))
    assert finding.confounders[0].endswith("; key5 is 5 for b and not set for a; and 3 more keys.")


def test_the_precision_that_was_used_is_named_where_it_was_chosen_differently():
    recipe = {"epochs": 3, "precision": "auto"}
    records = [
        cell_record(
            name,
            seed,
            correct,
            recipe=recipe,
            run=run_record(correct, seed=seed, execution={"precision": precision}),
        )
        for name, correct, precision in (("a", 800, "fp32"), ("b", 890, "bf16"))
        for seed in range(3)
    ]
    (finding,) = findings_of(study_results(*records))
    assert finding.confounders == ("b was computed in bf16 and a in fp32; both asked for `precision: auto`.",)


def test_devices_machines_images_and_versions_are_named():
    assert beside({"device": "cuda", "hardware": "a GPU"}) == (
        "They ran on different devices: cuda (b), cpu (a).",
        "They ran on different machines: a GPU (b), a machine (a).",
    )
    assert beside({"dataset_fingerprint": "digits-9"}) == (
        "They were trained on different images: digits-9 (b), digits-0123 (a).",
    )
    assert beside({"versions": {"torch": "2.16"}}) == (
        "They ran with different versions of torch: 2.16 (b), 2.15 (a).",
    )


def test_multiply_adds_and_longer_training_are_confounders():
    from dataclasses import replace

    slower = tuple(replace(epoch, train_seconds=1.8) for epoch in run_record(890).epochs)
    assert beside({"epochs": slower}, macs=10_000) == (
        "b needs 2.0 times the multiply-adds of a.",
        "b trained 1.8 times as long as a.",
    )
    assert beside({}, of_baseline={"epochs": slower}) == ("a trained 1.8 times as long as b.",)


def test_times_of_different_machines_are_not_compared():
    from dataclasses import replace

    slower = tuple(replace(epoch, train_seconds=1.8) for epoch in run_record(890).epochs)
    assert beside({"epochs": slower, "hardware": "another"}) == (
        "They ran on different machines: another (b), a machine (a).",
    )


def test_what_match_chose_is_named():
    matched = tuple(
        Matched(
            architecture=name, dataset="digits", setting="", quantity="parameters", variable="width", value=value,
            count=1000, target=1000, within=0.05,
        )
        for name, value in (("a", 31), ("b", 24))
    )  # fmt: skip
    records = [cell_record(name, seed, 800) for name in "ab" for seed in range(3)]
    (finding,) = findings_of(study_results(*records, matched=matched))
    assert finding.confounders == ("`match` chose width 24 for b and width 31 for a.",)


START = {"file": "/runs/digits/weights.pt", "sha256": "ab12" * 16, "except": ["fc"]}


def test_other_weights_at_the_start_are_named_with_file_content_and_exceptions():
    assert beside({}, weights=START) == (
        "They begin with different weights: b with digits/weights.pt (sha256 ab12ab12ab12), except fc; a with drawn "
        "weights.",
    )


def test_a_file_that_was_moved_is_the_same_start_and_other_exceptions_are_not():
    def found(first: dict[str, object], second: dict[str, object]) -> int:
        records = [cell_record("a", seed, 800, weights=first) for seed in range(3)]
        records += [cell_record("b", seed, 890, weights=second) for seed in range(3)]
        (finding,) = findings_of(study_results(*records))
        return sum("begin with different weights" in one for one in finding.confounders)

    assert found(START, {**START, "file": "elsewhere.safetensors"}) == 0
    assert found(START, {**START, "except": ["fc", "layer4"]}) == 1
    assert found(START, {**START, "sha256": "0" * 64}) == 1
    assert found({}, {}) == 0


def test_a_study_notes_with_what_its_architectures_begin():
    from cnnbuild.studies.fair_conditions import fair_conditions

    records = [cell_record("a", 0, 800), cell_record("b", 0, 890, weights=START)]
    (noted,) = (one for one in fair_conditions(study_results(*records)) if "begin" in one.sentence)
    assert noted.sentence.startswith(
        "The architectures begin with different weights: a with drawn weights; b with digits/weights.pt (sha256 "
        "ab12ab12ab12), except fc. "
    )
    alike = [cell_record(name, 0, 800, weights=START) for name in "ab"]
    (noted,) = (one for one in fair_conditions(study_results(*alike)) if "begin" in one.sentence)
    assert noted.sentence.startswith("All runs begin alike: a, b with digits/weights.pt ")
    drawn = [cell_record(name, 0, 800) for name in "ab"]
    assert not any("begin" in one.sentence for one in fair_conditions(study_results(*drawn)))


def test_the_name_of_a_file_of_weights_tells_a_terminal_nothing():
    evil = {**START, "file": "/files/\x1b[2J" + "x" * 200 + ".pt"}
    (told,) = beside({}, weights=evil)
    assert "\x1b" not in told
    assert "\\x1b[2Jxxx" in told
    assert len(told) < 200
