"""What a reader sees of a mistake in a study of layers: the whole screen, for each file in `mistakes/layer_studies/`.

Each screen was read as a student would read it, and is compared as a whole. To add one: write the study, and
beside it the screen that it should give.
"""

import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cnnbuild.errors import DocumentError
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.layer_study import read_layer_study
from cnnbuild.lang.source import to_plain
from cnnbuild.layers.schemas.studies import study_schema
from cnnbuild.studies.layer_comparison.plan import plan_layers

MISTAKES = sorted((Path(__file__).parent / "mistakes" / "layer_studies").glob("*.yaml"))
GENERAL = Draft202012Validator(study_schema())
UNSEEN = {
    354: "shapes",
    358: "expressions: any text with a `$` is one",
    360: "a condition that drops a layer",
    364: "shapes",
}
"""What no JSON Schema sees, which knows form alone."""


def refusal(path):
    with pytest.raises(DocumentError) as caught:
        plan_layers(read_layer_study(path))
    return caught.value


def test_there_are_enough_mistakes_and_each_has_its_screen():
    assert len(MISTAKES) >= 15
    assert {path.stem for path in MISTAKES[0].parent.glob("*.txt")} == {path.stem for path in MISTAKES}


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
    folder = Path(__file__).parent / "mistakes"
    others = {int(path.stem[:3]) for path in (*folder.glob("*.yaml"), *(folder / "recipes").glob("*.yaml"))}
    assert len(others) >= 100
    assert len(set(numbers)) == len(numbers)
    assert not others & set(numbers)
