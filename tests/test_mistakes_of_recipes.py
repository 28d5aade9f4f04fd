"""What a reader sees of a mistake in a study, the whole screen: `train:` in `mistakes/recipes/`, the rest beside it.

Each screen was read as a student would read it, and is compared as a whole. To add one: write the study, and
beside it the screen that it should give.
"""

import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cnnbuild.errors import DocumentError
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.source import to_plain
from cnnbuild.lang.study import read_study
from cnnbuild.layers.schemas.studies import study_schema

FOLDERS = [Path(__file__).parent / "mistakes" / name for name in ("recipes", "studies")]
MISTAKES = sorted(path for folder in FOLDERS for path in folder.glob("*.yaml"))
GENERAL = Draft202012Validator(study_schema())
UNSEEN = {
    256: "a batch and its parts: a division",
    257: "nesterov and momentum together",
    258: "a schedule and the part that it looks at",
    259: "stopping early and the part that it looks at",
    272: "two keys of which one is far inside",
    286: "the order of a list",
    273: "a device and a precision together",
    331: "two paths of a grid together",
    332: "a path of a grid inside another",
    333: "a grid and an override",
    334: "what two values come to",
    335: "a product",
    337: "a condition and the grid",
    342: "a grid and a match",
    343: "a recipe and a budget",
    347: "files",
}
"""What no JSON Schema sees, which knows form alone."""


def refusal(path):
    with pytest.raises(DocumentError) as caught:
        read_study(path)
    return caught.value


def test_there_are_enough_mistakes_and_each_has_its_screen():
    assert len(MISTAKES) >= 50
    screens = [path for folder in FOLDERS for path in folder.glob("*.txt")]
    assert {path.stem for path in screens} == {path.stem for path in MISTAKES}


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_gives_its_screen(path):
    expected = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert str(refusal(path)).replace(f"{path.parent}{os.sep}", "") + "\n" == expected


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_every_caret_stands_under_something_and_no_line_is_endless(path):
    for problem in refusal(path).problems:
        place, source = problem.place, problem.place.source_line
        covered = source[place.column - 1 : place.column - 1 + place.length]
        assert covered.strip(" ") == covered != ""
        assert max(len(line) for line in problem.render().split("\n")) < 250


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_the_schema_refuses_what_is_wrong_in_form(path):
    assert GENERAL.is_valid(to_plain(read_yaml(path))) == (int(path.stem[:3]) in UNSEEN)


def test_no_number_is_that_of_another_mistake():
    numbers = [int(path.stem[:3]) for path in MISTAKES]
    others = {int(path.stem[:3]) for path in (Path(__file__).parent / "mistakes").glob("*.yaml")}
    assert len(others) >= 100
    assert len(set(numbers)) == len(numbers)
    assert not others & set(numbers)
