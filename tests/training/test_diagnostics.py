"""What a run watches: complete, plain, the same after an interruption, and without effect on the weights."""

import io
import json
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from cnnbuild.data.load import load_dataset
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.diagnostics import Diagnostics, EpochDiagnostics
from cnnbuild.training.fit import fit
from cnnbuild.training.observations import ActivationLayer
from cnnbuild.training.record import DivergedRunError, RunRecord
from cnnbuild.training.run import prepare_run
from cnnbuild.training.seeding import seeded

RECIPE = Recipe.model_validate({"epochs": 2, "device": "cpu"})


@pytest.fixture(scope="module")
def digits():
    return load_dataset(DatasetSettings(name="digits", train_images=700), data_root=None)


def small_network():
    with seeded(0):
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(512, 10),
        )


def numbers_in(data):
    """Every number in plain data."""
    if isinstance(data, dict):
        return [number for value in data.values() for number in numbers_in(value)]
    if isinstance(data, list):
        return [number for value in data for number in numbers_in(value)]
    return [data] if isinstance(data, int | float) and not isinstance(data, bool) else []


def test_a_run_records_everything_and_every_number_is_finite(digits):
    record = fit(small_network(), digits, RECIPE, seed=0)
    plain = json.loads(json.dumps(record.to_dict(), allow_nan=False))
    assert RunRecord.from_dict(plain) == record
    numbers = numbers_in(plain)
    assert len(numbers) > 300
    assert all(map(math.isfinite, numbers))
    assert record.parameter_layers == ("0", "5")
    assert [(layer.name, layer.units) for layer in record.activation_layers] == [("2", 8)]
    for epoch in record.epochs:
        assert all(len(column) == 2 for column in (epoch.gradients.norm, epoch.gradients.update_ratio))
        assert all(norm > 0 for norm in epoch.gradients.norm)
        assert all(1e-5 < ratio < 0.5 for ratio in epoch.gradients.update_ratio)
        assert (len(epoch.dead_units.dead), epoch.dead_units.images) == (1, 20)
        counts = [sum(row) for row in record.validation.confusion]
        right = sum(share * count for share, count in zip(epoch.validation_per_class, counts, strict=True))
        assert right / sum(counts) == pytest.approx(epoch.validation_accuracy)
    selected = record.epochs[record.selected_epoch - 1]
    assert record.validation.accuracy == selected.validation_accuracy
    assert record.validation.loss == pytest.approx(selected.validation_loss)
    assert len(record.loss_curve.mean) == 2 * 10  # 630 images, 64 at a time
    assert max(record.loss_curve.largest) == pytest.approx(record.largest_loss, rel=1e-5)
    # 8 filters of 9 weights at 64 places, 512 * 10 in the last layer; float32, and an int64 count of batches
    assert record.macs == 8 * 9 * 64 + 5120
    assert record.weights_bytes == 4 * (72 + 8 + 4 * 8 + 5120 + 10) + 8
    assert (record.ended, record.resumes) == ("epochs", 0)


def test_the_weights_have_the_same_bits_without_diagnostics(digits, monkeypatch):
    def train():
        module = small_network()
        record = fit(module, digits, RECIPE, seed=0)
        return module.state_dict(), record

    with_them, watched = train()
    monkeypatch.setattr(Diagnostics, "before_update", lambda *_: None)
    monkeypatch.setattr(Diagnostics, "after_update", lambda *_: None)
    monkeypatch.setattr(Diagnostics, "epoch", lambda *_: EpochDiagnostics(None, None))
    without, unwatched = train()
    assert unwatched.epochs[0].gradients is None is not watched.epochs[0].gradients
    assert all(torch.equal(value, without[name]) for name, value in with_them.items())
    assert watched.test == unwatched.test


def test_one_seed_gives_the_same_diagnostics_twice(digits):
    first, second = (fit(small_network(), digits, RECIPE, seed=0) for _ in "ab")
    timeless = [[replace(e, seconds=0, train_seconds=0) for e in record.epochs] for record in (first, second)]
    assert timeless[0] == timeless[1]
    assert first.loss_curve == second.loss_curve


def test_a_diverged_run_keeps_the_losses_before_and_a_finite_record(digits):
    settings = {"epochs": 3, "device": "cpu", "optimizer": {"sgd": {"lr": 0.01}}}
    settings["schedule"] = {"multi_step": {"milestones": [1], "gamma": 1e30}}
    with pytest.raises(DivergedRunError) as raised:
        fit(small_network(), digits, Recipe.model_validate(settings), seed=0)
    record = raised.value.record
    assert all(map(math.isfinite, numbers_in(json.loads(json.dumps(record.to_dict(), allow_nan=False)))))
    assert len(record.loss_curve.mean) >= 10
    assert record.ended == "diverged"


def test_diagnostics_go_on_from_their_state(digits):
    run = prepare_run(small_network(), digits, RECIPE, seed=0, device=torch.device("cpu"), head_weights={})

    def fresh():
        return Diagnostics(run.module, run.train, run.probe, steps_per_epoch=2, training_images=600)

    def follow(diagnostics, steps):
        for step in steps:
            run.module.zero_grad()
            images, _ = run.train.batch(torch.arange(step, step + 8))
            run.module.eval()(images).square().sum().backward()
            diagnostics.before_update(step)
            diagnostics.after_update(step)
            diagnostics.add_losses([float(step)])

    whole, first, second = fresh(), fresh(), fresh()
    follow(whole, range(4))
    follow(first, range(3))
    second.restore(torch.load(saved(first.state()), weights_only=True))
    follow(second, range(3, 4))
    assert second.epoch(1) == whole.epoch(1)
    assert second.loss_curve == whole.loss_curve
    ended = fresh()  # taken up after the last epoch: nothing is measured again
    ended.restore(torch.load(saved(second.state()), weights_only=True))
    assert ended.activation_layers == whole.activation_layers == (ActivationLayer("2", "ReLU", 8),)


def saved(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return file
