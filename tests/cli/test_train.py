"""`cnnbuild train`: what it prints, what it keeps, and what it refuses."""

import json
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from cnnbuild.cli.train import _chance_warning, train
from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.training.record import DivergedRunError, Evaluation, RunRecord
from tests.cli.commands import ROOT, cnnbuild

NETWORK = """\
cnnbuild: 1
name: small
vars: {width: 4}
layers:
  - conv: {out_channels: $width, kernel_size: 3, padding: half}
  - relu
  - flatten
  - linear: $data.classes
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "small.yaml").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several threads wait for each other when tests run side by side
    yield tmp_path
    torch.set_num_threads(threads)


def run(*arguments):
    app = typer.Typer()
    app.command()(train)
    return CliRunner().invoke(app, ["small.yaml", "--dataset", "synthetic", *arguments])


def test_a_run_prints_its_epochs_and_keeps_record_and_weights():
    result = run("--epochs", "2", "--seed", "3", "--set", "width=2")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    # conv 2 * 27 + 2, linear 512 * 10 + 10; multiply-adds 256 * 54 and 5120
    data, network = lines[0].split("; ")
    assert data == "synthetic images: 1,000 training and 200 test images"
    assert network == "5,186 parameters, 18,944 multiply-adds per image"
    assert [line.split(":")[0] for line in lines[1:3]] == ["epoch 1/2", "epoch 2/2"]
    kept = Path("runs/train/small-synthetic-seed3")
    content = json.loads((kept / "record.json").read_text())
    assert content["architecture"] == {
        "file": "small.yaml",
        "variant": None,
        "vars": {"width": 2},
        "macs": 18944,
    }
    record = RunRecord.from_dict(content["run"])
    assert (record.seed, record.parameters, len(record.epochs)) == (3, 5186, 2)
    assert f"Test accuracy {100 * record.test.accuracy:.2f} %" in result.stdout
    weights = torch.load(kept / "weights.pt", weights_only=True)
    assert sum(tensor.numel() for tensor in weights.values()) == 5186


def test_quiet_prints_the_results_only():
    result = run("--epochs", "1", "--quiet", "--out", "here")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Test accuracy ")
    assert Path("here/record.json").is_file()


def test_an_earlier_record_is_replaced_only_when_asked():
    assert run("--epochs", "1", "--out", "here").exit_code == 0
    refused = run("--epochs", "2", "--out", "here")
    assert isinstance(refused.exception, UsageError)
    assert str(refused.exception) == (
        "here holds the record of an earlier run; name another --out, or use --overwrite"
    )
    assert run("--epochs", "2", "--out", "here", "--overwrite").exit_code == 0
    assert len(json.loads(Path("here/record.json").read_text())["run"]["epochs"]) == 2


def test_a_run_that_did_not_learn_is_called_that():
    # 200 images of ten classes, all called class 0: 10 %, no better than always naming one class
    blind = tuple((20, *[0] * 9) for _ in range(10))
    assert _chance_warning(Evaluation(2.3, 0.1, (1.0, *[0.0] * 9), blind)) == [
        "This run did not learn: it is not above the 10.00 % of always naming the largest class. "
        "Nothing follows from it about the architecture: try a learning rate ten times smaller."
    ]
    seeing = tuple(tuple(20 if row == column else 0 for column in range(10)) for row in range(10))
    assert _chance_warning(Evaluation(0.1, 1.0, (1.0,) * 10, seeing)) == []


def test_a_diverged_run_leaves_its_record_and_no_weights():
    result = run("--lr", "1e30", "--out", "here")
    assert isinstance(result.exception, DivergedRunError)
    record = RunRecord.from_dict(json.loads(Path("here/record.json").read_text())["run"])
    assert record.status == "diverged"
    assert not Path("here/weights.pt").exists()


def test_a_misspelt_data_set_and_a_negative_rate_are_refused():
    wrong = run("--dataset", "mnits")
    assert isinstance(wrong.exception, DocumentError)
    assert str(wrong.exception).splitlines()[0] == "--dataset:1:1: error: unknown data set 'mnits'"
    negative = run("--lr", "-1")
    assert isinstance(negative.exception, UsageError)
    assert str(negative.exception) == "--lr is a number above 0, not -1.0"


def test_a_file_where_the_folder_should_be_is_refused_before_training(tmp_path):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    outcome = cnnbuild(
        "train", ROOT / "architectures/simple_cnn.yaml", "-d", "digits", "-o", "taken", cwd=tmp_path
    )
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "error: taken is a file; --out names a folder\n"
