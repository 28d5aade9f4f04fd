"""Which checkpoint a run goes on from, and what asks it to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace

import pytest
import torch
from torch.amp import GradScaler

from cnnbuild.errors import CheckpointError, RunInterruptedError
from cnnbuild.training import keeping, resume
from cnnbuild.training.checkpoint import previous_of, read_checkpoint
from cnnbuild.training.fit import fit
from cnnbuild.training.run import prepare_run
from cnnbuild.training.steps import take_step
from tests.training.small_runs import linear, normalized, recipe, synthetic

CPU = torch.device("cpu")


class StoppedError(Exception):
    """Stands for whatever ends a run between two epochs."""


def run(checkpoint, *, module=None, seed=0, settings=None, stop_after=None, data=None, **options):
    """A run that may break off after some epochs; its record and its module."""
    module = normalized() if module is None else module

    def on_epoch(record):
        if record.epoch == stop_after:
            raise StoppedError

    settings = recipe(epochs=4) if settings is None else settings
    try:
        return fit(
            module,
            data or synthetic(),
            settings,
            seed=seed,
            checkpoint=checkpoint,
            on_epoch=on_epoch,
            **options,
        ), module
    except StoppedError:
        return None, module


def test_a_run_goes_on_after_the_epoch_of_its_checkpoint_with_the_same_bits(tmp_path):
    whole, expected = run(None)
    run(tmp_path / "c.pt", stop_after=2)
    seen = []
    module = normalized()
    record = fit(
        module, synthetic(), recipe(epochs=4), seed=0, checkpoint=tmp_path / "c.pt", on_epoch=seen.append
    )
    assert [epoch.epoch for epoch in seen] == [3, 4]
    assert (whole.resumes, record.resumes, record.warnings) == (0, 1, ())
    untimed = [[replace(e, seconds=0, train_seconds=0) for e in r.epochs] for r in (whole, record)]
    assert untimed[0] == untimed[1]
    assert (record.test, record.loss_curve) == (whole.test, whole.loss_curve)
    assert record.activation_layers == whole.activation_layers != ()
    for name, value in expected.state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name
    assert record.seconds > sum(epoch.seconds for epoch in record.epochs)  # the first sitting counts


def test_a_finished_run_that_is_started_again_is_only_tested_again(tmp_path):
    first, _ = run(tmp_path / "c.pt")
    again, _ = run(tmp_path / "c.pt", stop_after=1)
    assert again is not None  # no epoch was run, or it would have been stopped
    assert again.test == first.test
    assert again.activation_layers == first.activation_layers


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"seed": 1}, "seed is 0 there and 1 here"),
        ({"settings": recipe(epochs=5)}, "recipe.epochs is 4 there and 5 here"),
        (
            {"settings": recipe(epochs=4, clip_gradient_norm=1.0)},
            "recipe.clip_gradient_norm is absent there and 1.0 here",
        ),
        ({"head_weights": {"aux": 0.5}}, "head weight.aux is absent there and 0.5 here"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused_and_kept(change, difference, tmp_path):
    path = tmp_path / "c.pt"
    run(path, stop_after=1)
    before = path.read_bytes()
    with pytest.raises(CheckpointError) as refused:
        run(path, **change)
    assert str(refused.value) == (
        f"{path} is a checkpoint of another run: {difference}. Nothing was changed: start the run that it "
        "belongs to, or remove it to begin this one anew"
    )
    assert path.read_bytes() == before


def test_other_data_another_network_another_torch_or_other_threads_are_another_run(tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    run(path, stop_after=1)
    with pytest.raises(CheckpointError, match=r"data.train_images is 200 there and 201 here"):
        run(path, data=synthetic(201))
    with pytest.raises(
        CheckpointError,
        match=r"weights 1.weight is \(4,\) float32 there and \(10, 768\) float32 here; .*; \d+ more differ",
    ):
        run(path, module=linear())
    changed = normalized()
    changed[3] = torch.nn.AvgPool2d(4)  # the same weights
    with pytest.raises(CheckpointError, match=r"layers is [0-9a-f]{16} there and [0-9a-f]{16} here"):
        run(path, module=changed)
    monkeypatch.setattr(torch, "__version__", "9.9")
    with pytest.raises(CheckpointError, match=r"torch is .* there and 9.9 here"):
        run(path)
    monkeypatch.undo()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    with pytest.raises(CheckpointError, match="threads is 1 there and 7 here"):
        run(path)


def test_without_resume_an_old_checkpoint_is_removed(tmp_path):
    path = tmp_path / "c.pt"
    run(path, stop_after=3)
    run(path, seed=1, stop_after=1, resume=False)
    assert len(read_checkpoint(path)[0]["epochs"]) == 1
    assert not previous_of(path).exists()


def test_after_damage_the_run_goes_on_from_the_previous_one_and_the_record_says_so(tmp_path):
    path = tmp_path / "c.pt"
    whole, expected = run(None)
    run(path, stop_after=3)
    path.write_bytes(path.read_bytes()[:-1])
    record, module = run(path)
    assert record.warnings[0].startswith(f"{path} is damaged: ")
    assert record.warnings[0].endswith(" bytes are there; the run went on from the checkpoint before it")
    assert record.test == whole.test
    assert torch.equal(module[0].weight, expected[0].weight)


def test_a_damaged_checkpoint_never_becomes_the_previous_one(tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    run(path, stop_after=3)
    good = previous_of(path).read_bytes()
    path.write_bytes(b"damaged")
    run(path, stop_after=3)  # epoch 3 again
    assert previous_of(path).read_bytes() == good


def test_within_an_epoch_a_checkpoint_is_written_when_its_time_has_come(tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    written = []

    def count(checkpoint, file):
        progress = checkpoint["progress"]
        written.append(None if progress is None else progress["steps"])

    monkeypatch.setattr(keeping, "write_checkpoint", count)
    run(path, settings=recipe(epochs=1))
    monkeypatch.setattr(keeping, "CHECKPOINT_SECONDS", 0.0)
    run(path, settings=recipe(epochs=1))
    assert written == [None, 1, 2, 3, None]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_run_after_its_step_with_a_checkpoint(number, code, tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    whole, expected = run(None)
    before = signal.getsignal(number)
    steps = 0
    after_step = keeping.Keeping.after_step

    def interrupted(self):
        nonlocal steps
        steps += 1
        if steps == 5:
            os.kill(os.getpid(), number)
        after_step(self)

    monkeypatch.setattr(keeping.Keeping, "after_step", interrupted)
    with pytest.raises(RunInterruptedError) as stopped:
        run(path)
    assert str(stopped.value) == (
        f"stopped by {number.name} after 1 epoch and 2 batches; {path} holds its state: the same run, "
        "started again, goes on from there"
    )
    assert stopped.value.exit_code == code
    assert signal.getsignal(number) is before
    monkeypatch.undo()
    record, module = run(path)
    assert record.test == whole.test
    assert torch.equal(module[0].weight, expected[0].weight)


def test_a_second_signal_does_not_wait(tmp_path, monkeypatch):
    def twice(self):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

    monkeypatch.setattr(keeping.Keeping, "after_step", twice)
    with pytest.raises(KeyboardInterrupt) as stopped:
        run(tmp_path / "c.pt")
    assert not isinstance(stopped.value, RunInterruptedError)


def test_a_signal_in_the_last_moment_ends_the_run_too(tmp_path):
    def on_epoch(record):
        if record.epoch == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(RunInterruptedError, match="after 4 epochs and 0 batches"):
        fit(
            normalized(),
            synthetic(),
            recipe(epochs=4),
            seed=0,
            checkpoint=tmp_path / "c.pt",
            on_epoch=on_epoch,
        )


def test_outside_the_main_thread_a_run_keeps_its_state_too(tmp_path):
    records = []
    thread = threading.Thread(target=lambda: records.append(run(tmp_path / "c.pt")[0]))
    thread.start()
    thread.join()
    assert records[0].test == run(None)[0].test


def test_an_ignored_signal_stays_ignored(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:

        def on_epoch(record):
            os.kill(os.getpid(), signal.SIGINT)

        settings = recipe(epochs=1)
        record = fit(linear(), synthetic(), settings, seed=0, checkpoint=tmp_path / "c.pt", on_epoch=on_epoch)
        assert record.status == "done"
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_that_goes_on_elsewhere_says_so(tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    monkeypatch.setattr(resume, "hardware_name", lambda _: "an abacus")
    run(path, stop_after=1)
    monkeypatch.setattr(resume, "hardware_name", lambda _: "a slide rule")
    record, _ = run(path)
    assert record.warnings == (
        "the run began on an abacus and went on on a slide rule: its bits are those of neither",
    )


OPTIMIZERS = [
    "adam", "adamw", "nadam", "radam", "adamax", "adagrad", "adadelta", "rmsprop", "asgd", "adafactor",
    {"sgd": {"lr": 0.01, "momentum": 0.9, "nesterov": True}}, {"rprop": {}}, {"lbfgs": {"max_iter": 3}},
]  # fmt: skip


@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param(optimizer, marks=[] if number in (2, 9, 12) else pytest.mark.exhaustive, id=str(number))
        for number, optimizer in enumerate(OPTIMIZERS)
    ],
)
def test_every_optimiser_goes_on_with_the_same_bits(optimizer, tmp_path):
    chosen = {optimizer: {}} if isinstance(optimizer, str) else optimizer
    settings = recipe(epochs=2, optimizer=chosen)
    whole, expected = run(None, settings=settings)
    run(tmp_path / "c.pt", settings=settings, stop_after=1)
    record, module = run(tmp_path / "c.pt", settings=settings)
    assert (record.resumes, record.test) == (1, whole.test)
    for name, value in expected.state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name


def test_the_scale_of_gradients_is_kept_too():
    runs = [prepare_run(linear(), synthetic(), recipe(), seed=0, device=CPU, head_weights={}) for _ in "ab"]
    for each in runs:
        each.scaler = GradScaler("cpu", init_scale=1024.0, growth_interval=1)
    images, labels = runs[0].train.batch(runs[0].fitted[:8])
    take_step(runs[0], images, labels, 0)
    assert runs[0].scaler.get_scale() == 2048.0
    resume.restore(runs[1], resume.checkpoint_of(runs[0], {}))
    assert runs[1].scaler.get_scale() == 2048.0
