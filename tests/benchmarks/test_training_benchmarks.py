"""The training benchmark: its contract, its statistics, its pages; no peer is trained here."""

import ast
import json
import math
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from benchmarks.training import child, images, torch_parts
from benchmarks.training.__main__ import parse, with_case
from benchmarks.training.figures import Interval, paired_interval, spread
from benchmarks.training.peak import share_of_peak
from benchmarks.training.peers import LABELS, MODULES, product
from benchmarks.training.plot import draw
from benchmarks.training.process import command_line
from benchmarks.training.report import Run, accuracy_lines, rows_of, table
from benchmarks.training.result import Measured, Result, peak_memory_bytes
from benchmarks.training.settings import PARAMETERS, SHAPES, Settings, with_validation
from benchmarks.training.timing import timed

PEERS = Path(child.ROOT) / "benchmarks" / "training" / "peers"
SHARED = ("batch_size", "evaluation_batch_size", "epochs", "lr", "eps", "beta_1", "beta_2")
LOOPS = ("textbook", "lightning_trainer", "lightning_fabric")  # these take loaders and Adam from torch_parts


def settings(**changed):
    return Settings(
        **{"dataset": "mnist", "images": 100, "epochs": 2, "inputs": "", "data_root": ""} | changed
    )


def measured(**changed):
    values = {
        "train_seconds": (4.0, 1.0, 2.0, 3.0),
        "epoch_seconds": (5.0, 4.0, 4.0, 4.0),
        "evaluation_seconds": (2.0, 0.5, 0.5),
        "train_images": 1000,
        "test_images": 100,
        "test_accuracy": 0.975,
        "parameters": 421_642,
        "precision": "fp32",
        "versions": {"torch": "9.9.9+cpu"},
    }
    return Measured(**values | changed)


def result(peer="textbook", precision="fp32", seconds=2.0, round_=1, **changed):
    found = measured(train_seconds=(seconds * 2, seconds), precision=precision, **changed)
    return Result(
        peer, precision, 1, 0, round_, found, peak_memory_bytes=512 * 1024**2, process_seconds=9.0, load=0.5
    )


def made_up_run(*results, rounds=1):
    return Run(
        dataset="mnist",
        images=1000,
        epochs=2,
        rounds=rounds,
        batch_size=64,
        machine="Some Processor (x86_64, Linux)",
        cores=2,
        pinned=True,
        load=(0.1, 0.9),
        macs=1_000_000,
        results=results,
        peaks={"1": {"fp32": 6.0, "bf16": 12.0}},
    )


def test_a_result_survives_its_line_of_json():
    before = result()
    assert Result.from_output(f"a warning of some library\n{before.to_line()}\n") == before


def test_a_skipped_peer_survives_its_line_of_json():
    before = Result("fastai", "bf16", 1, 0, skipped="it has none")
    assert Result.from_output(before.to_line()) == before
    with pytest.raises(ValueError, match="fastai was skipped: it has none"):
        _ = before.train_rate


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("", "the child printed no result"),
        ("Killed\n", "the child printed no result"),
        ('{"peer": "textbook"}', "this is not a benchmark result: .*missing"),
        (json.dumps(result().to_dict() | {"colour": "red"}), "this is not a benchmark result: .*colour"),
    ],
)
def test_output_that_is_no_result_is_refused(output, message):
    with pytest.raises(ValueError, match=message):
        Result.from_output(output)


def test_rates_leave_the_first_epoch_and_the_first_evaluation_out():
    found = Result("textbook", "fp32", 1, 0, measured=measured())
    assert found.first_epoch_rate == 250  # 1000 / 4
    assert found.train_rate == 500  # median of 1, 2, 3 s
    assert found.epoch_rate == 250  # 1000 / 4
    assert found.evaluation_rate == 200  # 100 / 0.5


def test_a_single_epoch_is_its_own_median():
    only = measured(train_seconds=(4.0,), epoch_seconds=(5.0,), evaluation_seconds=(2.0,))
    found = Result("textbook", "fp32", 1, 0, measured=only)
    assert (found.train_rate, found.epoch_rate, found.evaluation_rate) == (250, 200, 50)


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0], [1.0, 5.0], [4.0, 1.0, 7.0, 2.5, 9.0, 3.0]])
def test_quartiles_are_numpys(values):
    found = spread(values)
    assert [found.lower, found.median, found.upper] == pytest.approx(np.percentile(values, [25, 50, 75]))


def test_the_paired_interval_is_scipys():
    ours, theirs = [0.975, 0.981, 0.978, 0.972, 0.980], [0.974, 0.977, 0.979, 0.975, 0.976]
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    found = paired_interval(ours, theirs)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(np.mean(np.subtract(ours, theirs)))


def test_one_pair_has_no_interval():
    with pytest.raises(ValueError, match="at least two pairs"):
        paired_interval([0.9], [0.8])


@pytest.mark.parametrize(
    ("low", "high", "within"), [(-0.004, 0.005, True), (-0.006, 0.0, False), (0, 0.1, False)]
)
def test_an_interval_lies_within_a_margin_only_as_a_whole(low, high, within):
    assert Interval(0.0, low, high, 5).within(0.005) is within


def test_the_accuracy_line_says_which_way_the_interval_went():
    close = accuracy_lines([0.970, 0.971, 0.972], [0.971, 0.971, 0.971])
    assert close == (
        "Test accuracy over 3 seeds: cnnbuild 97.10 %, textbook 97.10 %; paired difference +0.00 points, "
        "95 % interval -0.25 to +0.25 (Student's t): it lies within 0.5 points."
    )
    assert accuracy_lines([0.97, 0.98], [0.96, 0.98]).endswith("it does not lie within 0.5 points.")


def test_evaluations_are_timed_one_by_one():
    calls = iter([0.1, 0.2, 0.3])
    seconds, accuracy = timed(lambda: next(calls), 3)
    assert (len(seconds), accuracy) == (3, 0.3)


def test_the_share_of_the_peak_counts_three_passes_of_two_operations():
    # 1,000 images/s x 1 million multiply-adds x 3 x 2 = 6 GFLOP/s
    assert share_of_peak(1_000, 1_000_000, 12.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("images_", "available", "given"), [(54_000, 60_000, 60_000), (5_000, 60_000, 5_556)]
)
def test_cnnbuild_is_given_so_many_images_that_validation_leaves_the_peers(images_, available, given):
    assert with_validation(images_, available) == given
    assert given - round(given * 0.1) == images_


def test_every_small_number_of_images_can_be_left_by_a_validation_part():
    left = {given - round(given * 0.1) for given in range(1, 3_000)}
    assert len(left) > 2_000
    for wanted in sorted(left)[:2_000]:
        given = with_validation(wanted, 60_000)
        assert given - round(given * 0.1) == wanted


def test_more_images_than_validation_leaves_are_refused():
    with pytest.raises(ValueError, match="--images is at most 54,000"):
        with_validation(54_001, 60_000)


def test_settings_survive_the_command_line_of_a_child():
    asked = settings(precision="bf16", threads=2, select="last")
    assert Settings.from_json(asked.to_json()) == asked


def test_for_accuracy_both_sides_test_their_last_weights_once():
    changed = with_case(settings(), precision="bf16", threads=2, seed=4, for_accuracy=True)
    assert changed == settings(precision="bf16", threads=2, seed=4, select="last", evaluations=1)


def test_the_networks_by_hand_have_the_agreed_parameters_and_outputs():
    for dataset, (channels, height, width) in SHAPES.items():
        module = torch_parts.network(settings(dataset=dataset))
        assert torch_parts.count(module) == PARAMETERS[dataset]
        assert module(torch.zeros(2, channels, height, width)).shape == (2, 10)


@pytest.mark.parametrize("dataset", list(PARAMETERS))
def test_cnnbuild_computes_the_function_of_the_network_by_hand(dataset):
    import cnnbuild
    from benchmarks.training.settings import ARCHITECTURES

    shape = SHAPES[dataset]
    built = cnnbuild.load(child.ROOT / ARCHITECTURES[dataset]).build(input=shape, classes=10).eval()
    by_hand = torch_parts.network(settings(dataset=dataset)).eval()
    assert len(built.state_dict()) == len(by_hand.state_dict())
    pairs = zip(built.state_dict(), by_hand.state_dict().values(), strict=True)
    built.load_state_dict(dict(pairs))
    pictures = torch.randn(3, *shape)
    assert torch.allclose(built(pictures), by_hand(pictures), atol=1e-5)


def test_cnnbuilds_recipe_says_what_the_settings_say():
    asked = settings(dataset="cifar10", lr=0.003, eps=1e-6, beta_1=0.8, batch_size=32, epochs=7)
    plain = product.recipe_of(asked).plain()
    adam = plain["optimizer"]["adam"]
    assert (adam["lr"], adam["betas"], adam["eps"], adam["weight_decay"]) == (0.003, [0.8, 0.999], 1e-6, 0.0)
    assert (plain["epochs"], plain["batch_size"], plain["validation"]) == (7, 32, 0.1)
    assert plain["augment"] == [{"random_crop": {"padding": 4}}, {"horizontal_flip": {"p": 0.5}}]
    assert list(product.recipe_of(settings()).augment) == []


def test_the_precision_is_what_the_record_says_was_computed_in():
    recipe = {"precision": "auto"}
    assert product.precision_of({"recipe": recipe, "threads": 1}) is None
    assert product.precision_of({"recipe": recipe, "choices": {"fused": True, "precision": "bf16"}}) == "bf16"


def test_the_engines_evaluation_is_timed_as_often_as_the_peers_and_put_back():
    from cnnbuild.training import evaluate, fit

    before, calls = evaluate.evaluate, []
    evaluate.evaluate = fit.evaluate = recorded = lambda number, *, twice: calls.append(number) or 2 * twice
    try:
        seconds = []
        with product.timed_evaluation(seconds, 3):
            assert fit.evaluate(7, twice=4) == 8
        assert (calls, len(seconds)) == ([7, 7, 7], 3)
        assert fit.evaluate is evaluate.evaluate is recorded
    finally:
        evaluate.evaluate = fit.evaluate = before


def test_torchs_adam_says_what_the_settings_say():
    asked = settings(lr=0.003, eps=1e-6, beta_1=0.8, beta_2=0.9)
    group = torch_parts.adam(torch.nn.Linear(1, 1), asked).param_groups[0]
    assert (group["lr"], group["eps"], group["betas"], group["weight_decay"]) == (0.003, 1e-6, (0.8, 0.9), 0)


def names_read(source):
    """The attributes of `settings` that a module reads."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name | ast.Attribute)
        and (node.value.id if isinstance(node.value, ast.Name) else node.value.attr) == "settings"
    }


def numbers_passed(source):
    """Literal numbers that are passed under the name of a shared setting, such as `lr=0.01`."""
    names = {*SHARED, "bs", "betas", "epsilon", "max_epochs", "learning_rate", "iterator_valid__batch_size"}
    return [
        keyword.arg
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in names and any(isinstance(part, ast.Constant) for part in ast.walk(keyword.value))
    ]


def test_every_peer_reads_the_shared_settings_and_writes_none_of_its_own():
    scripts = sorted(path for path in PEERS.glob("*.py") if path.stem != "__init__")
    assert {path.stem for path in scripts} == set(MODULES.values())
    shared = names_read(Path(torch_parts.__file__).read_text(encoding="utf-8"))
    for path in scripts:
        source = path.read_text(encoding="utf-8")
        read = names_read(source) | (shared if path.stem in LOOPS else set())
        # cnnbuild chooses the size of its evaluation's batches itself
        missing = set(SHARED) - read - ({"evaluation_batch_size"} if path.stem == "product" else set())
        assert not missing, path.stem
        assert not [name for name in numbers_passed(source) if "momentum" not in name], path.stem


def test_a_peer_with_numbers_of_its_own_would_be_found():
    assert numbers_passed("Adam(lr=1e-3, eps=settings.eps)") == ["lr"]
    assert numbers_passed("fit(betas=(0.9, settings.beta_2))") == ["betas"]
    assert names_read("fit(self.settings.lr, settings.eps, other.epochs)") == {"lr", "eps"}


def test_every_peer_has_a_label():
    assert set(LABELS) == set(MODULES)


def test_a_child_sees_no_gpu_and_the_threads_it_is_given():
    made = child.environment("keras-jax", 1)
    assert made["CUDA_VISIBLE_DEVICES"] == ""
    assert made["KERAS_BACKEND"] == "jax"
    assert made["OMP_NUM_THREADS"] == made["TF_NUM_INTRAOP_THREADS"] == "1"
    assert "multi_thread_eigen=false" in made["XLA_FLAGS"]


def test_a_failed_child_is_a_result_that_says_why(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr="MemoryError: no room")
    monkeypatch.setattr(child, "run", lambda *_, **__: (failed, 3.0))
    found = child.measure("textbook", settings(), round_=2, pythons={}, pinned=True)
    assert (found.skipped, found.failed, found.round) == ("exit code 1: MemoryError: no room", True, 2)


def test_a_child_that_takes_too_long_is_a_result_that_says_so(monkeypatch):
    forever = [sys.executable, "-S", "-c", "while True: pass"]
    run = child.run
    monkeypatch.setattr(child, "run", lambda _, *given, **named: run(forever, *given, **named))
    found = child.measure("textbook", settings(), round_=1, pythons={}, pinned=False, limit=0.2)
    assert (found.skipped, found.failed, found.process_seconds) == ("it was ended after 0.2 s", True, 0.2)


def test_a_child_starts_with_so_many_cores_and_the_parent_keeps_its_own():
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system has no affinity of processes")
    before = os.sched_getaffinity(0)
    command = [sys.executable, "-S", "-c", "import os; print(len(os.sched_getaffinity(0)))"]
    done, seconds = child.run(command, "textbook", 1, cores=1)
    assert (done.stdout.strip(), os.sched_getaffinity(0)) == ("1", before)
    assert seconds > 0


def test_peak_memory_grows_with_what_is_held():
    before = peak_memory_bytes()
    held = np.ones(40_000_000, dtype=np.uint8)
    after = peak_memory_bytes()
    if before is None or after is None:
        pytest.skip("this system does not tell the memory of a process")
    assert held.sum() == 40_000_000
    assert after >= before
    assert after > 40_000_000


def test_the_peers_inputs_are_the_images_that_cnnbuilds_split_leaves(tmp_path, monkeypatch):
    from cnnbuild.data.dataset import Dataset, Images
    from cnnbuild.data.split import split_validation

    pixels = torch.arange(200 * 2 * 3, dtype=torch.int64).remainder(256).to(torch.uint8).view(200, 1, 2, 3)
    part = Images(pixels, torch.arange(200) % 10)
    fake = Dataset(part, part.at(torch.arange(20)), (), None, "", "", {})
    monkeypatch.setattr("cnnbuild.data.load.load_dataset", lambda *_, **__: fake)
    monkeypatch.setitem(images.TRAINING_IMAGES, "mnist", 200)
    images.prepare("mnist", 180, tmp_path, tmp_path)
    found = images.load_arrays(settings(images=180, inputs=str(tmp_path)))
    fitted, _ = split_validation(part.labels, 0.1)
    assert np.array_equal(found.train_images, pixels[fitted].permute(0, 2, 3, 1).numpy())
    assert np.array_equal(found.train_labels, part.labels[fitted].numpy())
    assert found.test_images.shape == (20, 2, 3, 1)
    with pytest.raises(ValueError, match="the inputs hold 180 images to train on, not 90"):
        images.indices(settings(images=90, inputs=str(tmp_path)))


def test_the_command_line_asks_cnnbuild_for_one_epoch_of_as_many_images():
    command = command_line(settings(images=5_000, data_root="somewhere"), Path("out"), "python", ["--quiet"])
    assert command[3:] == [
        *("train", "architectures/simple_cnn.yaml", "--dataset", "{mnist: {train_images: 5556}}"),
        *("--epochs", "1", "--batch-size", "64", "--lr", "0.001"),
        *("--seed", "0", "--out", "out", "--data-root", "somewhere", "--quiet"),
    ]


def test_an_unknown_peer_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse(["--peers", "textbook,torch"])
    assert "unknown peers torch" in capsys.readouterr().err


def test_images_default_to_what_the_validation_part_leaves():
    assert parse([]).images == 54_000
    assert parse(["--dataset", "cifar10"]).images == 45_000


def test_rows_are_medians_over_the_rounds_with_the_fastest_first():
    run = made_up_run(
        *(result(seconds=seconds, round_=n) for n, seconds in enumerate((2.0, 4.0, 2.5))),
        result("cnnbuild", seconds=0.5),
        Result("fastai", "fp32", 1, 0, skipped="fastai is not installed"),
        rounds=3,
    )
    rows = rows_of(run)
    assert [row.peer for row in rows] == ["cnnbuild", "textbook"]
    assert [row.train.median for row in rows] == [2000, 400]  # 1000 / 0.5 and 1000 / 2.5
    assert (rows[1].train.lower, rows[1].train.upper) == (325, 450)  # of 250, 400, 500


def test_the_table_says_ratios_machine_versions_peak_and_what_is_missing():
    run = made_up_run(
        result("textbook", seconds=2.0),
        result("cnnbuild", seconds=0.5),
        Result("fastai", "fp32", 1, 0, skipped="fastai is not installed"),
    )
    lines = table(run).splitlines()
    assert lines[0] == (
        "simple_cnn (421,642 parameters) on MNIST: 1,000 training images an epoch, 2 epochs, batch 64, Adam; "
        "medians of 1 round in random order. Some Processor (x86_64, Linux), 2 cores, each process pinned to as "
        f"many cores as it has threads; load 0.1 before and 0.9 after. Python {run.results[0].python}, torch 9.9.9."
    )
    assert lines[2].startswith("| 1 thread | precision | train, images/s (quartiles) | to the textbook |")
    assert lines[4] == "| cnnbuild | fp32 | 2,000 | 4.00 | 1,000 | 250 | 200 | 1.00 | 9.0 | 512 | 97.50 % |"
    assert lines[5] == (
        "| textbook torch loop | fp32 | 500 | 1.00 | 250 | 250 | 200 | 1.00 | 9.0 | 512 | 97.50 % |"
    )
    # 2,000 images/s x 1 million x 6 = 12 GFLOP/s of 6
    assert lines[7].startswith("cnnbuild in fp32, 1 thread: 200 % of the matrix product's measured 6 GFLOP/s")
    assert lines[9] == "- fastai, fp32: not measured, fastai is not installed."


def test_a_run_survives_its_file(tmp_path):
    run = made_up_run(result(), Result("skorch", "bf16", 1, 0, skipped="no"))
    (tmp_path / "run.json").write_text(run.to_json(), encoding="utf-8")
    assert Run.read(tmp_path / "run.json") == run


def test_the_figure_shows_the_ratios_that_the_results_have(tmp_path):
    run = made_up_run(result(), result("cnnbuild", seconds=0.25), result("skorch", "bf16", seconds=4.0))
    draw(run, tmp_path / "figure.svg", 1)
    draw(run, tmp_path / "figure.png", 1)
    drawn = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    for text in ("8.00x  4,000/s", "1.00x  500/s", "0.50x  250/s", "skorch, bf16", "Some Processor"):
        assert text in drawn, text
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_without_the_textbook_there_is_no_figure(tmp_path):
    with pytest.raises(ValueError, match="nothing to compare with"):
        draw(made_up_run(result("cnnbuild")), tmp_path / "figure.svg", 1)


def test_the_contract_names_what_the_benchmark_promises():
    promised = {"train_seconds", "evaluation_seconds", "test_accuracy", "parameters", "precision", "versions"}
    assert promised <= {entry.name for entry in fields(Measured)}
    about = {"process_seconds", "peak_memory_bytes", "threads", "load", "seed"}
    assert about <= {entry.name for entry in fields(Result)}
    assert math.isfinite(result().train_rate)
