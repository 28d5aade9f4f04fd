"""Runs are removed with their rows, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock

from cnnbuild.errors import UsageError
from cnnbuild.studies.run_removal import refuse_what_must_stay, remove_runs, size_of
from cnnbuild.studies.run_store import find_runs
from tests.studies.stored_runs import numbered, write_single, write_stored_study


def lines_of(study: Path) -> list[str]:
    return [json.loads(line)["architecture"] for line in (study / "runs.jsonl").read_text().splitlines()]


def test_a_removed_cell_leaves_its_study_as_if_it_had_never_run(tmp_path):
    study = write_stored_study(
        tmp_path / "study", [numbered(name, 0, 900, n) for n, name in enumerate("abc")]
    )
    with (study / "runs.jsonl").open("a") as file:  # of an earlier attempt, and half a line
        file.write((study / "runs.jsonl").read_text().splitlines()[1] + "\n" + '{"cell_id": ')
    (study / "report.html").write_text("kept")
    a, b, c = find_runs([study])
    assert size_of(b) == sum(path.stat().st_size for path in b.folder.iterdir()) > 1000
    assert remove_runs([b]) == []
    assert [run.state for run in find_runs([study])] == ["done", "pending", "done"]
    assert (study / "runs.jsonl").read_text().endswith('\n{"cell_id": ')
    assert [row.split(",")[0] for row in (study / "results.csv").read_text().splitlines()] == [
        "architecture",
        "a",
        "c",
    ]
    assert sorted(path.name for path in (study / "cells").iterdir()) == [a.folder.name, c.folder.name]
    assert (study / "report.html").read_text() == "kept"
    (study / "runs.jsonl").write_text((study / "runs.jsonl").read_text().removesuffix('{"cell_id": '))
    assert lines_of(study) == ["a", "c"]


def test_of_a_single_run_only_its_own_files_are_removed(tmp_path):
    folder = write_single(tmp_path / "run")
    (folder / "notes.txt").write_text("mine")
    inner = write_single(folder / "another")
    (folder / "checkpoint.pt.previous").touch()
    runs = [run for run in find_runs([tmp_path]) if run.folder == folder]
    assert remove_runs(runs) == [folder]
    assert sorted(path.name for path in folder.iterdir()) == ["another", "notes.txt"]
    assert remove_runs(find_runs([inner])) == []
    assert not inner.exists()


def test_a_running_run_and_a_link_are_refused(tmp_path):
    outside = write_single(tmp_path / "outside" / "x-digits-seed0-00000009")
    study = write_stored_study(
        tmp_path / "study", [], pending=[numbered("a", 0, 0, 1), numbered("x", 0, 0, 9)]
    )
    folder = study / "cells" / "a-digits-seed0-00000001"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text('{"executor": "local"}')
    (study / "cells" / outside.name).symlink_to(outside)
    running, linked = find_runs([study])
    with FileLock(folder / "worker.lock"):
        (running,) = find_runs([folder])
        with pytest.raises(UsageError, match=r"this run is running; stop it first\. Nothing was removed$"):
            refuse_what_must_stay([running])
    with pytest.raises(UsageError, match=r"00000009 is a link; remove it and what it leads to yourself$"):
        refuse_what_must_stay([linked])


def test_nothing_is_removed_while_the_study_is_being_run(tmp_path):
    study = write_stored_study(tmp_path / "study", [numbered("a", 0, 900, 1)])
    with (
        FileLock(study / ".lock"),
        pytest.raises(UsageError, match=r"another process runs this study; wait for it"),
    ):
        remove_runs(find_runs([study]))
    assert [run.state for run in find_runs([study])] == ["done"]
    assert lines_of(study) == ["a"]


def test_what_a_killed_removal_left_is_no_run_and_does_not_stop_the_next(tmp_path):
    study = write_stored_study(tmp_path / "study", [numbered("a", 0, 900, 1)])
    (run,) = find_runs([study])
    write_single(run.folder.with_name(f".removed-{run.folder.name}"))
    assert find_runs([study]) == [run]
    remove_runs([run])
    assert list((study / "cells").iterdir()) == []
