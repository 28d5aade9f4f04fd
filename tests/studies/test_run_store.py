"""Runs are found, read and named from their folders alone."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from cnnbuild.errors import UsageError
from cnnbuild.studies.epoch_news import EpochNews
from cnnbuild.studies.light_record import read_light
from cnnbuild.studies.record import Attempt
from cnnbuild.studies.run_store import choose_runs, find_runs
from cnnbuild.studies.stored_run import StoredRun
from tests.studies.stored_runs import (
    folder_name,
    numbered,
    write_cell,
    write_comparison,
    write_single,
    write_stored_study,
)
from tests.studies.synthetic import run_record

LONG_AGO = 1_700_000_000


def chosen(words: list[str], folder: Path) -> list[StoredRun]:
    return choose_runs(words, lambda: find_runs([folder]))


def test_all_runs_below_a_folder_are_found_in_the_order_of_their_studies(tmp_path):
    first = [numbered("b", 1, 900, 0xB1), numbered("a", 0, 800, 0xA0)]
    write_stored_study(tmp_path / "one", first, pending=[numbered("c", 0, 0, 0xC0)])
    write_single(tmp_path / "deep" / "er" / "run")
    (tmp_path / ".hidden").mkdir()
    write_single(tmp_path / ".hidden" / "run")
    (tmp_path / "linked").symlink_to(tmp_path / "deep")
    found = find_runs([tmp_path])
    assert [(run.id, run.study, run.state) for run in found] == [
        ("run", "", "done"),
        ("000000b1", "test", "done"),
        ("000000a0", "test", "done"),
        ("000000c0", "test", "pending"),
    ]
    assert find_runs([tmp_path, tmp_path / "one"]) == found


def test_a_cell_is_read_as_its_record_says(tmp_path):
    record = numbered(
        "wide",
        3,
        912,
        0xABC,
        vars={"width": 32},
        grid={"train.optimizer.sgd.lr": 0.1, "vars.depth": 2},
        recipe={"epochs": 5, "optimizer": {"sgd": {"lr": 0.1}}, "augment": ["flip"]},
        attempts=(Attempt("killed", "", 1.0), Attempt("done", "", 2.0)),
    )
    study = write_stored_study(tmp_path / "study", [record], title="study@large")
    (run,) = find_runs([study])
    assert run == StoredRun(
        folder=study / "cells" / "wide-digits-seed3-00000abc",
        id="00000abc",
        cell_id="00000abc" + 56 * "0",
        study="study@large",
        architecture="wide",
        dataset="digits",
        seed=3,
        setting="lr=0.1, depth=2",
        state="done",
        test_accuracy=0.912,
        test_loss=0.3,
        epochs=3,
        planned_epochs=5,
        parameters=1000,
        macs=5000,
        seconds=4.5,
        attempts=2,
        device="cpu",
        ended="2026-01-01T00:00:04+00:00",
        about={
            "vars.width": 32,
            "grid.train.optimizer.sgd.lr": 0.1,
            "grid.vars.depth": 2,
            "recipe.epochs": 5,
            "recipe.optimizer.sgd.lr": 0.1,
            "recipe.augment": '["flip"]',
        },
    )


def test_a_single_run_is_read_as_its_record_says(tmp_path):
    folder = write_single(tmp_path / "here", 870)
    os.utime(folder / "record.json", (LONG_AGO, LONG_AGO))
    (run,) = find_runs([tmp_path])
    assert (run.id, run.cell_id, run.study, run.architecture) == ("here", "", "", "small@wide")
    assert (run.state, run.test_accuracy, run.macs, run.epochs) == ("done", 0.87, 77, 3)
    assert (run.ended, run.is_cell) == ("2023-11-14T22:13:20+00:00", False)


@pytest.mark.parametrize("state", ["failed", "out_of_memory", "stalled", "killed", "diverged"])
def test_why_a_run_has_no_result_is_told(tmp_path, state):
    record = numbered("a", 0, 0, 1, state=state, reason="it was so", run=None)
    (run,) = find_runs([write_stored_study(tmp_path / "study", [record])])
    assert (run.state, run.reason, run.test_accuracy, run.epochs) == (state, "it was so", None, None)


def test_a_light_reading_differs_from_the_whole_only_in_what_is_cut(tmp_path):
    awkward = {"epochs": [1, 2], "run": '"selected_epoch": "run": {', "confusion": [[1]]}
    record = numbered("a", 0, 900, 1, vars=awkward)
    path = write_cell(tmp_path, record) / "record.json"
    whole = json.loads(path.read_text())
    whole["run"]["epochs"] = 3
    whole["run"]["test"]["confusion"] = []
    light = read_light(path)
    assert light.pop("vars") in (awkward, {**awkward, "confusion": []})
    whole.pop("vars")
    assert light == whole


@pytest.mark.parametrize(
    "nested", [{"run": {"epochs": [1]}}, {"a": {"run": {"epochs": [], "selected_epoch": 1}}}]
)
def test_a_record_in_which_the_cut_would_go_wrong_is_read_as_a_whole(tmp_path, nested):
    path = write_cell(tmp_path, numbered("a", 0, 900, 1, vars=nested)) / "record.json"
    light = read_light(path)
    assert light["vars"] == nested
    assert light["run"]["epochs"] == 3


def test_a_record_that_was_written_without_spaces_is_read_too(tmp_path):
    path = write_cell(tmp_path, numbered("a", 0, 900, 1)) / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()), separators=(",", ":")))
    assert read_light(path)["run"]["epochs"] == 3


def test_a_damaged_record_makes_a_run_pending_with_the_reason(tmp_path):
    study = write_stored_study(tmp_path / "study", [numbered("a", 0, 900, 1)])
    (study / "cells" / "a-digits-seed0-00000001" / "record.json").write_text('{"cell_id": ')
    (run,) = find_runs([study])
    assert (run.state, run.reason, run.architecture) == ("pending", "record.json is damaged", "a")


def test_what_a_study_asks_for_no_more_is_listed_last_and_marked(tmp_path):
    study = write_stored_study(tmp_path / "study", [numbered("b", 0, 900, 2)])
    write_cell(study, numbered("a", 0, 900, 1))
    assert [(run.architecture, run.asked) for run in find_runs([study])] == [("b", True), ("a", False)]
    assert [run.asked for run in chosen(["00000001"], study)] == [False]


def test_the_point_of_the_grid_is_told_as_the_study_tells_it(tmp_path):
    record = numbered("b", 0, 900, 2, grid={"train.lr": 0.1})
    study = write_stored_study(tmp_path / "study", [record], pending=[numbered("c", 0, 0, 3)])
    content = json.loads((study / "study.json").read_text())
    for cell in content["cells"]:
        cell["setting"] = "lr=1e-1"
    (study / "study.json").write_text(json.dumps(content))
    assert [run.setting for run in find_runs([study])] == ["lr=1e-1", "lr=1e-1"]


def test_a_damaged_study_file_hides_no_run(tmp_path):
    study = write_stored_study(tmp_path / "study", [numbered("b", 0, 900, 2)])
    for content in ("{", '{"title": "s"}', "[]"):
        (study / "study.json").write_text(content)
        (run,) = find_runs([study])
        assert (run.study, run.state, run.asked, run.plan_lost) == ("study", "done", True, True)
        assert [(run.asked, run.plan_lost) for run in chosen([str(run.folder)], study)] == [(True, True)]


def begun(study: Path, *, executor: str = "local") -> Path:
    """The folder of the study's run `a`, as a worker that is at it leaves it."""
    folder = study / "cells" / folder_name(numbered("a", 0, 0, 1))
    folder.mkdir(parents=True, exist_ok=True)
    job = {"architecture": "a", "seed": 0, "executor": executor, "attempt": 2, "recipe": {"epochs": 9}}
    (folder / "job.json").write_text(json.dumps(job))
    (folder / "worker.lock").touch()
    (folder / "pulse").touch()
    news = EpochNews(4, 9, 0.5, 0.8, 0.75, 1.0).to_line()
    (folder / "progress.jsonl").write_text(f"{news}\nhalf a li")
    return folder


def test_a_run_is_running_while_its_worker_holds_the_lock(tmp_path):
    study = write_stored_study(tmp_path / "study", [], pending=[numbered("a", 0, 0, 1)])
    folder = begun(study)
    with FileLock(folder / "worker.lock"):
        (run,) = find_runs([study])
        assert (run.state, run.epochs, run.planned_epochs, run.attempts) == ("running", 4, 9, 2)
        assert run.validation_accuracy == 0.75
    assert [run.state for run in find_runs([study])] == ["pending"]


def test_a_worker_elsewhere_is_known_by_its_pulse(tmp_path):
    study = write_stored_study(tmp_path / "study", [], pending=[numbered("a", 0, 0, 1)])
    folder = begun(study, executor="slurm")
    assert [run.state for run in find_runs([study])] == ["running"]
    for file in folder.iterdir():
        os.utime(file, (time.time() - 1000, time.time() - 1000))
    assert [run.state for run in find_runs([study])] == ["pending"]


def test_a_failed_run_that_is_run_again_is_running(tmp_path):
    failed = numbered("a", 0, 0, 1, state="failed", reason="no luck", run=None)
    study = write_stored_study(tmp_path / "study", [failed])
    folder = begun(study)
    assert [run.state for run in find_runs([study])] == ["failed"]
    with FileLock(folder / "worker.lock"):
        assert [run.state for run in find_runs([study])] == ["running"]


def test_a_run_is_named_by_its_folder_or_the_beginning_of_its_id_or_name(tmp_path, monkeypatch):
    study = write_stored_study(tmp_path / "study", [numbered("wide", 0, 900, 0xABCDEF12)])
    write_single(tmp_path / "single")
    name = "wide-digits-seed0-abcdef12"
    monkeypatch.chdir(tmp_path)
    for word in ("abc", "abcdef12", f"abcdef12{56 * '0'}", "wide-", str(study / "cells" / name)):
        assert [run.folder.name for run in chosen([word], tmp_path)] == [name]
    assert [run.id for run in chosen(["sin", "single"], tmp_path)] == ["single"]


def test_a_word_that_names_several_runs_or_none_is_refused(tmp_path):
    write_stored_study(tmp_path / "study", [numbered("a", seed, 900, 0xAA00 + seed) for seed in range(12)])
    with pytest.raises(UsageError) as error:
        chosen(["0000aa0"], tmp_path)
    assert str(error.value).startswith("'0000aa0' is the beginning of 12 runs: ")
    assert str(error.value).endswith("a-digits-seed9-0000aa09 and 2 more; name the folder")
    with pytest.raises(UsageError, match=r"^'0000ba01' is no run; did you mean '0000aa01'\?$"):
        chosen(["0000ba01"], tmp_path)
    with pytest.raises(UsageError, match=r"study is not the folder of a run; `cnnbuild runs .*study` lists"):
        chosen([str(tmp_path / "study")], tmp_path)
    with pytest.raises(UsageError, match=r"nowhere: there is no such folder$"):
        find_runs([tmp_path / "nowhere"])


def test_a_run_that_is_named_twice_is_chosen_once(tmp_path):
    study = write_stored_study(tmp_path / "study", [numbered("a", 0, 900, 1)])
    assert len(chosen(["a-", "00000001", str(study / "cells" / "a-digits-seed0-00000001")], tmp_path)) == 1


def test_a_diverged_run_has_the_epochs_before(tmp_path):
    diverged = run_record(0, status="diverged", test=None, selected_epoch=None)
    write_single(tmp_path / "run", record=replace(diverged, epochs=diverged.epochs[:2]))
    (run,) = find_runs([tmp_path])
    assert (run.state, run.epochs, run.test_accuracy) == ("diverged", 2, None)


@pytest.mark.parametrize("finished", [True, False])
def test_the_pairs_of_a_comparison_of_layers_are_no_runs(tmp_path, finished):
    write_comparison(tmp_path / "runs" / "gates", finished=finished)
    write_single(tmp_path / "runs" / "layers" / "small")  # a run whose folder lies in one of that name
    found = find_runs([tmp_path / "runs"])
    assert [run.folder for run in found] == [tmp_path / "runs" / "layers" / "small"]


def test_a_comparison_of_layers_that_is_named_is_refused_with_its_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_comparison(Path("runs/gates"))
    told = "is a comparison of layers, not a run: nothing was trained; its report is runs/gates/report.html"
    for word in ("runs/gates", "runs/gates/layers/gate"):
        for look in (lambda one: find_runs([Path(one)]), lambda one: chosen([one], Path("runs"))):
            with pytest.raises(UsageError) as refused:
                look(word)
            assert str(refused.value) == f"{word} {told}"


def test_a_damaged_pair_of_a_comparison_of_layers_is_no_run_either(tmp_path):
    pair = write_comparison(tmp_path / "gates")
    (pair / "record.json").write_text("{")
    assert find_runs([tmp_path]) == []


def test_a_run_that_was_stopped_and_is_asked_for_no_more_is_not_pending(tmp_path):
    study = write_stored_study(tmp_path / "study", [])
    folder = begun(study)
    job = json.loads((folder / "job.json").read_text())
    job |= {"data": "auto", "dataset": {"name": "cifar10", "train_images": 5000, "size": 16}}
    (folder / "job.json").write_text(json.dumps(job))
    (run,) = find_runs([study])
    assert (run.state, run.asked) == ("killed", False)
    assert run.reason == "it was stopped, and its study does not ask for it any more"
    assert run.dataset == "CIFAR-10, 5,000 training images, 16x16"
    job["dataset"] = {"name": "of another version"}
    (folder / "job.json").write_text(json.dumps(job))
    assert [run.dataset for run in find_runs([study])] == ["of another version"]
    with FileLock(folder / "worker.lock"):
        assert [run.state for run in find_runs([study])] == ["running"]
    (folder / "record.json").write_text("{")
    (run,) = find_runs([study])
    assert (run.state, run.reason) == ("killed", "record.json is damaged")
