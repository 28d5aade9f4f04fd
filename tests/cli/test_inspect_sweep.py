"""`cnnbuild inspect --sweep`: one network at several input sizes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.cli.commands import cnnbuild

# doubled and joined again: only even sizes fit. The conv has 3 * 2 + 2 = 8 parameters, the linear 2 * 2 * 3 + 3
EVEN = """\
cnnbuild: 1
name: even
layers:
  - conv: {out_channels: 2, kernel_size: 1}
    name: full
  - max_pool: 2
  - upsample: 2
  - concat: [full, prev]
  - global_avg_pool
  - flatten
  - linear: $data.classes
"""
IMAGES = ("--input", "3x8x8", "--classes", "3")
FAULT = "even.yaml:8: concat: height and width differ, (2, 9, 9) and (2, 8, 8)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "even.yaml").write_text(EVEN)
    return tmp_path


def test_each_size_is_a_row_and_an_illegal_one_says_why(folder: Path) -> None:
    outcome = cnnbuild("inspect", "even.yaml", *IMAGES, "--sweep", "2,9,3x4x16", cwd=folder, columns=120)
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == "even  3 classes"
    assert lines[2].split()[:5] == ["input", "last", "map", "output", "params"]
    # the pool sees 2 pixels, MACs are 6 for each pixel and 12 at the end
    assert [line.split() for line in (lines[4], lines[6])] == [
        ["3x2x2", "4x2x2", "3", "23", "36", *lines[4].split()[5:-2], "2", "yes"],
        ["3x4x16", "4x4x16", "3", "23", "396", *lines[6].split()[5:-2], "2", "no"],
    ]
    assert lines[5] == f"3x9x9   {FAULT}"


def test_json_and_csv_have_raw_integers_and_the_fault(folder: Path) -> None:
    sweep = ("inspect", "even.yaml", *IMAGES, "--sweep", "2,9")
    told = json.loads(cnnbuild(*sweep, "-f", "json", cwd=folder).out)
    Draft202012Validator(json.loads(cnnbuild("schema", "summary").out)).validate(told)
    assert [size["input"] for size in told["sizes"]] == [[3, 2, 2], [3, 9, 9]]
    assert [size["fault"] for size in told["sizes"]] == [None, FAULT]
    assert (told["sizes"][0]["parameters"], told["sizes"][0]["macs"]) == (23, 36)
    rows = list(csv.DictReader(io.StringIO(cnnbuild(*sweep, "-f", "csv", cwd=folder).out)))
    assert [(row["height"], row["macs"], row["fault"]) for row in rows] == [("2", "36", ""), ("9", "", FAULT)]


@pytest.mark.parametrize("form", ["md", "latex", "html"])
def test_the_other_forms_hold_the_fault_too(folder: Path, form: str) -> None:
    outcome = cnnbuild("inspect", "even.yaml", *IMAGES, "--sweep", "2,9", "-f", form, cwd=folder)
    assert (outcome.code, outcome.err) == (0, "")
    assert "concat: height and width differ, (2, 9, 9) and (2, 8, 8)" in outcome.out


def test_a_file_that_is_faulty_at_every_size_is_told_as_a_fault(folder: Path) -> None:
    outcome = cnnbuild("inspect", "even.yaml", *IMAGES, "--sweep", "7,9", cwd=folder)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("even.yaml:8:5: error: concat: height and width differ, (2, 7, 7)")


def test_a_size_out_of_range_is_a_row_too(folder: Path) -> None:
    outcome = cnnbuild("inspect", "even.yaml", *IMAGES, "--sweep", "2,0,3x100000x100000,9", cwd=folder)
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[4].split()[:4] == ["3x2x2", "4x2x2", "3", "23"]
    assert [line.split(maxsplit=1)[0] for line in lines[5:8]] == ["3x0x0", "3x100000x100000", "3x9x9"]
    assert "the input 3x0x0 must have between 1 and" in lines[5]
    told = cnnbuild("inspect", "even.yaml", *IMAGES, "--sweep", "2,0", "-f", "json", cwd=folder).out
    Draft202012Validator(json.loads(cnnbuild("schema", "summary").out)).validate(json.loads(told))


def test_where_every_size_is_out_of_range_there_is_nothing_to_show(folder: Path) -> None:
    outcome = cnnbuild("inspect", "even.yaml", *IMAGES, "--sweep", "0,0x8", cwd=folder)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: the input 3x0x0 must have between 1 and ")


def test_gates_hold_for_every_size(folder: Path) -> None:
    outcome = cnnbuild(
        "inspect", "even.yaml", *IMAGES, "--sweep", "2,4,8", "--max-macs", "100", "--quiet", cwd=folder
    )
    assert outcome.code == 1
    assert outcome.err == (
        "error: --max-macs 100: even at 3x4x4 takes 108 MACs for one image\n"
        "error: --max-macs 100: even at 3x8x8 takes 396 MACs for one image\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sweep", "2,large"], "a size of --sweep is 128, 128x96 or 3x128x96, not 'large'"),
        (["--sweep", ","], "--sweep takes 1 to 1,000 sizes, such as 128,224,320"),
        (
            ["--sweep", "2", "--depth", "1"],
            "--sweep shows something else than the table of nodes; leave out --depth",
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused(folder: Path, arguments: list[str], message: str) -> None:
    outcome = cnnbuild("inspect", "even.yaml", *IMAGES, *arguments, cwd=folder)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"error: {message}\n")
