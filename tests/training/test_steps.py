"""One step: accumulated, clipped, of an optimiser with a closure, on mixed labels."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from cnnbuild.errors import DivergedError
from cnnbuild.training.epoch import settle, train_one_epoch
from cnnbuild.training.fit import fit
from cnnbuild.training.machine import choose_device
from cnnbuild.training.run import prepare_run
from cnnbuild.training.steps import split_without_remnant, take_step
from tests.training.small_runs import linear, normalized, recipe, synthetic


def prepared(module, **settings):
    wanted = recipe(**settings)
    return prepare_run(module, synthetic(), wanted, seed=0, device=choose_device("cpu"), head_weights={})


def batch(run, count):
    return run.train.batch(run.fitted[:count])


def weights_after(steps, module, count=32, **settings):
    run = prepared(module, **settings)
    losses = [float(take_step(run, *batch(run, count), step)) for step in range(steps)]
    return [p.detach().clone() for p in module.parameters()], losses


@pytest.mark.parametrize("count", [32, 27])  # a full batch, and the last of an epoch: 8, 8, 8, 3
def test_accumulated_gradients_are_those_of_the_whole_batch(count):
    sgd = {"optimizer": {"sgd": {"lr": 0.1, "momentum": 0.9}}, "batch_size": 32}
    whole, losses = weights_after(3, linear(), count, **sgd)
    parts, of_parts = weights_after(3, linear(), count, **sgd, accumulate=4)
    assert of_parts == pytest.approx(losses, rel=1e-6)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
    other_batch, _ = weights_after(3, linear(), count - 3, **sgd)
    assert not torch.allclose(whole[0], other_batch[0], rtol=1e-5, atol=1e-7)


def test_no_part_of_a_batch_is_a_single_row_unless_all_are():
    rows = torch.arange(9)
    assert [len(part) for part in split_without_remnant(rows, 4)] == [4, 5]
    assert [len(part) for part in split_without_remnant(rows, 5)] == [5, 4]
    assert [len(part) for part in split_without_remnant(rows, 1)] == [1] * 9
    assert [len(part) for part in split_without_remnant(rows[:1], 4)] == [1]
    assert torch.equal(torch.cat(list(split_without_remnant(rows, 4))), rows)


@pytest.mark.parametrize(
    ("settings", "clip"),
    [
        ({"clip_gradient_norm": 0.3}, lambda p: nn.utils.clip_grad_norm_(p, 0.3)),
        ({"clip_gradient_value": 0.01}, lambda p: nn.utils.clip_grad_value_(p, 0.01)),
        ({}, lambda _: None),
    ],
)
def test_gradients_are_clipped_after_all_parts_are_added_up(settings, clip):
    module, by_hand = linear(), linear()
    run = prepared(module, optimizer={"sgd": {"lr": 1.0}}, batch_size=32, accumulate=2, **settings)
    images, labels = batch(run, 32)
    take_step(run, images, labels, 0)
    nn.functional.cross_entropy(by_hand(images), labels).backward()
    clip(by_hand.parameters())
    for ours, theirs in zip(module.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - theirs.grad, rtol=1e-4, atol=1e-6)


def test_lbfgs_steps_as_torch_does_by_itself():
    module, by_hand = linear(), linear()
    run = prepared(module, optimizer={"lbfgs": {"lr": 0.5, "max_iter": 4, "line_search_fn": "strong_wolfe"}})
    images, labels = batch(run, 64)
    ours = [float(take_step(run, images, labels, step)) for step in range(3)]
    optimizer = torch.optim.LBFGS(by_hand.parameters(), lr=0.5, max_iter=4, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(by_hand(images), labels)
        loss.backward()
        return loss.detach()

    theirs = [float(optimizer.step(closure)) for _ in range(3)]
    assert ours == pytest.approx(theirs, rel=1e-5)
    torch.testing.assert_close(module[1].weight, by_hand[1].weight, rtol=1e-4, atol=1e-6)


def test_shares_of_classes_are_learned_like_labels_that_are_certain():
    labelled, shared = linear(), linear()
    settings = {"optimizer": {"sgd": {"lr": 1.0}}, "label_smoothing": 0.1, "batch_size": 32, "accumulate": 2}
    run = prepared(labelled, **settings)
    images, labels = batch(run, 32)
    take_step(run, images, labels, 0)
    take_step(prepared(shared, **settings), images, nn.functional.one_hot(labels, 10).float(), 0)
    torch.testing.assert_close(labelled[1].weight, shared[1].weight, rtol=1e-5, atol=1e-7)
    mixed = linear()
    take_step(prepared(mixed, **settings), images, torch.full((32, 10), 0.1), 0)
    assert not torch.allclose(mixed[1].weight, labelled[1].weight, atol=1e-3)


class Scaler:
    """What GradScaler does with a scale of 8, noted in order."""

    def __init__(self):
        self.calls = []

    def scale(self, loss):
        self.calls.append("scale")
        return loss * 8

    def unscale_(self, optimizer):
        self.calls.append("unscale")
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad /= 8

    def step(self, optimizer):
        self.calls.append("step")
        optimizer.step()

    def update(self):
        self.calls.append("update")


def test_scaled_gradients_are_unscaled_before_they_are_clipped():
    plain, scaled = linear(), linear()
    settings = {
        "optimizer": {"sgd": {"lr": 1.0}},
        "batch_size": 32,
        "clip_gradient_norm": 0.3,
        "accumulate": 2,
    }
    run = prepared(plain, **settings)
    images, labels = batch(run, 32)
    take_step(run, images, labels, 0)
    other = prepared(scaled, **settings)
    other.scaler = Scaler()
    take_step(other, images, labels, 0)
    assert other.scaler.calls == ["scale", "scale", "unscale", "step", "update"]
    torch.testing.assert_close(plain[1].weight, scaled[1].weight, rtol=1e-5, atol=1e-7)


def test_the_scaler_of_fp16_is_torchs(monkeypatch):
    from cnnbuild.training import run as module_of_run

    execution = SimpleNamespace(precision="fp16", forward=None)
    monkeypatch.setattr(module_of_run, "prepare_execution", lambda *_: execution)
    monkeypatch.setattr(module_of_run, "GradScaler", lambda device: f"a scaler for {device}")
    assert prepared(linear()).scaler == "a scaler for cpu"
    execution.precision = "bf16"
    assert prepared(linear()).scaler is None


def test_a_loss_that_is_not_finite_is_named_by_its_batch_and_keeps_those_before_it():
    run = prepared(linear())
    progress, nothing = None, lambda: None
    train_one_epoch(run, nothing)
    largest = run.largest_loss
    from cnnbuild.training.progress import EpochProgress

    progress = run.progress = EpochProgress(order=run.order.get_state())
    for loss in (largest + 1, largest + 2, float("inf"), largest + 9):
        progress.add(torch.tensor(loss), 10, 0.5)
    with pytest.raises(DivergedError) as diverged:
        settle(run)
    assert str(diverged.value) == "the loss became inf in epoch 2, batch 3, at a learning rate of 0.5"
    assert run.largest_loss == pytest.approx(largest + 2)


def test_a_whole_run_with_accumulation_and_batch_normalisation_ends():
    record = fit(normalized(), synthetic(), recipe(batch_size=60, accumulate=10), seed=0)
    assert record.status == "done"
