"""`cnnbuild runs` as a user runs it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cnnbuild.studies.record import Attempt
from tests.cli.commands import ROOT, cnnbuild, in_this_process
from tests.studies.stored_runs import numbered, write_cell, write_comparison, write_single, write_stored_study


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """`cnnbuild` inside this process, in a folder with two studies and a single run."""
    write_runs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return in_this_process(monkeypatch, capsys)


def write_runs(folder: Path) -> None:
    done = [numbered("wide", seed, 900 + seed, 0xAB00 + seed) for seed in range(2)]
    lost = numbered(
        "narrow",
        0,
        0,
        0xCD00,
        state="out_of_memory",
        reason="it used 2.1 GB of 2.0 GB",
        run=None,
        attempts=(
            Attempt("out_of_memory", "it used 2.3 GB", 1.0, host="here"),
            Attempt("out_of_memory", "it used 2.1 GB of 2.0 GB", 2.0, accumulate=2),
        ),
    )
    waiting = numbered("narrow", 1, 0, 0xCD01)
    write_stored_study(folder / "runs" / "widths", [*done, lost], pending=[waiting], title="widths")
    write_single(folder / "runs" / "train" / "small", 870)


def test_the_list_shows_every_run_and_why_some_have_no_result(here):
    shown = here("runs", "--columns", "id,study,architecture,seed,state,test_accuracy,epochs,seconds")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines() == [
        "id        study   architecture  seed  state          test %  epochs  seconds",
        "small             small@wide       0  done            87.00       3      4.5",
        "0000ab00  widths  wide             0  done            90.00       3      4.5",
        "0000ab01  widths  wide             1  done            90.10       3      4.5",
        "0000cd00  widths  narrow           0  out_of_memory                      4.5",
        "0000cd01  widths  narrow           1  pending",
        "",
        "5 runs: 1 pending, 3 done, 1 out of memory",
        "0000cd00: out of memory: it used 2.1 GB of 2.0 GB",
    ]


def test_in_a_narrow_window_what_is_needed_least_goes_and_is_named(here):
    wide, narrow = (here("runs", columns=columns).out.splitlines() for columns in (120, 80))
    assert wide[0].split("  ")[-1] == "ended"
    assert max(map(len, narrow[:6])) <= 80
    assert "Not shown in so narrow a window: seconds, ended; --columns chooses." in narrow


def test_runs_are_filtered_sorted_and_limited(here):
    shown = here("runs", "-w", "state=done", "-w", "study=widths", "--sort", "-seed", "-n", "1", "-f", "csv")
    header, row = shown.out.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["test_accuracy"] == "0.901"
    assert here("runs", "-w", "seed=7").out == "None of 5 runs is so.\n"
    assert "1 more run, hidden by --limit" in here("runs", "-w", "seed=1", "-n", "1").out
    assert here("runs", "--columns", ",").out.startswith("id\nstudy\narchitecture\n")


def test_the_list_as_json_holds_the_values_themselves(here):
    told = json.loads(here("runs", "runs/train", "--format", "json").out)
    assert told["schema"] == 1
    (run,) = told["runs"]
    assert (run["id"], run["test_accuracy"], run["study"], run["asked"]) == ("small", 0.87, None, True)


def test_one_run_is_shown_in_full(here):
    shown = here("runs", "show", "0000ab01", columns=80)
    lines = shown.out.splitlines()
    assert shown.code == 0
    assert lines[0] == "wide-digits-seed1-0000ab01"
    assert "test          accuracy 90.10 %, loss 0.3000, with the weights of epoch 3" in lines
    assert "data set      digits: 900 training, 100 validation, 1,000 test images" in lines
    assert "    3       0.1   0.6667    65.00    60.00  selected" in lines
    assert max(map(len, lines[: lines.index("files")])) <= 80
    assert json.loads(here("runs", "show", "small", "-f", "json").out)["record"]["run"]["seed"] == 0


def test_a_run_says_with_what_it_began_and_what_was_frozen(here, tmp_path):
    start = {"file": "/runs/digits/weights.pt", "sha256": "ab12" * 16, "except": ["fc", "layer4"]}
    recipe = {"epochs": 3, "freeze": ["stem", "layer1"]}
    run = numbered("moved", 0, 900, 0xEF01, weights=start, recipe=recipe)
    write_stored_study(tmp_path / "runs" / "t", [run])
    lines = here("runs", "show", "0000ef01", columns=100).out.splitlines()
    at = lines.index("begins with   /runs/digits/weights.pt")
    assert lines[at + 1 : at + 4] == [
        f"              sha256 {'ab12' * 16}",
        "except        fc, layer4",
        "frozen        stem, layer1",
    ]
    assert json.loads(here("runs", "show", "0000ef01", "-f", "json").out)["begins_with"] == start


def test_a_failed_run_is_shown_with_its_attempts_and_the_end_of_its_log(here):
    lines = here("runs", "show", "narrow-digits-seed0").out.splitlines()
    assert "state         out of memory: it used 2.1 GB of 2.0 GB" in lines
    begin = lines.index("attempts")
    assert lines[begin + 1 : begin + 3] == [
        "  1  out of memory after 1.0 s (on here): it used 2.3 GB",
        "  2  out of memory after 2.0 s (a batch in 2 parts): it used 2.1 GB of 2.0 GB",
    ]
    assert lines[-2:] == ["  it began", "  it ended"]


def test_a_run_that_has_not_begun_can_be_shown_too(here):
    lines = here("runs", "show", "0000cd01").out.splitlines()
    assert "state         pending" in lines
    assert lines[-1] == "  none yet"


def test_removing_asks_first(here, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    asked = here("runs", "remove", "0000ab00")
    assert asked.code == 2
    assert "Remove 1 run, " in asked.err
    assert asked.err.endswith("error: nothing was removed; answer y, or use --yes\n")
    assert "Remove 1 run, " in here("runs", "remove", "0000ab00").err  # nobody there to answer
    removed = here("runs", "remove", "--where", "state=out_of_memory", "--yes")
    assert (removed.code, removed.err) == (0, "")
    assert re.match(r"Removed: 1 run, \d\.\d kB\n", removed.out)
    assert "4 runs" not in here("runs").out
    assert "5 runs: 2 pending, 3 done" in here("runs").out
    assert here("runs", "remove", "-w", "state=pending", "-y").err == "There is nothing to remove.\n"
    assert here("runs", "remove").err == "error: say which runs: by their folders or ids, or with --where\n"


def test_what_a_study_asks_for_no_more_is_named(here, tmp_path):
    write_cell(tmp_path / "runs" / "widths", numbered("old", 0, 900, 0xEE00))
    told = "1 of them is not asked for by their study any more (--where asked=no)"
    assert told in here("runs").out
    assert here("runs", "remove", "-w", "asked=no", "-y").code == 0
    assert told not in here("runs").out


def test_without_runs_it_says_so(tmp_path):
    shown = cnnbuild("runs", cwd=tmp_path)
    assert (shown.code, shown.out, shown.err) == (0, "There are no runs in runs.\n", "")
    missing = cnnbuild("runs", "nowhere", cwd=tmp_path)
    assert (missing.code, missing.err) == (2, "error: nowhere: there is no such folder\n")
    assert "list" in cnnbuild("runs", "--help", cwd=tmp_path).out


def test_nothing_heavy_is_loaded_for_the_list(tmp_path):
    write_runs(tmp_path)
    code = (
        "import sys; sys.argv = ['cnnbuild', 'runs']\n"
        "from cnnbuild.cli.main import application\n"
        "try:\n    application(['runs'])()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('loaded:', sorted({'torch', 'numpy', 'scipy'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_a_comparison_of_layers_is_neither_listed_nor_removed(here, tmp_path):
    pair = write_comparison(tmp_path / "runs" / "gates")
    assert "gate" not in here("runs").out
    removed = here("runs", "remove", "--where", "state=done", "--yes")
    assert removed.out.startswith("Removed: 3 runs, ")
    assert (pair / "record.json").is_file()
    told = "error: runs/gates is a comparison of layers, not a run: nothing was trained; "
    for words in (("runs", "runs/gates"), ("runs", "remove", "runs/gates", "-y"), ("compare", "runs/gates")):
        refused = here(*words)
        assert (refused.code, refused.err) == (2, told + "its report is runs/gates/report.html\n")


def test_a_study_file_that_cannot_be_read_is_told_once(here, tmp_path):
    (tmp_path / "runs" / "widths" / "study.json").write_text('{"title": "wid')
    lines = here("runs").out.splitlines()
    told = (
        "4 runs: 3 done, 1 out of memory; runs/widths/study.json cannot be read: "
        "which runs the study asks for is not known until it is started again"
    )
    assert told in lines
