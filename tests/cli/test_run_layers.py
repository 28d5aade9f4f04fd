import csv
import json
import re
import subprocess
import sys

import pytest

from tests.cli.commands import ROOT, cnnbuild

STUDY = """\
cnnbuild: 1
study: two
question: Are they what they should be?
input: 4x4x4
batch: 2
seeds: 2
device: cpu
layers:
  clamped: {custom: clamped_relu, standard: relu, expect: forward_equal}
  gate: {custom: {channel_attention: 2}}
variants:
  wrong: {layers: {clamped: {standard: gelu}}}
"""
PLUGIN = """\
import torch
from torch import nn

import cnnbuild


@cnnbuild.layer("fails_when_run", sight="pixel")
class FailsWhenRun(nn.Module):
    def forward(self, x):
        if x.device.type != "meta":
            raise RuntimeError("not today")
        return x
"""


def written(folder, text=STUDY):
    path = folder / "layers.yaml"
    path.write_text(text)
    return path


def test_layers_are_compared_recorded_and_reported(tmp_path):
    out = tmp_path / "out"
    done = cnnbuild("run", written(tmp_path), "--out", out, columns=160)
    assert done.code == 0
    assert done.err == "[1/2] clamped: done\n[2/2] gate: done\n"
    rows = [re.split(r"\s*│\s*", line)[1:-1] for line in done.out.splitlines() if line.startswith("│")]
    assert rows[0][:6] == ["clamped", "0", "0", "0", "holds", "forward equal"]
    assert rows[0][6].startswith("equal forward and backward, bit for bit; at exactly 0, between slopes of 0")
    gate = next(row for row in rows[1:] if row[:2] == ["gate", "custom"])
    assert gate[2:4] == ["22", "16"]  # 4 to 2 and back, with biases: 8 + 2 + 8 + 4
    assert "Times are of this machine (" in done.out
    assert done.out.rstrip().endswith(f"Report: {out / 'report.html'}")
    assert {path.name for path in out.iterdir()} == {"layers", "report.html", "results.csv", "results.json"}
    assert json.loads((out / "layers" / "gate" / "record.json").read_text())["state"] == "done"
    with (out / "results.csv").open() as file:
        assert [row["judgement"] for row in csv.DictReader(file)] == ["equal", "no counterpart"]


def test_a_pair_that_fails_stops_no_other_and_what_is_not_as_expected_is_told(tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN)
    text = STUDY.replace("layers:\n", "layers:\n  bad: {custom: fails_when_run, standard: relu}\n", 1)
    path, out = f"{written(tmp_path, text)}@wrong", tmp_path / "out"
    done = cnnbuild("run", path, "--out", out, "--plugin", tmp_path / "mine.py", "--seeds", 1)
    assert done.code == 1
    lines = done.err.splitlines()
    assert lines[:4] == [
        "[1/3] bad: RuntimeError: not today",
        "[2/3] clamped: done",
        "[3/3] gate: done",
        "error: bad could not be measured: RuntimeError: not today",
    ]
    told = "error: clamped is not forward equal, as the file expects: forward differs: the output by up to"
    assert lines[4].startswith(told)
    assert len(lines) == 5
    assert "could not be measured" in (out / "report.html").read_text()


def test_a_dry_run_shows_the_plan_and_writes_nothing(tmp_path):
    path = written(tmp_path)
    done = cnnbuild("run", path, "--dry-run", "--set", "layers.gate.input=8x2x2", cwd=tmp_path, columns=160)
    assert (done.code, done.err) == (0, "")
    rows = [re.split(r"\s*│\s*", line)[1:-1] for line in done.out.splitlines() if line.startswith("│")]
    assert rows == [
        ["clamped", "clamped_relu", "relu", "4x4x4", "(4, 4, 4)", "normal", "forward equal"],
        ["gate", "channel_attention: 2", "none", "8x2x2", "(8, 2, 2)", "normal", ""],
    ]
    assert done.out.endswith("2 layers with 2 seeds each; every layer fits. Nothing was measured.\n")
    assert list(tmp_path.iterdir()) == [path]


def test_flags_of_training_and_wrong_places_are_refused(tmp_path):
    path = written(tmp_path)
    done = cnnbuild("run", path, "--dataset", "digits")
    assert (done.code, done.err) == (
        2,
        "error: --dataset does not apply: this study compares layers; it trains nothing and reads no data\n",
    )
    done = cnnbuild("run", path, "--out", path)
    assert (done.code, done.err) == (2, f"error: {path} is a file; --out names a folder\n")
    done = cnnbuild("run", path, "--set", "batch=0")
    assert done.code == 2
    assert done.err.startswith("--set:1:7: error: 'batch' of the study: expected a number of at least 1")


def test_check_counts_the_layers_and_finds_faults_of_shape(tmp_path):
    done = cnnbuild("check", written(tmp_path))
    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == f"{tmp_path / 'layers.yaml'}: a study of 2 layers (@wrong: 2); every layer fits its input\n"
    )
    done = cnnbuild("check", written(tmp_path, STUDY.replace("standard: gelu", "standard: {max_pool: 2}")))
    assert done.code == 2
    assert "'clamped' cannot be compared: of 4x4x4 the custom layer makes (4, 4, 4)" in done.err


@pytest.mark.parametrize("verb", ["inspect", "train"])
def test_verbs_for_networks_say_what_to_do_with_it(tmp_path, verb):
    done = cnnbuild(verb, written(tmp_path), "--dataset", "digits")
    assert done.code == 2
    assert "this is a study, not an architecture" in done.err
    assert "= help: `cnnbuild run` takes it\n" in done.err


def test_a_dry_run_loads_no_torch(tmp_path):
    path = written(tmp_path)
    code = (
        "import sys; from cnnbuild.cli.run_layers import run_layers\n"
        f"run_layers({str(path)!r}, [], [], {{}}, seeds=1, out=None, dry_run=True, quiet=False)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "False"
