"""Files that are there whole or not at all, and a checkpoint from which a run could go on."""

import os

import pytest
import torch
from torch import nn

from cnnbuild.data.load import load_dataset
from cnnbuild.errors import RunError
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.checkpoint import read_checkpoint, save_weights, write_atomically
from cnnbuild.training.fit import fit
from cnnbuild.training.seeding import seeded


def test_weights_come_back_without_unpickling_and_in_torchs_layout(tmp_path):
    module = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    path = tmp_path / "new" / "weights.pt"
    save_weights(module, path)
    loaded = torch.load(path, weights_only=True)
    assert list(loaded) == ["weight", "bias"]
    assert torch.equal(loaded["weight"], module.weight)
    assert loaded["weight"].is_contiguous()
    assert [entry.name for entry in path.parent.iterdir()] == ["weights.pt"]


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    write_atomically({"epoch": 1}, path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError) as refused:
        write_atomically({"epoch": 2}, path)
    assert str(refused.value) == f"{path} cannot be written: No space left on device"
    assert torch.load(path, weights_only=True) == {"epoch": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_the_checkpoint_after_each_epoch_holds_all_that_going_on_needs(tmp_path):
    dataset = load_dataset(DatasetSettings(name="synthetic", train_images=200), data_root=None)
    with seeded(0):
        module = nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(768, 10))
    path = tmp_path / "checkpoint.pt"
    found = []

    def read(record):
        found.append(read_checkpoint(path)[0])

    record = fit(module, dataset, Recipe(epochs=2), seed=4, on_epoch=read, checkpoint=path)
    assert [len(checkpoint["epochs"]) for checkpoint in found] == [1, 2]
    last = found[-1]
    assert (last["identity"]["seed"], last["progress"], last["resumed"]) == ("4", None, 0)
    assert (last["steps"], last["images"]) == (2 * 3, 2 * 180)
    assert last["epochs"][1]["validation_accuracy"] == record.epochs[1].validation_accuracy
    assert last["largest_loss"] == record.largest_loss
    assert set(last["module"]) == {"2.weight", "2.bias"}
    assert torch.equal(last["best_module"]["2.weight"], module.state_dict()["2.weight"])
    assert last["best_epoch"] == record.selected_epoch
    step = next(iter(last["optimizer"]["state"].values()))["step"]
    assert step == 2 * 3  # 180 images in batches of 64, twice
    assert not torch.equal(found[0]["order_rng"], found[1]["order_rng"])
    assert not torch.equal(found[0]["random"]["cpu"], found[1]["random"]["cpu"])
