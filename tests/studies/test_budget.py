"""The same amount of training for every run, in steps that are worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cnnbuild.errors import DocumentError, Place
from cnnbuild.lang.study import read_study
from cnnbuild.lang.study_document import Budget
from cnnbuild.studies.plan import StudyPlan, plan_study
from tests.studies.studies_on_disk import STUDY, write_study

PLACE = Place("tiny.yaml", 11, 9, 10, "budget: {images: 1}")


def plan(folder: Path, unit: str, amount: float, text: str = STUDY) -> StudyPlan:
    document = read_study(write_study(folder, text))
    return plan_study(replace(document, budget=Budget(unit, amount, PLACE)), data_root=None)


def lengths(planned: StudyPlan) -> list[tuple[str, str]]:
    return [*dict.fromkeys((cell.architecture, cell.recipe.describe_length()) for cell in planned.cells)]


def test_a_budget_of_multiply_adds_gives_smaller_networks_more_steps(tmp_path):
    # narrow: 64 * 8 + 8 * 10 = 592 multiply-adds, wide: 2,368; a step of 64 images takes 3 * 64 times as many
    assert lengths(plan(tmp_path, "macs", 1e8)) == [
        ("narrow", f"{int(1e8 // (3 * 592 * 64))} steps"),
        ("wide", f"{int(1e8 // (3 * 2368 * 64))} steps"),
    ] == [("narrow", "879 steps"), ("wide", "219 steps")]  # fmt: skip


def test_a_budget_of_images_gives_all_the_same_number_of_them(tmp_path):
    assert lengths(plan(tmp_path, "images", 10_000)) == [("narrow", "156 steps"), ("wide", "156 steps")]
    text = STUDY.replace(
        "wide: {file: net.yaml, vars: {width: 32}}", "wide: {file: net.yaml, train: {batch_size: 32}}"
    )
    assert lengths(plan(tmp_path, "images", 10_000, text)) == [("narrow", "156 steps"), ("wide", "312 steps")]


def test_a_budget_of_seconds_replaces_the_epochs(tmp_path):
    planned = plan(tmp_path, "seconds", 30)
    assert lengths(planned) == [("narrow", "30 seconds"), ("wide", "30 seconds")]
    assert {(cell.recipe.epochs, cell.recipe.steps) for cell in planned.cells} == {(None, None)}


def test_another_budget_is_another_run(tmp_path):
    first, other = (plan(tmp_path, "images", amount).cells[0].identity("data") for amount in (6400, 12800))
    assert first != other
    by_steps = plan_study(
        read_study(write_study(tmp_path, STUDY.replace("epochs: 2", "steps: 100"))), data_root=None
    )
    assert by_steps.cells[0].identity("data") == first  # 6,400 images in steps of 64


def test_a_budget_that_is_not_enough_for_a_step_is_refused_with_the_least(tmp_path):
    with pytest.raises(DocumentError) as caught:
        plan(tmp_path, "macs", 200_000)
    (wide,) = caught.value.problems
    # 3 * 2,368 * 64 = 454,656; 1,438 training images of which 144 are held out: 1,294, and 3 * 2,368 * 1,294
    assert (wide.message, wide.help, wide.context, wide.place) == (
        "200,000 multiply-adds of training are less than one step, which takes 454,656",
        "give at least 454,656 multiply-adds of training; an epoch takes 9,192,576",
        ("for wide on digits",),
        PLACE,
    )
    with pytest.raises(DocumentError) as caught:
        plan(tmp_path, "images", 63)
    assert [(p.message, p.help) for p in caught.value.problems] == [
        ("63 training images are less than one step, which takes 64",
         "give at least 64 training images; an epoch takes 1,294"),
    ]  # fmt: skip
    assert lengths(plan(tmp_path, "images", 64)) == [("narrow", "1 step"), ("wide", "1 step")]


def test_what_the_budget_never_reaches_is_warned_of_and_what_it_reaches_is_not(tmp_path):
    text = STUDY.replace("{epochs: 2,", "{schedule: {multi_step: {milestones: [12]}},")

    def warnings(images: int) -> list[tuple[str, int, tuple[str, ...]]]:
        document = read_study(write_study(tmp_path, f"{text}budget: {{images: {images}}}\n"))
        found = plan_study(document, data_root=None).warnings
        return [(one.message, one.place.line, one.context) for one in found]

    # 1,294 images are 21 steps; 300 steps are 15 epochs, 100 are 5; a recipe without a length has 10
    assert warnings(19_200) == []
    assert warnings(6_400) == [("milestone 12 is never reached in 5 epochs", 11, ("for narrow on digits",))]
