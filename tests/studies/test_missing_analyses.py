"""Finished runs get the analyses that they lack when their study is started again; nothing is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cnnbuild.analyses import work_out
from cnnbuild.data.load import load_dataset
from cnnbuild.errors import UsageError
from cnnbuild.lang.study import read_study
from cnnbuild.studies import cell_run, missing_analyses
from cnnbuild.studies.cell_run import run_cell
from cnnbuild.studies.events import EpochEnded, StudyEvent, StudyNote
from cnnbuild.studies.run import run_study
from cnnbuild.studies.run_analyses import read_analyses, worked_out_in
from tests.studies.jobs_on_disk import cells_of
from tests.studies.studies_on_disk import STUDY, write_study

NET = """\
cnnbuild: 1
name: tiny
vars: {width: 8}
layers:
  - conv: {out_channels: $width, kernel_size: 3, padding: 1}
  - relu
  - max_pool: 2
  - flatten
  - linear: $data.classes
"""
WIDE = STUDY.replace("seeds: 2", "seeds: 1").replace("epochs: 2", "epochs: 1")


def start(folder: Path, analyses: str) -> list[StudyEvent]:
    """Start the study with these analyses in `folder/out`; gives what it told."""
    path = write_study(folder, WIDE.replace("[confusion]", analyses), NET)
    events: list[StudyEvent] = []
    run_study(read_study(path), out=folder / "out", data_root=None, on_event=events.append)
    return events


def notes(events: list[StudyEvent]) -> list[str]:
    assert not any(isinstance(event, EpochEnded) for event in events)  # nothing was trained
    return [event.text for event in events if isinstance(event, StudyNote)]


def cells(folder: Path) -> list[Path]:
    return sorted((folder / "out" / "cells").iterdir())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose runs were analysed when they ended."""
    folder = tmp_path_factory.mktemp("whole")
    start(folder, "[confusion, feature_maps, receptive_field]")
    return folder


def test_a_start_that_asks_for_more_adds_it_with_the_bytes_of_the_end_of_a_run(
    whole: Path, tmp_path: Path
) -> None:
    start(tmp_path, "[]")
    records = [(cell / "record.json").read_bytes() for cell in cells(tmp_path)]
    few = read_analyses(cells(tmp_path)[0])
    assert few is not None
    assert (len(few.samples), few.worked_out, few.feature_maps) == (10, (), ())
    told = notes(start(tmp_path, "[feature_maps]"))
    assert told == ["adding the analyses of 2 finished runs, from the kept weights"]
    assert [worked_out_in(cell) for cell in cells(tmp_path)] == [{"feature_maps"}] * 2
    start(tmp_path, "[receptive_field]")  # what is there stays
    expected = [(cell / "analyses.json").read_bytes() for cell in cells(whole)]
    assert [(cell / "analyses.json").read_bytes() for cell in cells(tmp_path)] == expected
    assert [(cell / "record.json").read_bytes() for cell in cells(tmp_path)] == records
    assert notes(start(tmp_path, "[feature_maps, receptive_field]")) == []
    assert notes(start(tmp_path, "[]")) == []
    assert [(cell / "analyses.json").read_bytes() for cell in cells(tmp_path)] == expected


def test_a_lost_and_a_damaged_file_are_made_again(whole: Path) -> None:
    lost, damaged = (cell / "analyses.json" for cell in cells(whole))
    before = [lost.read_bytes(), damaged.read_bytes()]
    lost.unlink()
    damaged.write_text("{")
    told = notes(start(whole, "[confusion, feature_maps, receptive_field]"))
    assert told == ["adding the analyses of 2 finished runs, from the kept weights"]
    assert [lost.read_bytes(), damaged.read_bytes()] == before


def test_runs_that_did_not_end_well_or_hold_no_network_are_left_alone(tmp_path: Path) -> None:
    start(tmp_path, "[]")
    early, diverged = cells(tmp_path)
    (early / "run.json").unlink()
    record = json.loads((diverged / "record.json").read_text())
    (diverged / "record.json").write_text(json.dumps({**record, "state": "diverged"}))
    assert notes(start(tmp_path, "[feature_maps]")) == []
    assert [worked_out_in(cell) for cell in cells(tmp_path)] == [set(), set()]


def test_what_cannot_be_added_is_told_and_the_study_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path, "[]")
    (cells(tmp_path)[0] / "run.json").write_text("{}")
    told = notes(start(tmp_path, "[feature_maps]"))
    assert told[0] == "adding the analyses of 2 finished runs, from the kept weights"
    assert told[1].startswith("narrow on digits, seed 0: its analyses could not be added: DataError: ")
    assert len(told) == 2
    assert [worked_out_in(cell) for cell in cells(tmp_path)] == [set(), {"feature_maps"}]

    def refuse(*_: object, **__: object) -> None:
        raise UsageError("no")

    monkeypatch.setattr(missing_analyses, "run_of_graph", refuse)
    told = notes(start(tmp_path, "[receptive_field]"))
    assert told[2] == "wide on digits, seed 0: its analyses could not be added: UsageError: no"


def test_an_analysis_that_fails_is_a_warning_of_a_run_that_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("an odd layer")

    monkeypatch.setattr(work_out, "first_filters", fail)
    start(tmp_path, "[]")
    for cell in cells(tmp_path):
        record = json.loads((cell / "record.json").read_text())
        warning = "the filters could not be worked out: ValueError: an odd layer"
        assert (record["state"], record["run"]["warnings"]) == ("done", [warning])
        assert f"warning: {warning}\n" in (cell / "log.txt").read_text()
        analyses = read_analyses(cell)
        assert analyses is not None
        assert (analyses.filters, analyses.warnings, len(analyses.samples)) == (None, (warning,), 10)


def test_a_run_that_fails_has_not_the_analyses_of_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("no")

    cell = cells_of(write_study(tmp_path, WIDE, NET))[0]
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "analyses.json").write_text("{}")
    monkeypatch.setattr(cell_run, "fit", fail)
    record = run_cell(cell, load_dataset(cell.dataset, data_root=None), folder=folder)
    assert (record.state, (folder / "analyses.json").exists()) == ("failed", False)
