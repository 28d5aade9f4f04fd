"""`cnnbuild plot` as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.image import imread

from cnnbuild.cli.main import main
from cnnbuild.report.run_figures.kinds import KINDS
from cnnbuild.studies.run_analyses import write_analyses
from tests.cli.commands import ROOT, Outcome, cnnbuild
from tests.report.drawn_runs import epoch, full_analyses, run_of
from tests.studies.stored_runs import folder_name, hex_id, numbered, write_single, write_stored_study


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """`cnnbuild` inside this process, in a folder with a study and a single run."""
    write_runs(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr("sys.argv", ["cnnbuild", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return Outcome(end.value.code or 0, told.out, told.err)

    return run


def write_runs(folder: Path) -> None:
    epochs = [epoch(n, [0.1, 0.2, 0.4], dead=[0.0, 0.0]) for n in (1, 2)]
    records = [
        replace(run_of(name, seed, epochs), cell_id=hex_id(number))
        for number, (name, seed) in enumerate([("wide", 0), ("wide", 1), ("narrow", 0)], start=0xAB00)
    ]
    study = write_stored_study(
        folder / "runs" / "widths", records, pending=[numbered("narrow", 1, 0, 0xCD01)]
    )
    for record in records[:2]:
        write_analyses(study / "cells" / folder_name(record), full_analyses())
    write_single(folder / "runs" / "train" / "small", 870)


def test_a_figure_of_a_study_is_written_beside_one(here):
    drawn = here("plot", "runs/widths", "--kind", "gradient-ratio")
    assert (drawn.code, drawn.err) == (0, "")
    assert drawn.out.splitlines()[0] == (
        "widths-gradient-ratio.svg: Gradient of the first layer over that of the last"
    )
    said = "At the end the first layer's gradient is, of the last one's: wide 0.25 times; narrow 0.25 times."
    assert said in " ".join(drawn.out.split())
    assert ElementTree.parse("widths-gradient-ratio.svg").getroot().tag.endswith("svg")


def test_what_is_of_one_architecture_is_a_file_for_each(here):
    drawn = here("plot", "runs/widths", "-k", "confusion", "-o", "it.png", "--dpi", "50")
    assert [line.partition(":")[0] for line in drawn.out.splitlines() if ".png:" in line] == [
        "it-wide.png",
        "it-narrow.png",
    ]
    # 4.6 inches of 50 dots, 0.88 of them in height, and 0.28 inches for the title
    assert imread("it-wide.png").shape == (216, 230, 4)


def test_a_run_is_drawn_by_its_folder_or_the_beginning_of_its_id(here):
    assert here("plot", "0000ab01", "-k", "filters", "-o", "a.pdf").code == 0
    assert Path("a.pdf").read_bytes().startswith(b"%PDF")
    single = here("plot", "runs/train/small", "-k", "loss")
    assert (single.code, single.out.splitlines()[0]) == (0, "small-loss.svg: Loss over the epochs")


def test_without_a_kind_they_are_listed_with_what_there_is(here):
    shown = here("plot", "runs/widths")
    lines = shown.out.splitlines()
    assert [line.split()[0] for line in lines[1 : 1 + len(KINDS)]] == list(KINDS)
    counts = {line.split()[0]: line.split()[1] for line in lines[1 : 1 + len(KINDS)]}
    assert counts["confusion"] == "2"
    assert counts["filters"] == "1"
    assert counts["calibration"] == "-"
    assert not list(Path().glob("*.svg"))


def test_an_unknown_kind_lists_the_kinds(here):
    refused = here("plot", "runs/widths", "--kind", "gradient")
    assert refused.code == 2
    first, _, rest = refused.err.partition("kinds: ")
    assert first.strip() == "error: --kind: there is no figure 'gradient'; did you mean 'gradients'?"
    assert rest.replace(",", " ").split() == list(KINDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("runs/train/small", "-k", "feature-maps"),
            "runs/train/small has nothing for --kind feature-maps: runs of a study keep it with `analyses: "
            "[feature_maps]` in its file, those of `cnnbuild train` always",
        ),
        (
            ("runs/train/small", "-k", "dead-units"),
            "runs/train/small has nothing for --kind dead-units: in no epoch were as many as 1 % of a layer's units "
            "dead, or none was watched: runs of older versions did not record it, nor do networks without such layers",
        ),
        (
            ("0000cd01", "-k", "loss"),
            "runs/widths/cells/narrow-digits-seed1-0000cd01: this run is pending; "
            "figures are drawn of runs that have ended",
        ),
        (("runs/widths", "-k", "loss", "-o", "x.jpg"), "-o x.jpg: the name must end with .svg, .png or .pdf"),
        (("runs/widths", "-k", "loss", "-o", "no/x.svg"), "no/x.svg: there is no folder no"),
        (("nothing", "-k", "loss"), "'nothing' is no run; `cnnbuild runs` lists them"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(here, arguments, message):
    refused = here("plot", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert " ".join(refused.err.split()) == f"error: {message}"


def test_no_file_is_replaced_unless_one_says_so(here):
    Path("widths-loss.svg").write_text("mine")
    refused = here("plot", "runs/widths", "-k", "loss")
    assert (refused.code, Path("widths-loss.svg").read_text()) == (2, "mine")
    assert "exists already; name another -o, or use --overwrite" in refused.err
    assert here("plot", "runs/widths", "-k", "loss", "--overwrite").code == 0
    assert "<svg" in Path("widths-loss.svg").read_text()


def test_a_record_that_is_damaged_is_named(here):
    record = Path("runs/train/small/record.json")
    record.write_text(record.read_text().replace('"schema": ', '"schema": 9'))
    refused = here("plot", "runs/train/small", "-k", "loss")
    assert refused.code == 2
    assert refused.err.startswith("error: runs/train/small/record.json: ")


def test_the_command_is_a_process_that_loads_no_torch(tmp_path):
    write_runs(tmp_path)
    drawn = cnnbuild("plot", "runs/widths", "--kind", "per-class", "-o", "p.svg", cwd=tmp_path)
    assert (drawn.code, drawn.err) == (0, "")
    assert (tmp_path / "p.svg").exists()
    code = "import sys; import cnnbuild.report.run_figures.stored; print('torch' in sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert loaded.stdout == "False\n"
