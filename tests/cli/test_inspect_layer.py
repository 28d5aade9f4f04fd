"""`cnnbuild inspect --layer NAME`: a page on one layer or level, as a user asks for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import ROOT, Outcome, cnnbuild

RESNET = ("architectures/resnet.yaml@resnet50", "--input", "3x224x224", "--classes", "1000")


def page(*arguments: str | Path) -> Outcome:
    return cnnbuild("inspect", *RESNET, *arguments)


def test_a_layer_is_shown_with_its_arithmetic() -> None:
    outcome = page("--layer", "stem.conv_1")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("stem.conv_1: conv 7x7 /2\n")
    assert "rows and columns: (224 + 3 + 3 - 1 x (7 - 1) - 1) // 2 + 1 = 112\n" in outcome.out
    assert "7 kernel rows x 7 kernel columns x 3 in\n                 channels = 118,013,952\n" in outcome.out


def test_batch_and_dtype_are_those_of_the_flags() -> None:
    outcome = page("--layer", "fc", "--batch", "8", "--dtype", "float16")
    assert "8 images x 1,000 values x 2 bytes (float16) = 16,000 bytes" in outcome.out


def test_a_level_is_shown_as_the_sum_over_its_layers() -> None:
    outcome = page("--layer", "layer1.0")
    assert outcome.out.startswith("layer1.0: bottleneck, 12 layers\n")


def test_a_layer_is_written_as_json(tmp_path: Path) -> None:
    printed = json.loads(page("--layer", "stem.conv_1", "--format", "json").out)
    (terms,) = printed["mac_terms"]
    assert list(terms.values()) == [64, 112, 112, 7, 7, 3]
    assert (printed["schema"], printed["macs"]) == (1, 118_013_952)
    outcome = page("--layer", "stem.conv_1", "-o", tmp_path / "stem.json")
    assert (outcome.code, outcome.out) == (0, "")
    assert json.loads((tmp_path / "stem.json").read_text()) == printed


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--layer", "stem.conv_2"], "the network has no layer 'stem.conv_2'; did you mean 'stem.conv_1'?"),
        (
            ["--layer", "layer"],
            "'layer' may be one of 4: layer1, layer2, layer3, layer4; write more of the name",
        ),
        (["--layer", "fc", "--format", "csv"], "--layer gives text or JSON, and not csv"),
        (
            ["--layer", "fc", "--depth", "1"],
            "--layer shows something else than the table of nodes; leave out --depth",
        ),
        (
            ["--layer", "fc", "--sweep", "224,320"],
            "--sweep and --layer are two things to show; give one of them",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(flags: list[str], message: str) -> None:
    outcome = page(*flags)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"error: {message}\n")


def test_no_torch_is_loaded_for_a_page() -> None:
    code = (
        "import sys; from cnnbuild.cli.main import application; sys.argv[1:1] = ['inspect']\n"
        "try: application(['inspect'])()\nexcept SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'numpy', 'matplotlib'}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *RESNET, "--layer", "fc"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
