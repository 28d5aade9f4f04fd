"""The gates of `cnnbuild inspect`: limits, and exit code 1 where one is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import cnnbuild
from tests.graph.summary_networks import UNITS

IMAGES = ("--input", "3x8x8", "--classes", "3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "units.yaml").write_text(UNITS)
    return tmp_path


@pytest.mark.parametrize(
    "limits",
    [
        ["--max-params", "727"],
        ["--max-params", "0.727K"],
        ["--max-macs", "62,220"],
        ["--max-macs", "1.8G"],
        ["--max-memory", "200MB"],
        ["--min-rf", "15"],
    ],
)
def test_a_network_within_its_limits_is_exit_code_0(folder: Path, limits: list[str]) -> None:
    outcome = cnnbuild("inspect", "units.yaml", *IMAGES, *limits, cwd=folder)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("units  input")


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (["--max-params", "726"], "--max-params 726: units at 3x8x8 has 727 parameters"),
        (["--max-macs", "62K"], "--max-macs 62K: units at 3x8x8 takes 62,220 MACs for one image"),
        (
            ["--min-rf", "16"],
            "--min-rf 16: the last map of units at 3x8x8, step, sees 15 pixels",
        ),
    ],
)
def test_a_broken_limit_is_exit_code_1_and_a_sentence(folder: Path, limits: list[str], sentence: str) -> None:
    outcome = cnnbuild("inspect", "units.yaml", *IMAGES, *limits, cwd=folder)
    assert (outcome.code, outcome.err) == (1, f"error: {sentence}\n")
    assert outcome.out.startswith("units  input")


def test_every_broken_limit_is_told(folder: Path) -> None:
    outcome = cnnbuild(
        "inspect",
        "units.yaml",
        *IMAGES,
        "--max-params",
        "1",
        "--max-macs",
        "1",
        "--max-memory",
        "1",
        cwd=folder,
    )
    assert outcome.code == 1
    assert [line.split(":")[1].split()[0] for line in outcome.err.splitlines()] == [
        "--max-params",
        "--max-macs",
        "--max-memory",
    ]


def test_the_memory_is_that_of_evaluation_with_its_weights(tmp_path: Path) -> None:
    # flatten is a view, so that evaluation holds the image (8 values), 3 * 8 + 3 weights, and 3 outputs
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nname: flat\nlayers:\n  - flatten\n  - linear: 3\n")
    arguments = ("inspect", "net.yaml", "-i", "2x2x2", "-c", "3")
    assert cnnbuild(*arguments, "--max-memory", "152B", cwd=tmp_path).code == 0
    outcome = cnnbuild(*arguments, "--max-memory", "151", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (
        1,
        "error: --max-memory 151: flat at 2x2x2 holds 152 bytes at once in evaluation, "
        "108 B of weights, 44 B of tensors (batch 1, float32)\n",
    )


def test_a_network_without_maps_has_no_field_to_be_measured(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nname: flat\nlayers:\n  - flatten\n  - linear: 3\n")
    outcome = cnnbuild("inspect", "net.yaml", "-i", "2x2x2", "-c", "3", "--min-rf", "1", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (
        1,
        "error: --min-rf 1: flat at 2x2x2 has no map whose outputs have a place in the image\n",
    )


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (["--max-params", "5MB"], "--max-params is a count such as 5M, 300K or 5_000_000, not '5MB'"),
        (["--max-macs", "many"], "--max-macs is a count such as 1.8G or 600M, not 'many'"),
        (
            ["--max-memory", "-1MB"],
            "--max-memory is a size such as 200MB (10^6) or 200MiB (2^20), not '-1MB'",
        ),
    ],
)
def test_what_is_no_quantity_is_refused(folder: Path, limits: list[str], message: str) -> None:
    outcome = cnnbuild("inspect", "units.yaml", *IMAGES, *limits, cwd=folder)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"error: {message}\n")


def test_megabytes_and_mebibytes_differ(tmp_path: Path) -> None:
    # 250 x 1024 weights and 1024 biases, 4 bytes each: 1,028,096 bytes and a little for tensors
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nlayers: [flatten, linear: 1024, linear: 2]\n")
    arguments = ("inspect", "net.yaml", "-i", "10x5x5", "-c", "2", "--max-memory")
    assert cnnbuild(*arguments, "1MB", cwd=tmp_path).code == 1
    assert cnnbuild(*arguments, "1MiB", cwd=tmp_path).code == 0
