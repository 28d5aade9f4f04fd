"""One run: it learns, repeats itself to the bit, selects honestly, and fails with a record."""

import json
import sys
from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

from cnnbuild.data.batches import BatchSource, measure_normalization
from cnnbuild.data.load import load_dataset
from cnnbuild.data.split import split_validation
from cnnbuild.errors import DivergedError, RunError, UsageError
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.evaluate import evaluate, score
from cnnbuild.training.fit import fit
from cnnbuild.training.record import DivergedRunError, RunRecord
from cnnbuild.training.seeding import seeded

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits():
    return load_dataset(DatasetSettings(name="digits", train_images=600), data_root=None)


@pytest.fixture(scope="module")
def synthetic():
    return load_dataset(DatasetSettings(name="synthetic", train_images=300), data_root=None)


def small_cnn(channels=1, size=8, seed=0):
    with seeded(seed):
        return nn.Sequential(
            nn.Conv2d(channels, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(8 * (size // 2) ** 2, 10),
        )


def recipe(**settings):
    return Recipe.model_validate({"epochs": 2, "device": "cpu", **settings})


def timeless(record):
    """What must be equal between two runs with one seed."""
    epochs = [replace(epoch, seconds=0, train_seconds=0) for epoch in record.epochs]
    return epochs, record.test, record.largest_loss, record.selected_epoch


def test_a_small_network_learns_the_digits(digits):
    record = fit(small_cnn(), digits, recipe(epochs=15, optimizer={"adam": {"lr": 0.01}}), seed=0)
    assert record.test.accuracy > 0.9
    assert record.epochs[-1].running_loss < record.epochs[0].running_loss / 2
    assert (record.train_images, record.validation_images, record.test_images) == (540, 60, 359)


@pytest.mark.parametrize("augment", [[], ["horizontal_flip", {"random_crop": {"padding": 2}}]])
def test_one_seed_gives_the_same_bits_twice_and_another_seed_others(synthetic, augment):
    settings = recipe(augment=augment, schedule="cosine", label_smoothing=0.1)
    runs = []
    for seed in (3, 3, 4):
        module = small_cnn(3, 16)
        record = fit(module, synthetic, settings, seed=seed)
        runs.append((timeless(record), module.state_dict()))
        torch.rand(seed)  # whatever else happens to torch's generator must not matter
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(runs[0][1][name], value) for name, value in runs[1][1].items())
    assert runs[0][0] != runs[2][0]


def test_the_fast_loop_takes_the_steps_of_a_textbook_loop(synthetic):
    with seeded(0):
        module, textbook = (
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(784, 10)) for _ in "ab"
        )
    textbook.load_state_dict(module.state_dict())
    settings = recipe(
        epochs=3,
        batch_size=1000,
        optimizer={"sgd": {"lr": 0.1, "momentum": 0.9}},
        validation=0,
        select="last",
        precision="fp32",
    )
    record = fit(module, synthetic, settings, seed=0)
    # one batch per epoch, so that order does not matter: plain torch on floats, contiguous and unfused
    pixels = synthetic.train.images.double()
    std, mean = torch.std_mean(pixels, dim=(0, 2, 3), keepdim=True, correction=0)
    images, labels = ((pixels - mean) / std).float(), synthetic.train.labels
    optimizer = torch.optim.SGD(textbook.parameters(), lr=0.1, momentum=0.9, foreach=False)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(textbook(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert [epoch.running_loss for epoch in record.epochs] == pytest.approx(losses, rel=1e-4)
    assert record.largest_loss == pytest.approx(max(losses), rel=1e-4)
    for ours, theirs in zip(module.state_dict().values(), textbook.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_best_validated_epoch_is_tested_and_its_weights_stay(synthetic):
    seen = []
    module = small_cnn(3, 16)
    # the rate explodes at epoch 3, so the last epoch is not the best
    schedule = {"multi_step": {"milestones": [2], "gamma": 1000.0}}
    record = fit(module, synthetic, recipe(epochs=4, schedule=schedule), seed=0, on_epoch=seen.append)
    assert tuple(seen) == record.epochs
    accuracies = [epoch.validation_accuracy for epoch in record.epochs]
    assert record.selected_epoch == accuracies.index(max(accuracies)) + 1 < 4
    assert not module.training
    fitted, held_out = split_validation(synthetic.train.labels, 0.1)
    statistics = measure_normalization(synthetic.train.images[fitted])
    train = BatchSource(synthetic.train, statistics, CPU, channels_last=True)
    assert score(module, train, held_out).accuracy == max(accuracies)
    test = BatchSource(synthetic.test, statistics, CPU, channels_last=True)
    assert evaluate(module, test, 10) == record.test


def test_without_validation_the_last_epoch_is_tested(synthetic):
    record = fit(small_cnn(3, 16), synthetic, recipe(select="last", validation=0), seed=0)
    assert record.selected_epoch == 2
    assert record.epochs[0].validation_accuracy is None
    assert (record.train_images, record.validation_images) == (300, 0)


def test_training_accuracy_is_measured_without_dropout_or_augmentation(synthetic):
    # with nine tenths dropped while training, only evaluation mode can be right about all images
    with seeded(0):
        module = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(768, 10))
    record = fit(module, synthetic, recipe(epochs=10, optimizer={"adam": {"lr": 0.01}}), seed=0)
    assert record.epochs[-1].train_accuracy > 0.95
    assert record.epochs[-1].train_loss < record.epochs[-1].running_loss / 2


def test_a_diverging_run_raises_with_what_was_recorded(synthetic):
    schedule = {"multi_step": {"milestones": [1], "gamma": 1e30}}
    settings = recipe(epochs=3, optimizer={"sgd": {"lr": 0.01}}, schedule=schedule)
    with pytest.raises(DivergedRunError) as raised:
        fit(small_cnn(3, 16), synthetic, settings, seed=0)
    assert isinstance(raised.value, DivergedError)
    assert str(raised.value) == "the loss became nan in epoch 2, batch 2, at a learning rate of 1e+28"
    record = raised.value.record
    assert (record.status, len(record.epochs), record.test, record.selected_epoch) == (
        "diverged",
        1,
        None,
        None,
    )
    assert record.largest_loss > 2
    assert RunRecord.from_dict(json.loads(json.dumps(record.to_dict(), allow_nan=False))) == record


def test_the_record_is_complete_and_survives_json(synthetic):
    settings = recipe(schedule={"multi_step": {"milestones": [1, 30]}})
    record = fit(small_cnn(3, 16), synthetic, settings, seed=5)
    assert RunRecord.from_dict(json.loads(json.dumps(record.to_dict(), allow_nan=False))) == record
    assert (record.status, record.seed, record.device, record.schema) == ("done", 5, "cpu", 3)
    assert record.parameters == (8 * 27 + 8) + 16 + (512 * 10 + 10)
    assert record.warnings == ("milestone 30 is never reached in 2 epochs",)
    assert [epoch.lr for epoch in record.epochs] == pytest.approx([1e-3, 1e-4])
    assert [latency.batch_size for latency in record.latency] == [1, 64]
    assert sum(map(sum, record.test.confusion)) == 200
    assert Recipe.model_validate(record.recipe) == settings
    assert DatasetSettings.model_validate(record.dataset) == DatasetSettings(
        name="synthetic", train_images=300
    )
    assert record.dataset_fingerprint == synthetic.fingerprint
    assert record.versions["torch"] == torch.__version__
    assert record.hardware
    assert record.train_samples_per_second > 0
    assert record.seconds >= sum(epoch.seconds for epoch in record.epochs)
    if sys.platform != "win32":
        assert 50_000_000 < record.peak_memory_bytes < 1e12
    assert all(value is not None for value in asdict(record.epochs[0]).values())


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Flatten(), "the network gives (2, 768) for 2 images; expected (2, 10), one number per class"),
        (
            nn.AdaptiveAvgPool2d(1),
            "the network gives (2, 3, 1, 1) for 2 images; expected (2, 10), one number per class",
        ),
        (
            nn.Sequential(nn.AdaptiveAvgPool3d((10, 1, 1)), nn.Flatten()),
            "the network has no parameters to train",
        ),
    ],
)
def test_a_network_that_cannot_be_trained_is_refused_before_the_first_epoch(synthetic, module, message):
    with pytest.raises(RunError) as refused:
        fit(module, synthetic, recipe(), seed=0)
    assert str(refused.value) == message


def test_a_device_that_is_not_here_is_refused(synthetic, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError) as refused:
        fit(small_cnn(3, 16), synthetic, recipe(device="cuda"), seed=0)
    assert str(refused.value) == "torch finds no cuda device here; use device: auto or cpu"
