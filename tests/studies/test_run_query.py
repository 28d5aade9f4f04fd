"""Conditions on runs, and their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.studies.run_query import columns_of, parse_condition, sort_runs
from cnnbuild.studies.stored_run import StoredRun

RUNS = [
    StoredRun(Path("1"), "1", architecture="wide", seed=0, state="done", test_accuracy=0.95, parameters=2000),
    StoredRun(
        Path("2"),
        "2",
        architecture="narrow",
        seed=1,
        state="done",
        test_accuracy=0.9,
        about={"vars.width": 8},
    ),
    StoredRun(Path("3"), "3", architecture="widest", seed=10, state="failed", reason="no room", asked=False),
    StoredRun(
        Path("4"),
        "4",
        architecture="wide",
        seed=2,
        state="killed",
        setting="lr=0.1, width=8",
        about={"vars.width": 16, "recipe.select": "best", "recipe.compile": False},
    ),
]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("architecture=wide", "14"),
        ("architecture = wide | narrow", "124"),
        ("architecture!=wide", "23"),
        ("architecture~wide", "134"),
        ("reason~ROOM", "3"),
        ("state=failed|killed", "34"),
        ("test_accuracy>0.9", "1"),
        ("test_accuracy>=90%", "12"),
        ("test_accuracy<0.95", "2"),
        ("test_accuracy<=0.95", "12"),
        ("test_accuracy!=0.95", "234"),
        ("seed==10", "3"),
        ("seed>1", "34"),
        ("parameters>1,999", "1"),
        ("vars.width=8", "2"),
        ("vars.width>8", "4"),
        ("recipe.select=best", "4"),
        ("recipe.compile=false", "4"),
        ("setting=lr=0.1, width=8", "4"),
        ("asked=no", "3"),
        ("folder~2", "2"),
    ],
)
def test_a_condition_selects_runs(condition, expected):
    asked = parse_condition(condition, RUNS)
    assert "".join(run.id for run in RUNS if asked.holds(run)) == expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("archtecture=wide", "runs have no column 'archtecture'; did you mean 'architecture'?"),
        ("vars.widht=8", "runs have no column 'vars.widht'; did you mean 'vars.width'?"),
        ("width=8", "runs have no column 'width'; write the whole path: vars.width"),
        ("train.select=best", "runs have no column 'train.select'; write the whole path: recipe.select"),
        ("state=faild", "--where state=faild: there is no state 'faild'; did you mean 'failed'?"),
        ("seed=first", "--where seed=first: 'seed' is a number, not 'first'"),
        ("test_accuracy>95", "--where test_accuracy>95: accuracies are fractions; write 0.95 or 95%"),
        ("asked=perhaps", "--where asked=perhaps: 'asked' is true or false, not 'perhaps'"),
        (
            "__import__('os')",
            "--where takes a column, one of = != > >= < <= ~, and a value, as in 'test_accuracy>0.9'; "
            "not '__import__('os')'",
        ),
    ],
)
def test_a_condition_that_means_nothing_is_refused(condition, message):
    with pytest.raises(UsageError) as error:
        parse_condition(condition, RUNS)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("test_accuracy", "2134"),
        ("-test_accuracy", "1234"),
        ("-seed", "3421"),
        ("architecture,-seed", "2413"),
        ("vars.width", "2413"),
    ],
)
def test_runs_are_sorted_with_those_without_a_value_last(order, expected):
    assert "".join(run.id for run in sort_runs(RUNS, order)) == expected


def test_an_unknown_column_to_sort_by_is_refused():
    with pytest.raises(UsageError, match=r"^runs have no column 'accuracy'; "):
        sort_runs(RUNS, "-accuracy")


def test_the_columns_of_runs_are_those_of_all_and_those_that_one_has():
    assert columns_of(RUNS)[-3:] == ["vars.width", "recipe.select", "recipe.compile"]
