"""The flags of `cnnbuild inspect` that say what is shown, and in which form."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.cli.commands import cnnbuild
from tests.graph.summary_networks import UNITS

IMAGES = ("--input", "3x8x8", "--classes", "3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "units.yaml").write_text(UNITS)
    return tmp_path


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    outcome = cnnbuild(
        "inspect", "architectures/resnet.yaml@resnet50", "-i", "3x224x224", "-c", "1000", columns=columns
    )
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert max(map(len, lines)) <= columns
    assert any(line.split()[:2] == ["layer3.1-5", "bottleneck"] for line in lines)
    assert "MACs        4,089,184,256 for one image; FLOPs = 2 x MACs = 8,178,368,512;" in outcome.out


def test_depth_folds_and_columns_choose(folder: Path) -> None:
    outcome = cnnbuild(
        "inspect", "units.yaml", *IMAGES, "--depth", "1", "--columns", "layer,params,macs", cwd=folder
    )
    assert outcome.out.splitlines()[2:7] == [
        "layer              params    MACs",
        "─" * 33,
        "stem                  108   6,912",
        "stage                 456  27,648",
        "step                  148   9,216",
    ]


def test_no_fold_shows_each_copy(folder: Path) -> None:
    outcome = cnnbuild("inspect", "units.yaml", *IMAGES, "--no-fold", "--columns", "layer", cwd=folder)
    assert [line for line in outcome.out.splitlines() if line.startswith("  stage.")] == [
        "  stage.0",
        "  stage.1",
        "  stage.2",
    ]


def test_top_shows_the_costliest_and_one_line_for_the_others(folder: Path) -> None:
    outcome = cnnbuild(
        "inspect",
        "units.yaml",
        *IMAGES,
        "--top",
        "1",
        "--sort",
        "params",
        "--columns",
        "layer,params,op",
        cwd=folder,
    )
    assert [line.split() for line in outcome.out.splitlines()[4:6]] == [
        ["stage.0-2.conv_1", "432", "conv", "3x3", "x3"],
        ["9", "more", "295"],
    ]


def test_batch_dtype_and_optimiser_are_those_of_the_memory(folder: Path) -> None:
    told = cnnbuild(
        "inspect", "units.yaml", *IMAGES, "--batch", "4", "--dtype", "float16", "--optimizer", "adam", "-f", "json",
        cwd=folder,
    )  # fmt: skip
    document = json.loads(told.out)
    assert (document["batch"], document["dtype"], document["optimizer"]) == (4, "float16", "adam")
    assert document["nodes"][0]["activation_bytes"] == 4 * 2 * 4 * 8 * 8
    assert document["memory"]["gradients_bytes"] == 2 * 727
    assert document["totals"]["macs"] == 62_220


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("net.json", '{\n  "schema": 2,'),
        ("net.csv", "number,name,op,copies,"),
        ("net.md", "**units** input 3x8x8, 3 classes\n\n| # | layer |"),
        ("net.tex", "% units: input 3x8x8, 3 classes\n"),
        ("net.html", "<!DOCTYPE html>\n"),
        ("net.txt", "units  input 3x8x8, 3 classes\n\n #  layer"),
    ],
)
def test_the_suffix_of_the_file_says_the_form(folder: Path, name: str, begins: str) -> None:
    outcome = cnnbuild("inspect", "units.yaml", *IMAGES, "-o", name, cwd=folder)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", f"written to {name}\n")
    assert (folder / name).read_text().startswith(begins)


def test_format_overrules_the_suffix(folder: Path) -> None:
    cnnbuild("inspect", "units.yaml", *IMAGES, "-o", "net.txt", "--format", "csv", cwd=folder)
    with (folder / "net.txt").open(newline="") as file:
        assert sum(int(row["parameters"]) for row in csv.DictReader(file)) == 727


def test_the_table_in_a_file_does_not_depend_on_the_window(folder: Path) -> None:
    for columns, name in ((60, "narrow.txt"), (200, "wide.txt")):
        cnnbuild("inspect", "units.yaml", *IMAGES, "-o", name, cwd=folder, columns=columns)
    assert (folder / "narrow.txt").read_text() == (folder / "wide.txt").read_text()


def test_a_file_has_every_column_whole(tmp_path: Path) -> None:
    resnet = ("architectures/resnet.yaml@resnet50", "-i", "3x224x224", "-c", "1000")
    cnnbuild("inspect", *resnet, "-o", tmp_path / "net.txt", columns=80)
    cnnbuild("inspect", *resnet, "--columns", "layer,in,place,macs", "-o", tmp_path / "asked.txt")
    piped = cnnbuild("inspect", *resnet, "--columns", "layer,in,place,macs", columns=60).out
    plain, asked = ((tmp_path / name).read_text() for name in ("net.txt", "asked.txt"))
    assert plain.splitlines()[2].split() == [
        "#",
        "layer",
        "op",
        "from",
        "out",
        "params",
        "%",
        "MACs",
        "%",
        "act",
        "RF",
        "stride",
        "start",
        "notes",
    ]
    for text in (plain, asked, piped):
        assert "…" not in text
        assert "  118,013,952" in text  # MACs of the first convolution, in full


def test_quiet_prints_the_result_only(folder: Path) -> None:
    outcome = cnnbuild("inspect", "units.yaml", *IMAGES, "-o", "net.csv", "--quiet", cwd=folder)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["-o", "net.xls"],
            "net.xls: the suffix says no format; use one of .json, .csv, .md, .tex, .html, .txt, or --format",
        ),
        (
            ["-f", "json", "--depth", "2", "--no-fold"],
            "json holds every node with all that is known of it; leave out --fold/--no-fold, --depth",
        ),
        (
            ["--rf-map", "map.svg", "--sweep", "8"],
            "--sweep and --rf-map are two things to show; give one of them",
        ),
        (
            ["--rf-map", "map.svg", "--depth", "1"],
            "--rf-map shows something else than the table of nodes; leave out --depth",
        ),
        (["--columns", "layer,maks"], "there is no column 'maks'; did you mean 'macs'?"),
        (
            ["--columns", "zzzzzz"],
            "there is no column 'zzzzzz'; columns: number, layer, op, from, in, out, params, params%, buffers, "
            "macs, macs%, act, kept, rf, stride, start, notes, place",
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused(folder: Path, arguments: list[str], message: str) -> None:
    outcome = cnnbuild("inspect", "units.yaml", *IMAGES, *arguments, cwd=folder)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"error: {message}\n")


def test_an_empty_list_of_columns_prints_their_names_and_meanings(folder: Path) -> None:
    outcome = cnnbuild("inspect", "units.yaml", *IMAGES, "--columns", ",", cwd=folder)
    assert (outcome.code, outcome.err) == (0, "")
    names = (
        "number layer op from in out params params% buffers macs macs% act kept rf stride start notes place"
    )
    assert [line.split()[0] for line in outcome.out.splitlines()] == names.split()
    assert "layer    name, as in the state dict" in outcome.out.splitlines()


def test_what_is_printed_as_json_meets_the_schema_that_is_printed(folder: Path) -> None:
    schema = json.loads(cnnbuild("schema", "summary").out)
    told = json.loads(cnnbuild("inspect", "units.yaml", *IMAGES, "-f", "json", cwd=folder).out)
    Draft202012Validator(schema).validate(told)
    assert cnnbuild("schema", "summary", "--for", "units.yaml", cwd=folder).code == 2


FAULTY = """\
cnnbuild: 1
name: faulty
layers:
  - conv: {out_channels: 2, kernel_size: 3}
  - relu
  - conv: {out_channels: 2, kernel_size: 9}
  - flatten
  - linear: $data.classes
"""


def test_the_sound_rows_stand_before_a_fault_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(FAULTY)
    outcome = cnnbuild("inspect", "net.yaml", *IMAGES, cwd=tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "faulty  input 3x8x8, 3 classes\n"
        "\n"
        "#  layer   op        out    params  RF\n"
        "──────────────────────────────────────\n"
        "1  conv_1  conv 3x3  2x6x6      56   3\n"  # 3 * 2 * 9 + 2
        "2  relu_1  relu      2x6x6           3\n"
        "\n"
        "net.yaml:6:42: error: conv: a kernel of 9x9 does not fit into (2, 6, 6)\n"
        "    6 |   - conv: {out_channels: 2, kernel_size: 9}\n"
        "      |                                          ^\n"
        "      = (2, 6, 6) comes from 'relu_1', line 5\n"
        "      = help: add `padding: half`, use a smaller kernel, or fewer strides and pools before it\n"
    )


@pytest.mark.parametrize("arguments", [["--quiet"], ["--format", "json"]])
def test_where_rows_would_be_in_the_way_the_fault_stands_alone(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "net.yaml").write_text(FAULTY)
    outcome = cnnbuild("inspect", "net.yaml", *IMAGES, *arguments, cwd=tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("net.yaml:6:42: error: conv: a kernel of 9x9")


@pytest.mark.parametrize(
    ("written", "place"),
    [
        (FAULTY.replace("kernel_size: 9", "kernel_size: 1") + "expct: []\n", "9:1"),
        (FAULTY.replace("kernel_size: 9", "kernel_sise: 1"), "6:29"),
    ],
)
def test_a_fault_that_is_none_of_shapes_needs_no_rows(tmp_path: Path, written: str, place: str) -> None:
    (tmp_path / "net.yaml").write_text(written)
    outcome = cnnbuild("inspect", "net.yaml", *IMAGES, cwd=tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"net.yaml:{place}: error: ")
