"""The recipe of `cnnbuild train`: a file, single values, short cuts, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnbuild.cli.train_recipe import RecipeArguments, recipe_asked
from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.lang.recipe import Recipe

STUDY = """\
cnnbuild: 1
study: some
architectures: {one: net.yaml}
datasets: [digits]
train:
  epochs: 4
  optimizer: {sgd: {lr: 0.1, momentum: 0.9}}
variants:
  quick: {train: {epochs: 1}}
"""


def asked(*assignments: str, file: str | None = None, **short: object) -> dict[str, object]:
    return recipe_asked(RecipeArguments(file, assignments, **short)).plain()  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(STUDY)


def test_without_arguments_it_is_the_default_recipe():
    assert asked() == Recipe().plain()


def test_a_studys_recipe_is_taken_and_changed():
    assert (
        asked(file="study.yaml")
        == Recipe.model_validate({"epochs": 4, "optimizer": {"sgd": {"lr": 0.1, "momentum": 0.9}}}).plain()
    )
    changed = asked("optimizer.sgd.momentum=0.5", file="study.yaml@quick", lr=0.2)
    assert (
        changed
        == Recipe.model_validate({"epochs": 1, "optimizer": {"sgd": {"lr": 0.2, "momentum": 0.5}}}).plain()
    )


@pytest.mark.parametrize(
    "text",
    [
        "train: {batch_size: 8}\n",
        "batch_size: 8\n",
        "cnnbuild: 1\ntrain: {batch_size: 8}",
        "cnnbuild: 1\nbatch_size: 8",
    ],
)
def test_a_file_may_hold_the_recipe_alone(text: str):
    Path("recipe.yaml").write_text(text)
    assert asked(file="recipe.yaml") == Recipe(batch_size=8).plain()


def test_values_are_yaml_and_paths_lead_into_choices():
    recipe = asked(
        "augment=[horizontal_flip]", "optimizer=sgd", "optimizer.sgd.lr=1e-2", "average.ema.decay=0.9"
    )
    assert recipe["augment"] == [{"horizontal_flip": {"p": 0.5}}]
    assert (
        recipe["optimizer"]
        == Recipe.model_validate({"optimizer": {"sgd": {"lr": 0.01}}}).plain()["optimizer"]
    )
    assert recipe["average"] == {"ema": {"decay": 0.9}}


def test_a_budget_takes_the_place_of_the_files():
    assert asked("steps=100", file="study.yaml").get("epochs") is None
    Path("recipe.yaml").write_text("seconds: 60")
    assert asked(file="recipe.yaml", epochs=2).get("seconds") is None


def test_lr_is_that_of_the_optimizer_that_is_used():
    assert asked(lr=0.5)["optimizer"]["adam"]["lr"] == 0.5
    assert asked(lr=0.5, file="study.yaml")["optimizer"]["sgd"]["lr"] == 0.5
    assert asked("optimizer=adamw", lr=0.5, file="study.yaml")["optimizer"]["adamw"]["lr"] == 0.5
    assert asked("optimizer={nadam: {}}", lr=0.5)["optimizer"]["nadam"]["lr"] == 0.5


def first_line(**arguments: object) -> str:
    assignments = arguments.pop("train", ())
    with pytest.raises((DocumentError, UsageError)) as caught:
        asked(*assignments, **arguments)  # type: ignore[misc, arg-type]
    return str(caught.value).splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"train": ["epochs=-1"]},
            "--train:1:8: error: 'epochs' of the recipe: expected a number of at least 1, not the number -1",
        ),
        ({"train": ["epoch=1"]}, "--train:1:1: error: unknown key 'epoch' in the recipe"),
        ({"train": ["optimizer=sgdd"]}, "--train:1:11: error: unknown optimizer 'sgdd'"),
        (
            {"train": ["optimizer.sgd.momentum=0.9"]},
            "--train:1:11: error: 'optimizer.sgd' of the recipe needs 'lr'",
        ),
        (
            {"train": ["epochs"]},
            "--train takes key=value, like epochs=5 or optimizer.sgd.lr=0.1, not 'epochs'",
        ),
        (
            {"train": ["a..b=1"]},
            "--train takes key=value, like epochs=5 or optimizer.sgd.lr=0.1, not 'a..b=1'",
        ),
        ({"train": ["epochs=1", "epochs=2"]}, "--train gives 'epochs' twice"),
        (
            {"train": ["epochs=1"], "epochs": 2},
            "--epochs and --train epochs=… say the same; give one of them",
        ),
        (
            {"precision": "fp8"},
            "--precision:1:11: error: 'precision' of the recipe: expected 'auto', 'fp32', 'bf16' or 'fp16', "
            "not the text 'fp8'",
        ),
        ({"lr": -1.0}, "--lr is a number above 0, not -1.0"),
        ({"lr": float("nan")}, "--lr is a number above 0, not nan"),
        ({"file": "studdy.yaml"}, "studdy.yaml: there is no such file; did you mean 'study.yaml'?"),
        ({"file": "study.yaml@quik"}, "study.yaml has no variant 'quik'; did you mean 'quick'?"),
    ],
)
def test_what_is_wrong_is_shown_where_it_stands(arguments: dict[str, object], message: str):
    assert first_line(**arguments) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "recipe.yaml:1:1: error: a recipe is a mapping, not a list"),
        ("cnnbuild: 1\nlayers: []", "recipe.yaml:1:1: error: this file holds no recipe"),
        ("train: 3", "recipe.yaml:1:8: error: 'train' is a mapping of the recipe's keys"),
        ("train: {}\nepochs: 3", "recipe.yaml:2:1: error: 'epochs' stands beside 'train'"),
        ("epochs: 3\noptimizer: {sdg: {lr: 1}}", "recipe.yaml:2:13: error: unknown optimizer 'sdg'"),
    ],
)
def test_what_is_wrong_in_the_file_is_shown_there(text: str, message: str):
    Path("recipe.yaml").write_text(text)
    assert first_line(file="recipe.yaml") == message


def test_what_is_never_reached_is_a_warning(capsys: pytest.CaptureFixture[str]):
    asked("schedule.step.step_size=5", epochs=3)
    assert "warning: a step_size of 5 is never reached in 3 epochs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("assignments", "help_"),
    [
        (("optimizer.lr=1",), "write optimizer.adam.lr=1, or --lr 1"),
        (("optimizer.lr=1", "optimizer=adamw"), "write optimizer.adamw.lr=1, or --lr 1"),
        (("optimizer.eps=1",), "write optimizer.adam.eps=1"),
        (("lr=3",), "the rate belongs to the optimizer: `optimizer: {adam: {lr: 3}}`"),
        (
            ("momentum=0.9", "optimizer.sgd.lr=1"),
            "'momentum' belongs to the optimizer: `optimizer: {sgd: {momentum: 0.9}}`",
        ),
    ],
)
def test_a_setting_of_the_optimizer_in_another_place_is_told_where_it_belongs(assignments, help_):
    with pytest.raises(DocumentError) as caught:
        asked(*assignments)
    assert [problem.help for problem in caught.value.problems] == [help_]


def test_settings_in_a_wrong_place_of_a_file_are_told_where_they_belong():
    Path("recipe.yaml").write_text("epochs: 1\nlr: 3e-1\noptimizer: adamw\n")
    Path("inside.yaml").write_text("optimizer: {lr: 1}\n")
    with pytest.raises(DocumentError) as beside:
        asked(file="recipe.yaml")
    [problem] = beside.value.problems
    assert (problem.message, problem.place.line) == ("unknown key 'lr' in the recipe", 2)
    assert problem.help == "the rate belongs to the optimizer: `optimizer: {adamw: {lr: 3e-1}}`"
    with pytest.raises(DocumentError) as inside:
        asked(file="inside.yaml")
    [problem] = inside.value.problems
    assert problem.help == "'lr' is a setting: name the optimizer first, `{sgd: {lr: 1}}`"
