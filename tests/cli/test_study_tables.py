"""The tables of `cnnbuild run` with a grid, a match, a budget and an estimate; without them they are as before."""

from __future__ import annotations

from dataclasses import replace

from rich.table import Table

from cnnbuild.cli.study_tables import plan_table, results_table
from cnnbuild.errors import Place
from cnnbuild.lang.study import read_study
from cnnbuild.lang.study_document import Budget, GridValue, Match
from cnnbuild.studies.estimate import Estimate
from cnnbuild.studies.matching import Matched
from cnnbuild.studies.plan import StudyPlan, plan_study
from tests.studies.studies_on_disk import STUDY, write_study
from tests.studies.synthetic import cell_record, study_results, two_architectures

PLACE = Place("tiny.yaml", 11, 1, 5, "match: {parameters: 5_000, by: width}")
FREE = STUDY.replace(", vars: {width: 8}", "").replace(", vars: {width: 32}", "")


def lines(table: Table) -> list[list[str]]:
    return [
        [str(column.header) for column in table.columns],
        *map(list, zip(*(c.cells for c in table.columns), strict=True)),
    ]


def plan(folder, *, grid=(), **changes) -> StudyPlan:
    document = replace(read_study(write_study(folder, FREE), seeds=1), **changes)
    points = [GridValue("train.optimizer.adam.lr", "lr", value, PLACE) for value in grid]
    if points:
        crossed = [replace(c, grid=(point,)) for c in document.combinations for point in points]
        document = replace(document, combinations=tuple(crossed))
    return plan_study(document, data_root=None)


def test_a_plain_plan_has_no_column_more_than_before(tmp_path):
    table = plan_table(plan(tmp_path))
    assert lines(table)[0] == [
        "architecture", "data set", "input", "seeds", "epochs", "batch", "parameters", "multiply-adds",
    ]  # fmt: skip
    assert table.caption is None


def test_the_plan_shows_settings_what_was_matched_the_budget_and_the_time(tmp_path):
    planned = plan(
        tmp_path, grid=(0.1, 0.01), match=Match("parameters", 5_000, "width", 0.02, PLACE),
        budget=Budget("images", 6_400, PLACE),
    )  # fmt: skip
    table = plan_table(planned, Estimate((1.4, 20.0, None, 1234.0), 2, 0, 0, 1.0))
    # 75 w + 10 = 4,960 for w = 66, 5,035 for 67
    assert lines(table) == [
        ["architecture", "data set", "setting", "input", "seeds", "training", "batch", "parameters", "multiply-adds",
         "s/run", "matched by"],
        ["narrow", "digits", "lr=0.1", "1x8x8", "0", "100 steps", "64", "5,035", "4,958", "1", "width 67 (+0.7 %)"],
        ["narrow", "digits", "lr=0.01", "1x8x8", "0", "100 steps", "64", "5,035", "4,958", "20", "width 67 (+0.7 %)"],
        ["wide", "digits", "lr=0.1", "1x8x8", "0", "100 steps", "64", "5,035", "4,958", "?", "width 67 (+0.7 %)"],
        ["wide", "digits", "lr=0.01", "1x8x8", "0", "100 steps", "64", "5,035", "4,958", "1,234", "width 67 (+0.7 %)"],
    ]  # fmt: skip
    assert table.caption == (
        "Matched on parameters: 5,000 within 2 %\nBudget of each run: 6,400 training images"
    )


def test_results_have_a_setting_only_where_there_is_a_grid_and_say_what_was_matched():
    assert lines(results_table(two_architectures([800], [900])))[0] == [
        "architecture", "data set", "seeds", "test accuracy %", "parameters", "s/epoch", "status",
    ]  # fmt: skip
    records = [
        cell_record("a", 0, 800, grid={"lr": 0.1}, cell_id="one"),
        cell_record("a", 0, 0, grid={"lr": 0.2}, cell_id="two", state="stalled", run=None),
    ]
    chosen = Matched(
        architecture="a", dataset="digits", setting="lr=0.1", quantity="macs", variable="[b]width",
        value=8, count=980, target=1000, within=0.025,
    )  # fmt: skip
    table = results_table(study_results(*records, matched=(chosen,)))
    assert lines(table) == [
        ["architecture", "data set", "setting", "seeds", "test accuracy %", "parameters", "s/epoch", "matched by",
         "status"],
        ["a", "digits", "lr=0.1", "1", "80.00", "1,000", "1", "\\[b]width 8 (-2.0 %)", "trained"],
        ["a", "digits", "lr=0.2", "1", "none", "1,000", "", "", "0 of 1 trained, 1 stalled"],
    ]  # fmt: skip
    assert table.caption == "Matched on multiply-adds: 1,000 within 2.5 %"
