"""`cnnbuild resume` as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import cnnbuild
from cnnbuild.cli.resume import command_of
from cnnbuild.lang.study import read_study
from cnnbuild.studies.plan import plan_study
from cnnbuild.studies.run import run_plan
from cnnbuild.studies.study_file import Invocation
from tests.cli.commands import in_this_process
from tests.studies.runs_on_disk import NETWORK
from tests.studies.stored_runs import numbered, write_comparison, write_stored_study
from tests.studies.studies_on_disk import STUDY, write_study

SETTINGS: dict[str, object] = {"train.epochs": 1, "seeds": [0, 1]}


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """`cnnbuild` inside this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return in_this_process(monkeypatch, capsys)


def started(folder: Path, **changes: object) -> Path:
    """A study of which all runs have ended, started with `SETTINGS`; gives its results' folder."""
    file = write_study(folder)
    plan = plan_study(read_study(file, settings=SETTINGS), data_root=None)
    invocation = Invocation(**{"file": str(file), "settings": SETTINGS, "executor": "local", **changes})
    run_plan(plan, out=folder / "out", data_root=None, invocation=invocation)
    return folder / "out"


def test_the_command_of_a_start_is_written_again_with_changed_flags():
    invocation = Invocation(
        file="/a/study.yaml",
        variant="small",
        settings={"train.epochs": 2, "vars.stem": "cifar", "vars.depths": [1, 2]},
        datasets=("digits", "mnist"),
        seeds=3,
        plugins=("/a/mine.py",),
        trust=True,
        data_root="/data",
        executor="ray",
        jobs=2,
        memory_bytes=2_000_000_000,
        track=("mlflow",),
    )
    flags = {"--jobs": "4", "--executor": None, "--memory": None}
    assert command_of(invocation, Path("out"), flags, trust=True, quiet=True) == [
        "/a/study.yaml@small",
        *("--out", "out"),
        *("--set", "train.epochs=2"),
        *("--set", 'vars.stem="cifar"'),
        *("--set", "vars.depths=[1, 2]"),
        *("--dataset", "digits"),
        *("--dataset", "mnist"),
        *("--plugin", "/a/mine.py"),
        *("--seeds", "3"),
        *("--data-root", "/data"),
        *("--executor", "ray"),
        *("--jobs", "4"),
        *("--memory", "2000000000"),
        *("--track", "mlflow"),
        "--trust",
        "--quiet",
    ]
    plain = Invocation(file="study.yaml", executor="local")
    assert command_of(plain, Path("out"), {}, trust=False, quiet=False) == ["study.yaml", "--out", "out"]


def test_a_study_of_one_run_is_finished_in_the_singular(here, tmp_path):
    one = STUDY.replace("  wide: {file: net.yaml, vars: {width: 32}}\n", "").replace("seeds: 2", "seeds: 1")
    file = write_study(tmp_path, one)
    plan = plan_study(read_study(file), data_root=None)
    run_plan(plan, out=tmp_path / "out", data_root=None, invocation=Invocation(file=str(file)))
    assert here("resume", "out").out == "out is finished: its 1 run has ended.\n"


def test_the_command_that_goes_on_is_one_line_in_a_narrow_window(here, tmp_path):
    out = started(tmp_path)
    here("runs", "remove", str(next(out.glob("cells/*"))), "--yes")
    command = here("resume", "out", columns=60).out.splitlines()[1]
    assert command.startswith("cnnbuild run tiny.yaml --out out --set ")
    assert len(command) > 60


def test_a_study_goes_on_as_it_was_started_and_then_is_finished(here, tmp_path):
    out = started(tmp_path)
    done = here("resume", "out")
    assert (done.code, done.out, done.err) == (0, "out is finished: all of its 4 runs have ended.\n", "")
    records = {path.parent.name: path.read_bytes() for path in out.glob("cells/*/record.json")}
    lost = sorted(records)[0]
    here("runs", "remove", str(out / "cells" / lost), "--yes")
    resumed = here("resume", "out")
    assert resumed.code == 0, resumed.err
    assert "1 run to do. As it was started:\ncnnbuild run tiny.yaml --out out --set" in resumed.out
    again = {path.parent.name: path.read_bytes() for path in out.glob("cells/*/record.json")}
    assert again.keys() == records.keys()
    assert {name for name in records if again[name] != records[name]} == {lost}
    accuracy = [json.loads(each[lost])["run"]["test"]["accuracy"] for each in (records, again)]
    assert accuracy[0] == accuracy[1]


def test_a_finished_study_that_lost_weights_goes_on(here, tmp_path):
    out = started(tmp_path)
    weights = min(out.glob("cells/*/weights.pt"))
    kept = weights.read_bytes()
    weights.unlink()
    resumed = here("resume", "out")
    assert resumed.code == 0, resumed.err
    assert "1 run to do. " in resumed.out
    assert f"{weights.relative_to(tmp_path)} is gone; it is run again" in " ".join(resumed.err.split())
    assert weights.read_bytes() == kept


def test_a_changed_study_file_is_told_and_counts(here, tmp_path):
    out = started(tmp_path)
    file = tmp_path / "tiny.yaml"
    text = file.read_text().replace(
        "wide: {file: net.yaml, vars: {width: 32}}", "wide: {file: net.yaml, vars: {width: 16}}"
    )
    file.write_text(text.replace("  narrow:", "  new: {file: net.yaml, vars: {width: 4}}\n  narrow:"))
    told = here("resume", "out", "--quiet")
    assert told.code == 0, told.err
    assert told.err.splitlines()[:3] == [
        "tiny.yaml or an architecture of it has changed since the study was started:",
        "  2 runs new: new on digits, seed 0; new on digits, seed 1",
        "  2 runs changed, and run again: wide on digits, seed 0; wide on digits, seed 1",
    ]
    assert len(list(out.glob("cells/*/record.json"))) == 8
    assert "8 runs: 8 done; 2 of them are not asked for" in here("runs", "out").out


def test_runs_that_are_asked_for_no_more_are_named(here, tmp_path):
    started(tmp_path)
    file = tmp_path / "tiny.yaml"
    file.write_text(file.read_text().replace("  wide: {file: net.yaml, vars: {width: 32}}\n", ""))
    told = here("resume", "out", "-q").err
    assert "  2 runs not asked for any more, and kept: wide-digits-seed0-" in told


def test_a_study_whose_start_or_file_is_not_known_says_what_to_do(here, tmp_path):
    write_stored_study(tmp_path / "old", [numbered("a", 0, 900, 1)])
    old = here("resume", "old")
    assert (old.code, old.err) == (
        2,
        "error: old: study.json does not say how the study was started; start it with its file: "
        "cnnbuild run STUDY --out old\n",
    )
    gone = {"invocation": {"file": str(tmp_path / "gone.yaml")}}
    study = tmp_path / "old" / "study.json"
    study.write_text(json.dumps({**json.loads(study.read_text()), **gone}))
    told = here("resume", "old")
    assert told.code == 2
    assert "gone.yaml is gone; put it back, or start the study from where it is now: " in told.err


def test_python_files_that_a_folder_names_are_run_only_if_trusted(here, tmp_path):
    write_stored_study(tmp_path / "s", [], pending=[numbered("a", 0, 900, 1)])
    mine = tmp_path / "mine.py"
    mine.write_text("raise SystemExit('this was run')")
    file = write_study(tmp_path)
    study = tmp_path / "s" / "study.json"
    invocation = {"file": str(file), "plugins": [str(mine)]}
    study.write_text(json.dumps({**json.loads(study.read_text()), "invocation": invocation}))
    told = here("resume", "s")
    assert (told.code, told.err) == (
        2,
        f"error: s: this study runs Python files ({mine}); --trust allows it\n",
    )


def test_python_files_that_the_study_has_come_to_name_are_not_run_either(here, tmp_path):
    out = started(tmp_path)
    (tmp_path / "mine.py").write_text("raise SystemExit('this was run')")
    file = tmp_path / "tiny.yaml"
    file.write_text(f"{file.read_text()}plugins: [mine.py]\n")
    told = here("resume", str(out))
    assert told.code == 2
    assert "--trust" in told.err
    assert "this was run" not in told.err


def test_a_single_run_goes_on_from_its_folder_alone(here, tmp_path):
    (tmp_path / "small.yaml").write_text(NETWORK)
    recipe: dict[str, object] = {"epochs": 3, "optimizer": {"adam": {"lr": 0.01}}}

    def interrupted(record: object) -> None:
        raise KeyboardInterrupt

    whole = cnnbuild.train(tmp_path / "small.yaml", "digits", recipe, seed=1, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        cnnbuild.train(
            tmp_path / "small.yaml", "digits", recipe, seed=1, out=tmp_path / "run", on_epoch=interrupted
        )
    (tmp_path / "small.yaml").unlink()
    before = (tmp_path / "run" / "run.json").read_bytes()
    resumed = here("resume", "run")
    assert resumed.code == 0, resumed.err
    assert "the run in run" in resumed.err
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    assert (tmp_path / "run" / "weights.pt").read_bytes() == (tmp_path / "whole" / "weights.pt").read_bytes()
    assert whole.record.test is not None
    done = here("resume", "run")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "run is finished: it has ended."
    assert f"Test accuracy {100 * whole.record.test.accuracy:.2f} %" in done.out


def test_a_folder_that_holds_nothing_to_resume_is_refused(here, tmp_path):
    (tmp_path / "empty").mkdir()
    study = write_stored_study(tmp_path / "s", [numbered("a", 0, 900, 1)])
    cell = next((study / "cells").iterdir()).relative_to(tmp_path)
    assert here("resume", "nowhere").err == "error: nowhere: there is no such folder\n"
    assert here("resume", "empty").err == (
        "error: empty is neither the folder of a study nor of a run: `cnnbuild runs` lists them\n"
    )
    assert (
        here("resume", str(cell)).err
        == f"error: {cell} is a run of a study; resume that: cnnbuild resume s\n"
    )
    shutil.rmtree(study)


def test_a_comparison_of_layers_is_run_again_instead(here, tmp_path):
    write_comparison(tmp_path / "gates")
    for folder in ("gates", "gates/layers/gate"):
        refused = here("resume", folder)
        assert (refused.code, refused.err) == (
            2,
            f"error: {folder} is a comparison of layers, which does not go on but is run again: "
            "cnnbuild run layers.yaml@wrong --out gates\n",
        )


@pytest.mark.parametrize("verb", [("evaluate",), ("predict", "x.png")])
def test_a_comparison_of_layers_has_nothing_to_evaluate(here, tmp_path, verb):
    write_comparison(tmp_path / "gates")
    name, *more = verb
    for folder in ("gates", "gates/layers/gate"):
        refused = here(name, folder, *more)
        assert refused.code == 2
        assert f"{folder} is a comparison of layers, not a run: nothing was trained" in refused.err
