"""An epoch of steps: on a GPU none of them waits for the host."""

from __future__ import annotations

import pytest
import torch

from cnnbuild.training import epoch
from cnnbuild.training.epoch import settle
from cnnbuild.training.machine import choose_device
from cnnbuild.training.run import prepare_run
from tests.training.small_runs import normalized, recipe, synthetic

META = torch.device("meta")  # tensors without values: whoever asks for one gets an error


def on_meta(**settings):
    return prepare_run(normalized(), synthetic(), recipe(**settings), seed=0, device=META, head_weights={})


def take_all_steps(run):
    progress, indices = epoch._begin(run)
    epoch._update_weights(run, progress, indices, lambda: None)
    return progress


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {
            "optimizer": {"sgd": {"lr": 0.1, "momentum": 0.9}},
            "schedule": "cosine",
            "warmup_epochs": 1,
            "augment": ["horizontal_flip", {"random_crop": {"padding": 1}}],
            "label_smoothing": 0.1,
            "accumulate": 2,
            "clip_gradient_norm": 1.0,
            "average": {"ema": {}},
        },
    ],
)
def test_the_steps_of_an_epoch_never_ask_the_device_for_a_value(settings):
    run = on_meta(**settings)
    assert take_all_steps(run).steps == 3
    with pytest.raises(RuntimeError, match="meta tensor; no data"):  # the look at the losses does
        settle(run)


def test_a_step_that_asks_would_be_found(monkeypatch):
    monkeypatch.setattr(epoch, "CHECK_EVERY_ELSEWHERE", 2)
    with pytest.raises(RuntimeError, match="meta tensor; no data"):
        take_all_steps(on_meta())


def test_the_indices_of_an_epoch_go_to_the_device_at_once(monkeypatch):
    moves = []
    to = torch.Tensor.to

    def counted(tensor, *arguments, **settings):
        moved = to(tensor, *arguments, **settings)
        if moved.device != tensor.device:
            moves.append(tuple(tensor.shape))
        return moved

    run = on_meta()
    monkeypatch.setattr(torch.Tensor, "to", counted)
    take_all_steps(run)
    assert moves == [(180,)]


def test_every_image_is_taken_once_an_epoch_in_another_order():
    run = prepare_run(
        normalized(), synthetic(), recipe(), seed=0, device=choose_device("cpu"), head_weights={}
    )
    orders = []
    for _ in range(2):
        _, indices = epoch._begin(run)
        assert [len(part) for part in indices] == [64, 64, 52]
        orders.append(torch.cat(indices))
        run.progress = None
    assert all(torch.equal(order.sort().values, run.fitted) for order in orders)
    assert not torch.equal(*orders)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu"), (True, False, "cuda")],
)
def test_auto_takes_cuda_then_mps_then_the_cpu(cuda, mps, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto").type == expected
    assert choose_device("cpu").type == "cpu"
