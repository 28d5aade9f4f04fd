import csv
import json
import os
import signal
from pathlib import Path

import pytest

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.lang.study import read_study
from cnnbuild.studies import cell_run
from cnnbuild.studies.events import CellEnded, CellStarted, EpochEnded, StudyEvent, StudyPlanned
from cnnbuild.studies.results import StudyResults, read_results
from cnnbuild.studies.run import run_study
from cnnbuild.studies.store import StudyFolder
from cnnbuild.training.observations import GitRevision
from tests.studies.studies_on_disk import STUDY, write_study


def start(path: Path, out: Path, events: list[StudyEvent] | None = None, **arguments: object) -> StudyResults:
    listener = events.append if events is not None else None
    return run_study(read_study(path, **arguments), out=out, data_root=None, on_event=listener)


def trained(events: list[StudyEvent]) -> list[str]:
    return [event.cell.label for event in events if isinstance(event, CellStarted)]


def test_the_commit_of_the_users_files_is_in_the_record_and_beside_the_network(tmp_path, monkeypatch):
    monkeypatch.setattr(cell_run, "git_revision", lambda file: GitRevision(f"of {file.name}", dirty=True))
    path = write_study(tmp_path)
    start(path, tmp_path / "out", seeds=1)
    cell = next((tmp_path / "out" / "cells").glob("narrow-*"))
    expected = {"revision": "of net.yaml", "dirty": True}
    assert json.loads((cell / "record.json").read_text())["git"] == expected
    assert json.loads((cell / "run.json").read_text())["architecture"]["git"] == expected


def test_a_study_leaves_its_runs_in_files_that_say_the_same(tmp_path):
    events: list[StudyEvent] = []
    results = start(write_study(tmp_path), tmp_path / "out", events)
    assert [type(event) for event in events] == [
        StudyPlanned,
        *[CellStarted, EpochEnded, EpochEnded, CellEnded] * 4,
    ]
    assert [(row.architecture, sorted(row.accuracies)) for row in results.rows] == [
        ("narrow", [0, 1]),
        ("wide", [0, 1]),
    ]
    assert results == read_results(tmp_path / "out")
    folders = sorted(folder.name for folder in (tmp_path / "out" / "cells").iterdir())
    assert [name.rsplit("-", 1)[0] for name in folders] == [
        "narrow-digits-seed0", "narrow-digits-seed1", "wide-digits-seed0", "wide-digits-seed1",
    ]  # fmt: skip
    for name in folders:
        assert {p.name for p in (tmp_path / "out" / "cells" / name).iterdir()} == {
            "record.json",
            "run.json",
            "log.txt",
            "weights.pt",
            "analyses.json",
        }
    with (tmp_path / "out" / "results.csv").open() as file:
        table = list(csv.DictReader(file))
    in_csv = {(line["architecture"], int(line["seed"])): float(line["test_accuracy"]) for line in table}
    assert in_csv == {
        (row.architecture, seed): a for row in results.rows for seed, a in row.accuracies.items()
    }
    lines = (tmp_path / "out" / "runs.jsonl").read_text().splitlines()
    assert [json.loads(line)["cell_id"] for line in lines] == [r.cell_id for r in results.records.values()]


def test_one_seed_gives_the_same_figures_twice(tmp_path):
    path = write_study(tmp_path)
    first, second = (start(path, tmp_path / name, seeds=1) for name in ("one", "two"))
    for row, again in zip(first.rows, second.rows, strict=True):
        assert row.accuracies == again.accuracies
        assert row.records[0].run.epochs[-1].running_loss == again.records[0].run.epochs[-1].running_loss


def test_what_is_finished_is_not_run_again_and_what_changed_is(tmp_path):
    path, out = write_study(tmp_path), tmp_path / "out"
    start(path, out)
    again: list[StudyEvent] = []
    start(path, out, again)
    assert trained(again) == []
    more_seeds: list[StudyEvent] = []
    start(path, out, more_seeds, seeds=3)
    assert trained(more_seeds) == ["narrow on digits, seed 2", "wide on digits, seed 2"]
    changed: list[StudyEvent] = []
    path.write_text(STUDY.replace("width: 32", "width: 16"))
    start(path, out, changed)
    assert trained(changed) == ["wide on digits, seed 0", "wide on digits, seed 1"]


def test_a_record_that_was_torn_is_run_again(tmp_path):
    path, out = write_study(tmp_path), tmp_path / "out"
    start(path, out, seeds=1)
    torn = next((out / "cells").glob("narrow-*")) / "record.json"
    torn.write_text(torn.read_text()[:100])
    events: list[StudyEvent] = []
    start(path, out, events, seeds=1)
    assert trained(events) == ["narrow on digits, seed 0"]


def test_a_failing_run_is_recorded_and_the_others_go_on(tmp_path, monkeypatch):
    path, out = write_study(tmp_path), tmp_path / "out"
    real = cell_run.fit

    def failing(module, dataset, recipe, *, seed, **rest):
        if seed == 0:
            raise OSError("the disk\nis full")
        return real(module, dataset, recipe, seed=seed, **rest)

    monkeypatch.setattr(cell_run, "fit", failing)
    results = start(path, out)
    assert [(r.state, r.reason) for r in results.records.values()] == [
        ("failed", "OSError: the disk"), ("done", ""), ("failed", "OSError: the disk"), ("done", ""),
    ]  # fmt: skip
    assert [row.status for row in results.rows] == ["1 of 2 trained, 1 failed"] * 2
    log = next((out / "cells").glob("narrow-digits-seed0-*")) / "log.txt"
    assert "Traceback (most recent call last):" in log.read_text()
    monkeypatch.undo()
    events: list[StudyEvent] = []
    assert not start(path, out, events).failed
    assert trained(events) == ["narrow on digits, seed 0", "wide on digits, seed 0"]


def test_a_diverging_run_is_recorded_with_its_last_sound_epochs(tmp_path):
    text = STUDY.replace("adam: {lr: 0.01}", "sgd: {lr: 1e30}")
    results = start(write_study(tmp_path, text), tmp_path / "out", seeds=1)
    assert len(results.failed) == 2
    assert {record.state for record in results.failed} == {"diverged"}
    assert all(record.run is not None and record.run.test is None for record in results.failed)


def test_an_interrupted_study_keeps_what_was_finished_and_goes_on(tmp_path):
    path, out = write_study(tmp_path), tmp_path / "out"

    def interrupt(event: StudyEvent) -> None:
        if isinstance(event, EpochEnded) and event.cell.architecture == "wide":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(read_study(path), out=out, data_root=None, on_event=interrupt)
    partial = read_results(out)
    assert [len(row.records) for row in partial.rows] == [2, 0]
    assert [cell.architecture for cell in partial.missing] == ["wide", "wide"]
    assert partial.rows[1].status == "0 of 2 trained, 2 not run"
    events: list[StudyEvent] = []
    assert start(path, out, events).missing == ()
    assert trained(events) == ["wide on digits, seed 0", "wide on digits, seed 1"]


def test_a_network_that_does_not_fit_stops_the_study_before_the_first_epoch(tmp_path):
    path = write_study(tmp_path)
    (tmp_path / "bad.yaml").write_text("cnnbuild: 1\nname: bad\nlayers: [{linear: $data.classes}]\n")
    path.write_text(STUDY.replace("wide: {file: net.yaml, vars: {width: 32}}", "wide: bad.yaml"))
    with pytest.raises(DocumentError):
        start(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_device_that_is_absent_stops_the_study_before_the_first_run(tmp_path):
    path = write_study(tmp_path, STUDY.replace("{epochs: 2,", "{epochs: 2, device: mps,"))
    with pytest.raises(UsageError) as caught:
        start(path, tmp_path / "out")
    assert str(caught.value) == "torch finds no mps device here; use device: auto or cpu"
    assert not (tmp_path / "out").exists()


def test_a_study_that_is_finished_needs_its_device_no_more(tmp_path, monkeypatch):
    path, out = write_study(tmp_path), tmp_path / "out"
    start(path, out, seeds=1)
    monkeypatch.setattr("cnnbuild.studies.run.choose_device", lambda _: 1 / 0)
    assert not start(path, out, seeds=1).missing


def test_a_transform_that_makes_another_shape_stops_the_study_before_the_first_run(tmp_path):
    faulty = "{epochs: 2, augment: [{transform: {name: Resize, size: 5}}],"
    path = write_study(tmp_path, STUDY.replace("{epochs: 2,", faulty))
    with pytest.raises(UsageError) as caught:
        start(path, tmp_path / "out")
    assert str(caught.value) == (
        "transform Resize makes uint8 1x5x5 of an image of uint8 1x8x8; the type and the shape have to stay"
    )
    assert not (tmp_path / "out").exists()


def test_results_that_cannot_be_written_stop_the_study_before_the_first_run(tmp_path):
    path, taken = write_study(tmp_path), tmp_path / "afile"
    taken.write_text("")
    for out, why in ((taken, "Not a directory"), (taken / "deeper", "Not a directory")):
        events: list[StudyEvent] = []
        with pytest.raises(UsageError) as caught:
            start(path, out, events)
        assert str(caught.value) == f"{out}: results cannot be written here: {why}"
        assert events == []


def kept(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_a_run_that_was_interrupted_goes_on_inside_and_leaves_no_checkpoint(tmp_path, monkeypatch):
    path = write_study(tmp_path)
    whole = start(path, tmp_path / "whole", seeds=1)
    seen = []

    def interrupt(event):
        seen.append(event)
        if isinstance(event, EpochEnded) and event.epoch.epoch == 1 and len(seen) < 9:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match="stopped by SIGINT after 1 epoch and 0 batches"):
        run_study(read_study(path, seeds=1), out=tmp_path / "out", data_root=None, on_event=interrupt)
    (folder,) = (tmp_path / "out" / "cells").iterdir()
    assert kept(folder) == {"log.txt", "checkpoint.pt", "run.json"}
    events: list[StudyEvent] = []
    results = start(path, tmp_path / "out", events, seeds=1)
    epochs = [event.epoch.epoch for event in events if isinstance(event, EpochEnded)]
    assert epochs == [2, 1, 2]  # the rest of the first cell, and the second
    assert kept(folder) == {"analyses.json", "log.txt", "record.json", "run.json", "weights.pt"}
    untouched = (tmp_path / "whole" / "cells" / folder.name / "analyses.json").read_bytes()
    assert (folder / "analyses.json").read_bytes() == untouched
    assert [row.accuracies for row in results.rows] == [row.accuracies for row in whole.rows]
    record = StudyFolder(tmp_path / "out").read_record(folder.name)
    assert record.run.resumes == 1
    log = (folder / "log.txt").read_text().splitlines()
    assert log[1].startswith("epoch 1/2: ")
    assert log[3].startswith("epoch 2/2: ")
    assert "went on from a checkpoint" in log


def test_a_checkpoint_that_cannot_be_used_is_told_in_the_log_and_the_run_begun_anew(tmp_path):
    path = write_study(tmp_path)
    whole = start(path, tmp_path / "whole", seeds=1)
    (tmp_path / "out").mkdir()
    for folder in (tmp_path / "whole" / "cells").iterdir():
        cell = tmp_path / "out" / "cells" / folder.name
        cell.mkdir(parents=True)
        (cell / "checkpoint.pt").write_bytes(b"damaged")
    results = start(path, tmp_path / "out", seeds=1)
    assert [row.accuracies for row in results.rows] == [row.accuracies for row in whole.rows]
    assert kept(cell) == {"analyses.json", "log.txt", "record.json", "run.json", "weights.pt"}
    assert f"begun anew: {cell / 'checkpoint.pt'} is damaged" in (cell / "log.txt").read_text()
