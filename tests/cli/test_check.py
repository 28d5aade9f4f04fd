"""`cnnbuild check`."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from cnnbuild.cli.terminal import coloured, colours_wanted
from tests.cli.commands import ROOT, cnnbuild

GOOD = "cnnbuild: 1\nlayers:\n  - flatten\n  - linear: $data.classes\nexpect:\n  - {input: [1, 2, 2], classes: 3, parameters: 15}\n"


def test_every_shipped_file_is_fine() -> None:
    files = sorted(
        path.relative_to(ROOT)
        for folder in ("architectures", "studies")
        for path in (ROOT / folder).rglob("*.yaml")
    )
    assert len(files) >= 8
    outcome = cnnbuild("check", *files)
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert len(lines) == len(files) + 1
    assert lines[-1] == f"{len(files)} files: {len(files)} fine"


def test_a_promise_that_does_not_hold_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(GOOD.replace("15", "16"))
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert outcome.code == 1
    assert outcome.out == "net.yaml: not what it promises: 1 figure under `expect:`\n"
    assert outcome.err == (
        "net.yaml:6:5: error: expected 16 parameters, found 15 (input 1x2x2, 3 classes)\n"
        "    6 |   - {input: [1, 2, 2], classes: 3, parameters: 16}\n"
        "      |     ^\n"
        "      = help: if the file is right, write `parameters: 15`\n\n"
    )


def test_a_faulty_file_does_not_hide_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("cnnbuild: 1\nlayers: [covn]\n")
    (tmp_path / "good.yaml").write_text(GOOD)
    outcome = cnnbuild("check", "bad.yaml", "good.yaml", "none.yaml", cwd=tmp_path)
    assert outcome.code == 2
    assert outcome.out == (
        "good.yaml: an architecture, fine for 1x2x2, 3 classes; 1 expectation holds\n"
        "3 files: 1 fine, 2 with 2 errors\n"
    )
    assert "bad.yaml:2:10: error: unknown layer type 'covn'" in outcome.err
    assert "none.yaml: there is no such file" in outcome.err


def test_a_warning_does_not_make_a_file_faulty(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nvars: {idle: 3}\n" + GOOD.removeprefix("cnnbuild: 1\n"))
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert outcome.code == 0
    assert "net.yaml:2:8: warning: the variable 'idle' changes nothing" in outcome.err


def test_every_variant_is_checked_for_the_images_asked_for(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nvars: {window: 2}\nvariants:\n  small: {}\n  large: {window: 40}\n"
        "layers:\n  - max_pool: $window\n  - flatten\n  - linear: $data.classes\n"
    )
    outcome = cnnbuild("check", "net.yaml", "--input", "1x28x28", "--classes", "10", cwd=tmp_path)
    assert outcome.code == 2
    assert "a window of 40x40 does not fit into (1, 28, 28)" in outcome.err


def test_the_file_itself_is_checked_where_its_variants_repair_it(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nvars: {window: 40}\nvariants:\n  small: {window: 2}\n"
        "layers:\n  - max_pool: $window\n  - flatten\n  - linear: $data.classes\n"
        "expect:\n  - {variant: small, input: [1, 2, 2], classes: 3, parameters: 6}\n"
    )
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert outcome.code == 2
    assert "a window of 40x40 does not fit into (1, 2, 2)" in outcome.err


def test_an_expectation_is_checked_with_its_variables(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nvars: {window: 4}\nlayers:\n  - max_pool: $window\n  - flatten\n  - linear: $data.classes\n"
        "expect:\n"
        "  - {input: [1, 4, 4], classes: 3, parameters: 6}\n"
        "  - {vars: {window: 2}, input: [1, 2, 2], classes: 3, parameters: 6}\n"
    )
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "net.yaml: an architecture, fine for 1x4x4, 3 classes and 1x2x2, 3 classes; 2 expectations hold\n"
    )


def test_a_study_is_checked_with_plugins(tmp_path: Path) -> None:
    (tmp_path / "my_layers.py").write_text(
        "from torch import nn\nimport cnnbuild\n\n"
        "@cnnbuild.layer('same', sight='pixel')\nclass Same(nn.Module):\n    def forward(self, x):\n        return x\n"
    )
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nlayers: [same, flatten, linear: $data.classes]\n")
    (tmp_path / "study.yaml").write_text(
        "cnnbuild: 1\nstudy: tiny\narchitectures: {one: net.yaml}\ndatasets: [digits]\nseeds: 2\n"
    )
    assert cnnbuild("check", "study.yaml", cwd=tmp_path).code == 2
    outcome = cnnbuild("check", "study.yaml", "--plugin", "my_layers.py", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "study.yaml: a study of 2 runs; every network fits its data\n"


IDLE = "cnnbuild: 1\nvars: {idle: 3}\nlayers: [flatten, linear: $data.classes]\n"


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    """A folder with a sound, a warned and a faulty network, a file of another program, and a hidden folder."""
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "deep" / "warned.yml").write_text(IDLE)
    (tmp_path / "deep" / "bad.yaml").write_text("cnnbuild: 1\nlayers: [covn, flatten, linaer: 3]\n")
    (tmp_path / "mkdocs.yaml").write_text("site_name: other\n")
    (tmp_path / ".hidden" / "bad.yaml").write_text("cnnbuild: 1\nlayers: [covn]\n")
    return tmp_path


def test_a_folder_is_checked_with_all_that_is_below_it(nets: Path) -> None:
    outcome = cnnbuild("check", ".", cwd=nets)
    assert outcome.code == 2
    assert outcome.out == (
        "deep/warned.yml: an architecture, fine for 3x32x32, 10 classes\n"
        "good.yaml: an architecture, fine for 1x2x2, 3 classes; 1 expectation holds\n"
        "3 files: 1 fine, 1 with 2 errors, 1 with 1 warning, 1 YAML file of other programs passed over\n"
    )


def test_a_pattern_in_quotes_is_expanded_and_a_file_is_checked_once(nets: Path) -> None:
    outcome = cnnbuild("check", "**/*.yaml", "good.yaml", cwd=nets)
    assert outcome.out.splitlines()[-1] == (
        "2 files: 1 fine, 1 with 2 errors, 1 YAML file of other programs passed over"
    )


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("*.yml", "error: no file fits *.yml (.yaml, .yml)\n\n"),
        ("empty", "error: empty: the folder holds no YAML file (.yaml, .yml)\n\n"),
    ],
)
def test_a_folder_or_pattern_without_files_is_a_fault(tmp_path: Path, argument: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    outcome = cnnbuild("check", argument, cwd=tmp_path)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", message)


def test_a_file_of_another_program_that_is_named_itself_is_checked(nets: Path) -> None:
    outcome = cnnbuild("check", "mkdocs.yaml", cwd=nets)
    assert outcome.code == 2
    assert "mkdocs.yaml:1:1: error: unknown key 'site_name' in the architecture" in outcome.err


def test_json_has_every_problem_with_its_place(nets: Path) -> None:
    outcome = cnnbuild("check", "deep", "none.yaml", "--format", "json", cwd=nets)
    assert (outcome.code, outcome.err) == (2, "")
    told = json.loads(outcome.out)
    assert {key: told[key] for key in ("schema", "exit_code", "errors", "warnings", "passed_over")} == {
        "schema": 1, "exit_code": 2, "errors": 3, "warnings": 1, "passed_over": [],
    }  # fmt: skip
    bad, warned, none = told["files"]
    assert (bad["file"], bad["kind"], bad["summary"]) == ("deep/bad.yaml", "architecture", "")
    assert bad["problems"][0] == {
        "file": "deep/bad.yaml",
        "line": 2,
        "column": 10,
        "end_column": 14,
        "severity": "error",
        "message": "unknown layer type 'covn'",
        "help": "did you mean 'conv'?",
        "context": [],
    }
    assert [(p["line"], p["column"], p["end_column"]) for p in bad["problems"]] == [(2, 10, 14), (2, 25, 31)]
    assert warned["summary"] == "an architecture, fine for 3x32x32, 10 classes"
    assert [(p["severity"], p["message"]) for p in warned["problems"]] == [
        ("warning", "the variable 'idle' changes nothing")
    ]
    assert none["problems"] == [
        {
            "file": "none.yaml",
            "line": None,
            "column": None,
            "end_column": None,
            "severity": "error",
            "message": "none.yaml: there is no such file; did you mean 'good.yaml'?",
            "help": "",
            "context": [],
        }
    ]


def test_a_promise_that_does_not_hold_is_an_error_in_json_with_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(GOOD.replace("15", "16"))
    outcome = cnnbuild("check", "net.yaml", "-f", "json", cwd=tmp_path)
    told = json.loads(outcome.out)
    assert (outcome.code, told["exit_code"], told["errors"]) == (1, 1, 1)
    assert told["files"][0]["problems"][0]["message"] == (
        "expected 16 parameters, found 15 (input 1x2x2, 3 classes)"
    )


def test_strict_makes_the_exit_code_of_a_warning_1(nets: Path) -> None:
    assert cnnbuild("check", "deep/warned.yml", cwd=nets).code == 0
    assert cnnbuild("check", "deep/warned.yml", "--strict", cwd=nets).code == 1
    assert cnnbuild("check", "good.yaml", "--strict", cwd=nets).code == 0


def test_a_library_of_blocks_is_checked_for_form(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(
        "cnnbuild: 1\nblocks:\n  stem: {params: {width: int}, layers: [conv: {out_channels: $width, kernel_size: 3}]}\n"
    )
    (tmp_path / "bad.yaml").write_text(
        "cnnbuild: 1\nexpect: []\nblocks:\n  stem: {layers: [flatten], parms: {}}\n"
    )
    outcome = cnnbuild("check", "good.yaml", "bad.yaml", cwd=tmp_path)
    assert outcome.code == 2
    assert outcome.out == (
        "good.yaml: a library of 1 block (stem), fine in form\n2 files: 1 fine, 1 with 2 errors\n"
    )
    assert "bad.yaml:2:1: error: unknown key 'expect' in a file of blocks" in outcome.err
    assert "bad.yaml:4:29: error: unknown key 'parms' in the block 'stem'" in outcome.err


def test_a_study_is_checked_in_all_its_variants(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nvars: {window: 2}\nlayers:\n  - max_pool: $window\n  - flatten\n  - linear: $data.classes\n"
    )
    study = (
        "cnnbuild: 1\nstudy: tiny\narchitectures: {one: net.yaml}\ndatasets: [digits]\nseeds: 2\n"
        "variants:\n  short: {seeds: 1}\n  wide: {vars: {window: 40}}\n"
    )
    (tmp_path / "bad.yaml").write_text(study)
    (tmp_path / "good.yaml").write_text(study.replace("40", "4"))
    assert cnnbuild("check", "good.yaml", cwd=tmp_path).out == (
        "good.yaml: a study of 2 runs (@short: 1, @wide: 2); every network fits its data\n"
    )
    outcome = cnnbuild("check", "bad.yaml", cwd=tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert "error: max_pool: a window of 40x40 does not fit into (1, 8, 8)\n" in outcome.err


NAMES = (
    "cnnbuild: 1\n"
    "layers:\n"
    "  - conv: {out_channels: 4, kernel_size: 3, padding: half}\n"
    "    name: stem\n"
    "  - batch_norm\n"
    "  - relu\n"
    "  - basic: 4\n"
    "  - basic: 4\n"
    "    repeat: 2\n"
    "  - basic: 4\n"
    "    name: last\n"
    "    repeat: 2\n"
    "  - foreach: {width: [4, 4]}\n"
    "    do:\n"
    "      - conv: {out_channels: $width, kernel_size: 1}\n"
    "        name: point\n"
    "  - global_avg_pool\n"
    "  - flatten\n"
    "  - linear: $data.classes\n"
    "    name: head\n"
)


def test_names_points_at_what_has_no_name_on_the_way_to_weights(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NAMES)
    assert cnnbuild("check", "net.yaml", cwd=tmp_path).err == ""
    outcome = cnnbuild("check", "net.yaml", "--names", cwd=tmp_path)
    assert outcome.code == 0
    assert [line for line in outcome.err.splitlines() if "warning:" in line] == [
        "net.yaml:5:5: warning: this 'batch_norm' has no name: its weights are in 'batch_norm_1'",
        "net.yaml:7:5: warning: this call of 'basic' has no name: its weights are in 'conv_1' and 3 more",
        "net.yaml:8:5: warning: the copies of this 'basic' have no name: their weights are in '0.conv_1' and 7 more",
        "net.yaml:13:5: warning: the rows of this 'foreach' have no name: their weights are in '2.point' and 1 more",
    ]
    assert outcome.err.startswith(
        "net.yaml:5:5: warning: this 'batch_norm' has no name: its weights are in 'batch_norm_1'\n"
        "    5 |   - batch_norm\n"
        "      |     ^^^^^^^^^^\n"
        "      = a layer that is inserted before it renames its weights in saved files\n"
        "      = help: give it a `name:`\n"
    )


def test_faults_have_colours_on_a_terminal_only_and_not_where_no_color_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "net.yaml:3:5: warning: idle\n    3 |   - a: error: b\n      |     ^\n      = help: remove it"
    assert coloured(text) == (
        "net.yaml:3:5: \x1b[33m\x1b[1mwarning:\x1b[0m\x1b[1m idle\x1b[0m\n"
        "    3 |   - a: error: b\n"
        "      |     \x1b[33m\x1b[1m^\x1b[0m\n"
        "      = \x1b[36mhelp:\x1b[0m remove it"
    )
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    window, pipe = StringIO(), StringIO()
    window.isatty = lambda: True  # type: ignore[method-assign]
    assert (colours_wanted(window), colours_wanted(pipe)) == (True, False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours_wanted(window)


def test_a_block_that_replaces_a_standard_one_is_mentioned(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nblocks:\n  basic:\n    layers: [relu]\nlayers: [basic, flatten, linear: $data.classes]\n",
        encoding="utf-8",
    )
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "net.yaml: an architecture, fine for 3x32x32, 10 classes; "
        "its 'basic' replaces the standard block of that name\n"
    )


def test_a_rule_of_a_weight_map_that_fits_no_weight_is_a_fault(tmp_path: Path) -> None:
    good = "cnnbuild: 1\nlayers:\n  - flatten\n  - linear: $data.classes\n    name: fc\n"
    (tmp_path / "net.yaml").write_text(good + "weights:\n  others:\n    fc: classifier\n    stem.$k: first\n")
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "net.yaml:9:5: error: no weight of any variant has the name 'stem.$k'\n"
        "    9 |     stem.$k: first\n"
        "      |     ^^^^^^^\n"
        "      = help: `cnnbuild inspect` lists the names; of several patterns that fit, the first one holds\n\n"
    )
