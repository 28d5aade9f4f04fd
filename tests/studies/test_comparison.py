"""What is said of runs side by side: figures by hand, and no word more than they carry."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cnnbuild.studies.compared_runs import Group, read_compared
from cnnbuild.studies.comparison import Comparison, compare, seeds_text
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.run_store import find_runs
from tests.studies.stored_runs import numbered, write_single, write_stored_study
from tests.studies.synthetic import run_record


def compared(*studies: Path) -> Comparison:
    read = [read_compared(run) for run in find_runs(studies)]
    ended = [run for run in read if run is not None]
    return compare(ended, unfinished=len(read) - len(ended))


def cells(name: str, corrects: list[int], *, start: int = 0, **changes: object) -> list[CellRecord]:
    base = sum(map(ord, name)) * 0x100
    return [numbered(name, start + n, right, base + start + n, **changes) for n, right in enumerate(corrects)]


def shape(groups: tuple[Group, ...]) -> list[tuple[str, str, list[int]]]:
    return [(group.letter, group.name, group.seeds) for group in groups]


def test_runs_that_differ_in_nothing_but_the_seed_are_one_group(tmp_path):
    study = write_stored_study(tmp_path / "s", [*cells("a", [900, 910, 920]), *cells("b", [905, 915, 925])])
    found = compared(study)
    assert shape(found.groups) == [("A", "a", [0, 1, 2]), ("B", "b", [0, 1, 2])]
    summary = found.groups[0].accuracy
    assert summary is not None
    assert summary.mean == pytest.approx(0.91)
    # t(0.975, 2) = 4.302653; the deviation is 0.01: 4.302653 * 0.01 / sqrt(3) = 0.0248414
    assert summary.half_width == pytest.approx(0.0248414, abs=1e-6)
    assert found.differing == ("architecture",)


def test_a_paired_difference_comes_with_its_interval_and_no_verdict(tmp_path):
    # differences of b: 1, 2, 3 points: mean 2, deviation 1, t(0.975, 2) = 4.302653: 2 +- 4.302653 / sqrt(3)
    study = write_stored_study(tmp_path / "s", [*cells("a", [900, 900, 900]), *cells("b", [910, 920, 930])])
    (pair,) = compared(study).pairs
    assert pair.sentence == (
        "B (b) minus A (a): +2.00 points over 3 shared seeds (95 % CI -0.48 to +4.48), which includes 0: "
        "not resolved."
    )
    assert (pair.low_points, pair.high_points) == (
        pytest.approx(-0.48414, abs=1e-4),
        pytest.approx(4.48414, abs=1e-4),
    )
    assert (pair.warnings, pair.confounders) == ((), ())
    # 19, 20, 21 points: the same half width, which leaves 0 out
    clear = write_stored_study(tmp_path / "t", [*cells("a", [700, 700, 700]), *cells("b", [890, 900, 910])])
    (pair,) = compared(clear).pairs
    assert pair.sentence.endswith("(95 % CI +17.52 to +22.48), which does not include 0.")
    assert "better" not in pair.sentence


def test_several_comparisons_are_corrected(tmp_path):
    runs = [*cells("a", [900, 900, 900]), *cells("b", [910, 920, 930]), *cells("c", [920, 930, 940])]
    first, second = compared(write_stored_study(tmp_path / "s", runs)).pairs
    assert "corrected for 2 comparisons" in first.sentence
    # c: 2, 3, 4 points; its p is the smaller, so it is tested at 97.5 %: t(0.9875, 2) = 6.205347
    assert second.low_points == pytest.approx(3 - 6.205347 / 3**0.5, abs=1e-4)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ([900], [930], "Descriptive only (one seed): B (b) minus A (a) was +3.00 points. "),
        (
            [900, 910],
            [930, 900],
            "Descriptive only (2 seeds): B (b) minus A (a) was +3.00 and -1.00 points. ",
        ),
    ],
)
def test_one_or_two_seeds_are_descriptive_only(tmp_path, a, b, said):
    (pair,) = compared(write_stored_study(tmp_path / "s", [*cells("a", a), *cells("b", b)])).pairs
    assert pair.sentence == f"{said}Training again with another seed could change this order."
    assert pair.low_points is None


def test_without_a_shared_seed_no_difference_is_given(tmp_path):
    runs = [*cells("a", [900, 910, 905]), *cells("b", [930, 920, 925], start=5)]
    (pair,) = compared(write_stored_study(tmp_path / "s", runs)).pairs
    assert pair.sentence == (
        "No difference of B (b) and A (a) is given: they share no seed (A with seeds 0-2, B with seeds 5-7)."
    )
    assert pair.difference_points is None


def test_many_seeds_are_not_listed_one_by_one():
    assert seeds_text(list(range(20))) == "0-19"
    assert seeds_text([2 * n for n in range(20)]) == "0, 2, 4, 6, 8, 10, 12, 14, … (20 of them)"


def test_only_shared_seeds_are_compared_and_it_says_so(tmp_path):
    runs = [*cells("a", [900, 900, 900, 100]), *cells("b", [910, 920, 930])]
    (pair,) = compared(write_stored_study(tmp_path / "s", runs)).pairs
    assert pair.difference_points == pytest.approx(2)
    assert "Only shared seeds are compared: A has seeds 0-3, B has seeds 0-2." in pair.confounders


def test_what_differs_besides_the_architecture_is_named(tmp_path):
    one = write_stored_study(
        tmp_path / "one", cells("a", [900] * 3, recipe={"epochs": 10}, vars={"width": 8})
    )
    other = cells("b", [910] * 3, recipe={"epochs": 20}, vars={"width": 16}, parameters=1700)
    two = write_stored_study(tmp_path / "two", other)
    found = compared(one, two)
    assert found.differing == ("architecture", "parameters", "vars.width", "recipe.epochs")
    assert found.pairs[0].confounders == (
        "They differ besides the architecture in: recipe.epochs 10 / 20.",
        "B has 1.7 times the parameters of A.",
    )


def test_the_same_architecture_with_two_recipes_is_two_groups(tmp_path):
    one = write_stored_study(tmp_path / "one", cells("a", [900] * 3, recipe={"epochs": 10}))
    two = write_stored_study(tmp_path / "two", cells("a", [910] * 3, recipe={"epochs": 20}))
    found = compared(one, two)
    assert len(found.groups) == 2
    assert found.pairs[0].confounders == ("They differ in: recipe.epochs 10 / 20.",)


@pytest.mark.parametrize(
    "changes",
    [{"dataset_fingerprint": "digits-9999"}, {"dataset": {"name": "digits", "size": 16}}],
    ids=["other pixels", "another size"],
)
def test_other_test_images_are_warned_of_and_not_compared(tmp_path, changes):
    one = write_stored_study(tmp_path / "one", cells("a", [900] * 3))
    other = [replace(r, run=run_record(910, seed=r.seed, **changes)) for r in cells("b", [0] * 3)]
    (pair,) = compared(one, write_stored_study(tmp_path / "two", other)).pairs
    assert pair.sentence == (
        "No difference of B (b) and A (a) is given: they were tested on different images."
    )
    assert pair.warnings[0].startswith(
        "Different test images: A 1,000 images of digits (digits-0123), B 1,000 "
    )
    assert pair.difference_points is None


def test_fewer_training_images_leave_the_test_images_alone(tmp_path):
    one = write_stored_study(tmp_path / "one", cells("a", [900] * 3))
    fewer = {"name": "digits", "train_images": 100}
    other = [
        replace(
            r, dataset_label="digits, 100 training images", run=run_record(910, seed=r.seed, dataset=fewer)
        )
        for r in cells("a", [0] * 3)
    ]
    (pair,) = compared(one, write_stored_study(tmp_path / "two", other)).pairs
    assert pair.difference_points == pytest.approx(1)
    assert pair.confounders == ("They differ in: data set digits / digits, 100 training images.",)


def test_runs_that_did_not_train_are_left_out_with_their_fate(tmp_path):
    failed = [numbered("b", 0, 0, 0xF0, state="failed", reason="no", run=None)]
    study = write_stored_study(
        tmp_path / "s",
        [*cells("a", [900] * 4), *failed, *cells("b", [910, 920, 930], start=1), *cells("c", [100] * 3)],
    )
    first, second = compared(study).pairs
    assert first.difference_points == pytest.approx(2)
    assert "1 of 4 runs of B did not train (failed) and is left out." in first.confounders
    assert second.sentence == "No comparison of C (c) with A (a): no run of C trained (at chance)."


def test_another_machine_makes_no_other_group_but_is_told(tmp_path):
    study = write_stored_study(tmp_path / "s", [*cells("a", [900] * 3), *cells("b", [910] * 3)])
    for record in study.glob("cells/b-*/record.json"):
        content = json.loads(record.read_text())
        content["run"]["device"] = "cuda"
        content["run"]["versions"] = {"torch": "2.16"}
        record.write_text(json.dumps(content))
        if "seed2" in str(record.parent):
            content["run"]["device"] = "cpu"
            record.write_text(json.dumps(content))
    found = compared(study)
    assert len(found.groups) == 2
    assert found.pairs[0].confounders == (
        "They differ besides the architecture in: versions.torch 2.15 / 2.16, machine.device cpu / cuda and cpu.",
    )


def test_a_run_that_is_there_twice_counts_once(tmp_path):
    one = write_stored_study(tmp_path / "one", cells("a", [900] * 3))
    two = write_stored_study(tmp_path / "two", [*cells("a", [901]), *cells("b", [910] * 3)])
    found = compared(one, two)
    assert shape(found.groups) == [("A", "a", [0, 1, 2]), ("B", "b", [0, 1, 2])]
    assert found.groups[0].accuracies[0] == 0.9
    (note,) = found.left_out
    assert note.startswith("A: seed 0 is there twice, with ANOTHER accuracy; ")


def test_unfinished_runs_are_counted(tmp_path):
    study = write_stored_study(tmp_path / "s", cells("a", [900]), pending=cells("b", [0, 0]))
    found = compared(study)
    assert (len(found.groups), found.pairs, found.left_out) == (1, (), ("2 more have not ended",))


def test_a_change_of_the_network_behind_a_name_is_seen(tmp_path):
    study = write_stored_study(tmp_path / "s", cells("a", [900, 910]))
    texts = ("# of line 3\n- conv: 3", "# of line 4\n- conv: 3")
    for folder, text in zip(sorted(study.glob("cells/*")), texts, strict=True):
        (folder / "run.json").write_text(json.dumps({"architecture": {"network": {"text": text}}}))
    assert len(compared(study).groups) == 1  # a comment makes no other network
    (folder / "run.json").write_text(json.dumps({"architecture": {"network": {"text": "- conv: 5"}}}))
    found = compared(study)
    assert (len(found.groups), found.differing) == (2, ("network",))


def test_a_single_run_is_compared_with_those_of_a_study(tmp_path):
    study = write_stored_study(tmp_path / "s", cells("a", [900]))
    single = write_single(tmp_path / "run", 870)
    found = compared(study, single)
    assert shape(found.groups) == [("A", "a", [0]), ("B", "small@wide", [0])]
    assert found.pairs[0].difference_points == pytest.approx(-3)


def test_what_is_not_known_of_one_side_is_no_difference(tmp_path):
    # b failed before its network was there: no fingerprint, no versions, and sizes of 0
    lost = cells("b", [0], state="failed", reason="no luck", run=None, parameters=0, macs=0)
    found = compared(write_stored_study(tmp_path / "s", [*cells("a", [900]), *lost]))
    assert found.differing == ("architecture",)
    (pair,) = found.pairs
    assert pair.sentence == "No comparison of B (b) with A (a): no run of B trained (failed)."
    assert pair.confounders == ()


def test_a_run_that_failed_early_is_of_the_group_that_is_like_it_else(tmp_path):
    lost = cells("a", [0], start=1, state="failed", reason="no luck", run=None, parameters=0, macs=0)
    found = compared(write_stored_study(tmp_path / "s", [*cells("a", [900]), *lost]))
    assert shape(found.groups) == [("A", "a", [0, 1])]


def test_what_only_one_side_has_is_a_difference(tmp_path):
    one = write_stored_study(tmp_path / "one", cells("a", [900], variant="wide", vars={"width": 8}))
    two = write_stored_study(tmp_path / "two", cells("a", [900]))
    assert compared(one, two).differing == ("variant", "vars.width")


def test_sentences_name_the_setting_of_a_grid(tmp_path):
    changes = {"grid": {"train.lr": 0.01}, "recipe": {"lr": 0.01}}
    runs = [*cells("one", [900], **changes), *cells("two", [910], **changes)]
    (pair,) = compared(write_stored_study(tmp_path / "s", runs)).pairs
    assert "B (two, lr=0.01) minus A (one, lr=0.01) was +1.00 points." in pair.sentence


def test_weights_at_the_start_are_told_and_no_file_s_name_makes_another_group(tmp_path):
    start = {"file": "/runs/digits/weights.pt", "sha256": "ab12" * 16, "except": ["fc"]}
    frozen = {"epochs": 3, "freeze": ["stem"]}
    study = write_stored_study(
        tmp_path / "s", [*cells("a", [900]), *cells("b", [910], weights=start, recipe=frozen)]
    )
    found = compared(study)
    assert "begins with" in found.differing
    (pair,) = found.pairs
    assert (
        'A begins with drawn weights; B begins with digits/weights.pt (sha256 ab12ab12ab12), except fc, ["stem"] frozen.'
        in pair.confounders
    )
    moved = {**start, "file": "moved.pt"}
    records = [*cells("a", [900], weights=start), *cells("a", [910], start=1, weights=moved)]
    assert shape(compared(write_stored_study(tmp_path / "t", records)).groups) == [("A", "a", [0, 1])]
