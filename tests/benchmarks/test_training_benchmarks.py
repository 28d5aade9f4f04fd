"""The training benchmark: its contract, its statistics, its pages; no peer is trained here."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.training import child, images, torch_parts
from benchmarks.training.__main__ import parse, with_case
from benchmarks.training.peers import LABELS, MODULES, product
from benchmarks.training.process import command_line
from benchmarks.training.result import peak_memory_bytes
from benchmarks.training.settings import PARAMETERS, SHAPES, Settings, with_validation
from tests.benchmarks.made_up import settings

PEERS = Path(child.ROOT) / "benchmarks" / "training" / "peers"
SHARED = ("batch_size", "evaluation_batch_size", "epochs", "lr", "eps", "beta_1", "beta_2")
LOOPS = ("textbook", "lightning_trainer", "lightning_fabric")  # these take loaders and Adam from torch_parts


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


@pytest.mark.parametrize("dataset", list(PARAMETERS))
def test_one_seed_draws_the_same_weights_by_hand_and_in_cnnbuild(dataset):
    import cnnbuild
    from benchmarks.training.settings import ARCHITECTURES
    from cnnbuild.training.seeding import seeded

    with seeded(3):
        built = cnnbuild.load(child.ROOT / ARCHITECTURES[dataset]).build(input=SHAPES[dataset], classes=10)
    by_hand = torch_parts.network(settings(dataset=dataset, seed=3))
    pairs = list(zip(built.state_dict().values(), by_hand.state_dict().values(), strict=True))
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    other = torch_parts.network(settings(dataset=dataset, seed=4))
    assert not torch.equal(pairs[0][0], next(iter(other.state_dict().values())))


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


def test_the_processors_clock_does_not_count_what_a_child_sleeps():
    command = [sys.executable, "-S", "-c", "import time; time.sleep(0.5); sum(range(2_000_000))"]
    _, wall = child.run(command, "textbook", 1)
    _, processor = child.run(command, "textbook", 1, clock="processor")
    assert wall > 0.5
    assert 0 < processor < wall


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
