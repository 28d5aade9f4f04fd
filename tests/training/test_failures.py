"""What goes wrong in a run: a clear message, nothing lost, and the run goes on where it can."""

from __future__ import annotations

import errno
import os
import subprocess
from dataclasses import replace

import pytest
import torch
from torch import nn

from cnnbuild.data.dataset import Images
from cnnbuild.errors import DataError, OutOfMemoryError, RunError
from cnnbuild.training import epoch, failures
from cnnbuild.training.checkpoint import read_checkpoint, save_weights
from cnnbuild.training.fit import fit
from cnnbuild.training.record import DivergedRunError
from tests.training.small_runs import linear, normalized, recipe, synthetic

CPU_MESSAGE = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."


def few(count):
    """The synthetic data with so many training images."""
    dataset = synthetic()
    return replace(dataset, train=dataset.train.at(torch.arange(count)))


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nSee"),
            "CUDA out of memory. Tried to allocate 9 GiB.",
        ),
        (RuntimeError(CPU_MESSAGE), CPU_MESSAGE),
        (
            RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
            "MPS backend out of memory (MPS allocated: 9 GB)",
        ),
        (MemoryError(), None),
    ],
)
def test_want_of_memory_is_told_with_what_to_do_and_the_run_goes_on_where_it_was(
    raised, told, tmp_path, monkeypatch
):
    path = tmp_path / "c.pt"
    whole = fit(normalized(), synthetic(), recipe(), seed=0)
    take_step, steps = epoch.take_step, []

    def fails(*arguments):
        steps.append(1)
        if len(steps) == 5:
            raise raised
        return take_step(*arguments)

    monkeypatch.setattr(epoch, "take_step", fails)
    with pytest.raises(OutOfMemoryError) as error:
        fit(normalized(), synthetic(), recipe(), seed=0, checkpoint=path)
    detail = f" ({told})" if told else ""
    assert str(error.value) == (
        f"out of memory with a batch_size of 64{detail}: try a smaller batch_size, or a larger accumulate; "
        f"{path} still holds the last checkpoint"
    )
    assert isinstance(error.value, RunError)
    monkeypatch.undo()
    record = fit(normalized(), synthetic(), recipe(), seed=0, checkpoint=path)
    assert (record.resumes, record.test) == (1, whole.test)


def test_memory_that_torch_itself_cannot_have_is_recognised():
    with (
        pytest.raises(OutOfMemoryError, match=r"out of memory with a batch_size of 64 .*allocate"),
        failures.failures_told(recipe(), None),
    ):
        torch.empty(1 << 62, dtype=torch.uint8)


def test_other_errors_of_torch_stay_what_they_are():
    with pytest.raises(RuntimeError, match=r"^something else$"), failures.failures_told(recipe(), None):
        raise RuntimeError("something else")
    with pytest.raises(ValueError, match=r"^something else$"), failures.failures_told(recipe(), None):
        raise ValueError("something else")


def test_a_full_disk_ends_the_run_and_it_goes_on_when_there_is_room(tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    whole = fit(normalized(), synthetic(), recipe(epochs=3), seed=0)
    fsync, flushes = os.fsync, []

    def full(descriptor):
        flushes.append(1)
        if len(flushes) == 3:  # that of the second checkpoint; each flushes its file and its folder
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError) as error:
        fit(normalized(), synthetic(), recipe(epochs=3), seed=0, checkpoint=path)
    assert str(error.value) == (
        f"{path} cannot be written: No space left on device; the last checkpoint still stands: the same run, "
        "started again, goes on from it"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]
    assert len(read_checkpoint(path)[0]["epochs"]) == 1
    monkeypatch.undo()
    record = fit(normalized(), synthetic(), recipe(epochs=3), seed=0, checkpoint=path)
    assert (record.resumes, record.test) == (1, whole.test)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB of its own, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_weights_and_checkpoints_that_do_not_fit_on_a_disk_leave_nothing_half(small_disk):
    with pytest.raises(
        RunError, match=r"checkpoint.pt cannot be written: No space left on device; there is no"
    ):
        fit(
            nn.Sequential(nn.Flatten(), nn.Linear(768, 300), nn.Linear(300, 10)),
            synthetic(),
            recipe(),
            seed=0,
            checkpoint=small_disk / "checkpoint.pt",
        )
    with pytest.raises(RunError, match=r"weights.pt cannot be written: No space left on device"):
        save_weights(nn.Linear(768, 300), small_disk / "weights.pt")
    assert list(small_disk.iterdir()) == []


def test_a_read_only_folder_is_told(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(
        RunError,
        match=r"checkpoint.pt cannot be written: Read-only .* no earlier checkpoint; name another folder",
    ):
        fit(linear(), synthetic(), recipe(), seed=0, checkpoint=small_disk / "new" / "checkpoint.pt")
    with pytest.raises(RunError, match=r"weights.pt cannot be written: Read-only file system"):
        save_weights(nn.Linear(2, 2), small_disk / "weights.pt")


def test_a_diverging_run_leaves_its_record_with_a_checkpoint_too(tmp_path):
    schedule = {"multi_step": {"milestones": [1], "gamma": 1e40}}
    settings = recipe(epochs=3, optimizer={"sgd": {"lr": 0.01}}, schedule=schedule)
    messages, epochs = [], []
    for _ in range(2):  # the second run goes on from the first epoch's end, and diverges again
        with pytest.raises(DivergedRunError) as diverged:
            fit(linear(), synthetic(), settings, seed=0, checkpoint=tmp_path / "c.pt")
        messages.append(str(diverged.value))
        epochs.append([replace(e, seconds=0, train_seconds=0) for e in diverged.value.record.epochs])
    assert diverged.value.record.resumes == 1
    assert diverged.value.record.ended == "diverged"
    assert messages[0] == messages[1]
    assert epochs[0] == epochs[1]
    assert len(epochs[0]) == 1


def at_one_pixel():
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 10)
    )


def test_one_image_is_enough_unless_batch_normalisation_wants_a_deviation():
    settings = recipe(validation=0, select="last")
    assert fit(normalized(), few(1), settings, seed=0).status == "done"
    with pytest.raises(RunError) as refused:
        fit(at_one_pixel(), few(1), settings, seed=0)
    assert str(refused.value) == (
        "batch normalisation has one value per channel and no deviation: a batch of one image reaches it at a "
        "resolution of 1x1; train on more images, or in larger batches"
    )


@pytest.mark.parametrize(("part", "name"), [("train", "training"), ("test", "test")])
def test_a_part_without_images_is_refused(part, name):
    dataset = synthetic()
    empty = replace(dataset, **{part: getattr(dataset, part).at(torch.arange(0))})
    with pytest.raises(DataError, match=rf"^{dataset.label} has no {name} images$"):
        fit(linear(), empty, recipe(), seed=0)


def test_one_image_cannot_be_split():
    with pytest.raises(DataError, match=r"1 training images cannot be split with validation: 0.1"):
        fit(normalized(), few(1), recipe(), seed=0)
    fit(normalized(), few(2), recipe(validation=0, select="last"), seed=0)  # as the message advises
    with pytest.raises(DataError, match=r"validation: 0.9; take more images, or a smaller validation$"):
        fit(normalized(), few(2), recipe(validation=0.9), seed=0)


@pytest.mark.parametrize(
    ("count", "batch_size", "steps"), [(40, 64, 1), (33, 32, 1), (65, 32, 2), (34, 32, 2)]
)
def test_a_last_batch_of_one_joins_the_batch_before_it(count, batch_size, steps, monkeypatch):
    taken, take_step = [], epoch.take_step

    def counted(run, images, targets, step):
        taken.append(len(images))
        return take_step(run, images, targets, step)

    monkeypatch.setattr(epoch, "take_step", counted)
    settings = recipe(epochs=1, batch_size=batch_size, validation=0, select="last")
    assert fit(at_one_pixel(), few(count), settings, seed=0).status == "done"
    assert (len(taken), sum(taken)) == (steps, count)


def test_a_class_without_images_and_images_that_never_change_are_trained_on():
    dataset = synthetic()
    labels = torch.zeros_like(dataset.train.labels)
    constant = torch.full_like(dataset.train.images, 7)
    for train in (Images(dataset.train.images, labels), Images(constant, dataset.train.labels)):
        record = fit(normalized(), replace(dataset, train=train), recipe(), seed=0)
        assert record.status == "done"
