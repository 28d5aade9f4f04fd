"""`cnnbuild train`: what it prints, what it keeps, and what it refuses."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

import cnnbuild as package
from cnnbuild.cli.train import train
from cnnbuild.cli.train_progress import TrainProgress, describe
from cnnbuild.cli.train_summary import divergence_advice, health_warning, summary_lines
from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.training.record import DivergedRunError, EpochRecord, RunRecord
from tests.cli.commands import ROOT, cnnbuild
from tests.studies.synthetic import run_record

KEPT = ["analyses.json", "record.json", "run.json", "weights.pt"]
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
    lines = result.stderr.splitlines()  # progress, so that a pipe has the results only
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
    assert sorted(path.name for path in kept.iterdir()) == KEPT
    assert result.stdout.startswith("Test accuracy ")
    assert result.stdout.splitlines()[-2:] == [
        f"Use it:       cnnbuild predict {kept} IMAGE...",
        f"Look closer:  cnnbuild evaluate {kept}",
    ]


def test_quiet_prints_the_results_only():
    result = run("--epochs", "1", "--quiet", "--out", "here")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Test accuracy ")
    assert result.stderr == ""
    assert Path("here/record.json").is_file()


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_warnings_about_the_data_are_told_once_and_are_no_result(quiet):
    few = ("--dataset", "{synthetic: {train_images: 50}}", "--epochs", "1", "--out", "here")
    result = run(*few, *quiet)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("warning: fewer than 10 training images of ") == 1
    assert "warning" not in result.stdout
    test = run(*few, "--find-lr", *quiet)
    assert test.stderr.count("warning: fewer than 10 training images of ") == 1


def test_an_earlier_record_is_replaced_only_when_asked():
    assert run("--epochs", "1", "--out", "here").exit_code == 0
    refused = run("--epochs", "2", "--out", "here")
    assert isinstance(refused.exception, UsageError)
    assert str(refused.exception) == (
        "here holds the record of an earlier run that is not this one (epochs: 1 there, 2 here); "
        "name another --out, or use --overwrite"
    )
    assert run("--epochs", "2", "--out", "here", "--overwrite").exit_code == 0
    assert len(json.loads(Path("here/record.json").read_text())["run"]["epochs"]) == 2


@pytest.mark.parametrize("more", [(), ("--quiet",), ("--resume",)])
def test_the_same_command_after_the_end_shows_the_run_and_trains_nothing(more):
    first = run("--epochs", "1", "--out", "here")
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in Path("here").iterdir()}
    again = run("--epochs", "1", "--out", "here", *more)
    assert again.exit_code == 0, again.output
    assert again.stdout == first.stdout
    assert "here holds this run, finished before; --overwrite begins anew" in again.stderr.splitlines()
    assert "epoch 1/1" not in again.stderr
    now = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in Path("here").iterdir()}
    assert now == before


def test_a_finished_run_whose_weights_are_lost_is_not_called_finished():
    run("--epochs", "1", "--out", "here")
    Path("here/weights.pt").unlink()
    again = run("--epochs", "1", "--out", "here")
    assert str(again.exception) == (
        "here holds the record of an earlier run; name another --out, or use --overwrite"
    )


def test_a_run_that_did_not_learn_is_called_that():
    # 1,000 images of ten classes, 100 of them named rightly: 10 %, no better than always naming one class
    blind = run_record(
        100, epochs=(EpochRecord(1, 0.1, 2.4, 2.3, 0.1, 2.3, 0.1, 1.0, 1.0),), selected_epoch=1
    )
    seen = (
        "This run did not learn (at chance): test accuracy 10.00 % of 1,000 images, not above the 10.00 % of always "
        "naming the largest class; last training loss 2.400, guessing gives 2.303. Nothing follows from it about the "
        "architecture. "
    )
    assert health_warning(blind) == [
        f"{seen}Train for more epochs, or with another learning rate: `cnnbuild train ... --find-lr` looks for a "
        "learning rate."
    ]
    one_colour = "all training images are of one plain colour: there is nothing to learn from"
    assert health_warning(replace(blind, warnings=(one_colour,))) == [
        f"{seen}The data give it nothing to learn."
    ]
    assert health_warning(run_record(900)) == []
    assert health_warning(run_record(900, largest_loss=23.1)) == [
        "Use it with care: it learned, but its loss rose to 23.1, 10 times what it began with. Try a learning rate ten "
        "times smaller, or warm-up; `cnnbuild train ... --find-lr` looks for a learning rate."
    ]


def test_a_loss_that_was_never_finite_is_not_blamed_on_the_learning_rate():
    record = run_record(0, status="diverged", test=None, selected_epoch=None, epochs=(), largest_loss=None)
    first, _ = divergence_advice(record, Path("here")).splitlines()
    assert first.startswith("No learning rate did it: look for values that are not finite in the images, ")


def test_a_diverged_run_leaves_its_record_and_no_weights():
    result = run("--lr", "1e30", "--out", "here")
    assert isinstance(result.exception, DivergedRunError)
    record = RunRecord.from_dict(json.loads(Path("here/record.json").read_text())["run"])
    assert record.status == "diverged"
    assert sorted(path.name for path in Path("here").iterdir()) == ["record.json", "run.json"]
    first, advice, kept = str(result.exception).splitlines()
    assert first.startswith("the loss became ")
    assert "Try a learning rate ten times smaller" in advice
    assert kept == "What was measured until then: here/record.json"


def test_a_misspelt_data_set_and_a_negative_rate_are_refused():
    wrong = run("--dataset", "mnits")
    assert isinstance(wrong.exception, DocumentError)
    assert str(wrong.exception).splitlines()[0] == "--dataset:1:1: error: unknown data set 'mnits'"
    negative = run("--lr", "-1")
    assert isinstance(negative.exception, UsageError)
    assert str(negative.exception) == "--lr is a number above 0, not -1.0"


def test_batches_of_one_image_for_batch_normalisation_at_one_pixel_are_refused_before_anything(tmp_path):
    (tmp_path / "small.yaml").write_text(NETWORK.replace("- relu", "- adaptive_avg_pool: 1\n  - batch_norm"))
    refused = run("--batch-size", "1", "--out", "here")
    assert isinstance(refused.exception, UsageError)
    assert "batch normalisation has one value per channel" in str(refused.exception)
    assert str(refused.exception).endswith("; take a larger batch_size")
    assert not Path("here").exists()
    in_parts = run("--batch-size", "4", "--train", "accumulate=4", "--out", "here")
    assert str(in_parts.exception).endswith("; take a larger batch_size, or a smaller accumulate")
    assert run("--batch-size", "4", "--train", "accumulate=2", "-e", "1").exit_code == 0
    (tmp_path / "small.yaml").write_text(NETWORK.replace("- relu", "- batch_norm"))
    assert run("--batch-size", "1", "--train", "steps=2", "--out", "here").exit_code == 0


@pytest.mark.parametrize("seed", ["-1", "4294967296", "99999999999999999999"])
def test_a_seed_that_no_random_generator_takes_is_refused(seed):
    result = run("--seed", seed)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == f"--seed is a whole number from 0 to 4294967295, not {seed}"


def test_a_file_where_the_folder_should_be_is_refused_before_training(tmp_path):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    outcome = cnnbuild(
        "train", ROOT / "architectures/simple_cnn.yaml", "-d", "digits", "-o", "taken", cwd=tmp_path
    )
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "error: taken is a file; --out names a folder\n"


def stop_after(monkeypatch, number: signal.Signals, epochs: int) -> None:
    """A signal, as a terminal or a cluster sends it, in the epoch after `epochs` finished ones."""
    shown = TrainProgress.__call__

    def show(self: TrainProgress, epoch: EpochRecord) -> None:
        shown(self, epoch)
        if epoch.epoch == epochs:
            signal.raise_signal(number)

    monkeypatch.setattr(TrainProgress, "__call__", show)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_says_how_to_go_on_and_ends_with_the_bits_of_one_that_was_not(
    monkeypatch, number, code
):
    assert run("--epochs", "4", "--out", "whole").exit_code == 0
    with monkeypatch.context() as patched:
        stop_after(patched, number, 2)
        stopped = run("--epochs", "4", "--out", "here")
    assert stopped.exit_code == code
    assert f"stopped by {number.name} after 2 epochs" in stopped.stderr
    assert stopped.stderr.strip().endswith("the same run, started again, goes on from there")
    assert not Path("here/record.json").exists()
    assert stopped.stdout == ""
    resumed = run("--epochs", "4", "--out", "here")
    assert resumed.exit_code == 0, resumed.output
    assert resumed.stderr.splitlines()[1] == "Going on with the unfinished run in here"
    assert "epoch 3/4" in resumed.stderr
    assert "epoch 2/4" not in resumed.stderr
    assert sorted(path.name for path in Path("here").iterdir()) == KEPT
    ours, theirs = (torch.load(f"{name}/weights.pt", weights_only=True) for name in ("here", "whole"))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert package.load_run("here").record.resumes == 1


def test_an_unfinished_run_of_another_kind_is_not_lost(monkeypatch):
    with monkeypatch.context() as patched:
        stop_after(patched, signal.SIGINT, 1)
        run("--epochs", "4", "--out", "here")
    before = Path("here/checkpoint.pt").read_bytes()
    other = run("--epochs", "5", "--batch-size", "32", "--seed", "1", "--out", "here")
    assert isinstance(other.exception, UsageError)
    assert str(other.exception) == (
        "here holds an unfinished run that is not this one (epochs: 4 there, 5 here; batch_size: 64 there, "
        "32 here; seed: 0 there, 1 here); name another --out, or use --overwrite to give it up"
    )
    wider = run("--epochs", "4", "--set", "width=3", "--out", "here")
    assert "(the network has changed)" in str(wider.exception)
    assert Path("here/checkpoint.pt").read_bytes() == before
    anew = run("--epochs", "5", "--out", "here", "--overwrite")
    assert anew.exit_code == 0
    assert "epoch 1/5" in anew.stderr


def test_resume_begins_nothing():
    result = run("--out", "here", "--resume")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == "here holds no unfinished run; leave --resume out to begin one"
    both = run("--out", "here", "--resume", "--overwrite")
    assert str(both.exception) == "--resume keeps what --overwrite removes; give one of them"


def test_a_folder_that_cannot_be_written_is_told_before_training():
    Path("taken").write_text("")
    result = run("--out", "taken/inside")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        "taken/inside: the run cannot be kept here: Not a directory; name another --out"
    )
    assert result.stdout == ""


def test_find_lr_draws_and_suggests_and_leaves_no_run():
    result = run("--find-lr", "--out", "here")
    assert result.exit_code == 0, result.output
    assert "Suggested learning rate: 0.0" in result.stdout
    names = sorted(path.name for path in Path("here").iterdir())
    assert names == ["lr_range.csv", "lr_range.json", "lr_range.png", "lr_range.svg"]
    assert run("--out", "here", "--epochs", "1").exit_code == 0


def test_an_epoch_is_described_in_one_line():
    epoch = EpochRecord(3, 1e-3, 0.5, 0.4, 0.91, 0.45, 0.9, 2.5, 2.0)
    assert describe(epoch, 10, 1000) == (
        "epoch 3/10: loss 0.5000, train accuracy 0.9100, validation accuracy 0.9000, 2.5 s, 500 images/s"
    )
    assert describe(epoch, None, 1000).startswith("epoch 3: loss 0.5000")


def test_a_loss_that_blows_up_is_told_by_its_order_of_magnitude():
    epoch = EpochRecord(3, 1e-3, 6696756339219396338647040.0, 0.4, 0.91, 0.45, 0.9, 2.5, 2.0)
    assert describe(epoch, 10, 1000).startswith("epoch 3/10: loss 6.7e+24, train accuracy 0.9100, ")
    assert run("--epochs", "1", "--out", "here").exit_code == 0
    record = package.load_run("here").record
    blown = replace(record, test=replace(record.test, loss=519596256550468760781923024896.0))
    assert "(loss 5.2e+29) on 200 images" in next(summary_lines(blown))
