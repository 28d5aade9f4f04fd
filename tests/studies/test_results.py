"""Rows and groups of a study's results, with and without a grid, also of folders of before."""

import json

from cnnbuild.studies.matching import Matched
from cnnbuild.studies.results import read_results
from cnnbuild.studies.store import StudyFolder
from tests.studies.synthetic import cell_record, study_results, two_architectures


def grid_of(*settings: str, seeds: int = 3):
    return study_results(
        *(
            cell_record(name, seed, 800 + seed, grid={"lr": lr}, cell_id=f"{name}{lr}{seed}")
            for lr in settings
            for name in "ab"
            for seed in range(seeds)
        )
    )


def test_a_grid_gives_a_row_for_each_setting_and_architecture():
    results = grid_of("0.1", "0.01")
    assert [(row.setting, row.architecture, len(row.records)) for row in results.rows] == [
        ("lr=0.1", "a", 3), ("lr=0.1", "b", 3), ("lr=0.01", "a", 3), ("lr=0.01", "b", 3),
    ]  # fmt: skip
    assert [[row.where for row in rows] for rows in results.groups] == [
        ["digits (lr=0.1)"] * 2,
        ["digits (lr=0.01)"] * 2,
    ]


def test_without_a_grid_a_row_is_an_architecture_on_a_data_set():
    results = two_architectures([800], [900])
    assert [(row.setting, row.where, row.architecture) for row in results.rows] == [
        ("", "digits", "a"),
        ("", "digits", "b"),
    ]


def test_the_folder_of_a_study_from_before_there_was_a_grid_is_read(tmp_path):
    results = two_architectures([800], [900])
    plain = json.loads(json.dumps(results.study.model_dump(mode="json")))
    for key in ("settings", "matched", "budget"):
        del plain[key]
    for cell in plain["cells"]:
        del cell["setting"]
    store = StudyFolder(tmp_path)
    store.write_study(plain)
    for name, record in results.records.items():
        store.write_record(name, record)
    again = read_results(tmp_path)
    assert again.study == results.study
    assert [row.accuracies for row in again.rows] == [{0: 0.8}, {0: 0.9}]


def test_a_row_knows_what_match_chose_for_it(tmp_path):
    chosen = Matched(
        architecture="b", dataset="digits", setting="", quantity="parameters", variable="widths",
        value=(8, 16), count=1010, target=1000, within=0.02,
    )  # fmt: skip
    results = two_architectures(
        [800],
        [900],
    )
    study = results.study.model_copy(update={"matched": (chosen,)})
    store = StudyFolder(tmp_path)
    store.write_study(study.model_dump(mode="json"))
    rows = read_results(tmp_path).rows
    assert [row.matched for row in rows] == [None, chosen]
    assert str(chosen) == "widths [8, 16]: 1,010 parameters (+1.0 %)"


def test_the_status_of_a_row_names_every_way_in_which_runs_ended():
    states = ("done", "failed", "out_of_memory", "stalled", "killed", "diverged")
    records = [
        cell_record("a", seed, 800, state=state, **({} if state == "done" else {"run": None}))
        for seed, state in enumerate(states)
    ]
    assert study_results(*records).rows[0].status == (
        "1 of 6 trained, 1 diverged, 1 failed, 1 out of memory, 1 stalled, 1 killed"
    )
