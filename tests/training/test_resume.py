"""Killed at any moment, a run goes on from its checkpoint and ends with the bits of one that never was."""

from __future__ import annotations

import pytest
import torch

from tests.training.killed_runs import differences, finish, kill_at_random, outcome, train

VARIANTS = {
    "plain": {},
    "sgd": {
        "optimizer": {"sgd": {"lr": 0.05, "momentum": 0.9, "nesterov": True}},
        "schedule": "cosine",
        "warmup_epochs": 1.5,
        "augment": ["horizontal_flip", {"random_crop": {"padding": 1}}],
        "label_smoothing": 0.1,
    },
}


def uninterrupted(settings, folder):
    folder.mkdir()
    record, module = train(settings, folder / "checkpoint.pt")
    return outcome(record, module, folder / "checkpoint.pt")


def restarted(result):
    return torch.load(result, weights_only=True)


def test_two_runs_with_one_seed_have_the_same_bits_and_a_difference_is_found(tmp_path):
    one, other = (uninterrupted(VARIANTS["sgd"], tmp_path / name) for name in "ab")
    assert differences(one, other) == []
    other["weights"]["0.weight"][0, 0, 0, 0] += 1e-7
    other["record"]["epochs"][1]["running_loss"] += 1e-12
    assert [line.partition(":")[0] for line in differences(one, other)] == [
        ".record.epochs.1.running_loss",
        ".weights.0.weight",
    ]


# 7 steps an epoch; with a checkpoint after every step each is followed by two flushes and two renames
@pytest.mark.parametrize(("name", "moments"), [("plain", [11, 24]), ("sgd", [38, 1, 57])])
def test_a_killed_run_ends_with_the_bits_of_one_that_was_not(name, moments, tmp_path):
    expected = uninterrupted(VARIANTS[name], tmp_path / "whole")
    assert differences(expected, finish(VARIANTS[name], tmp_path, moments)) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", VARIANTS)
def test_killed_at_each_of_its_events_a_run_ends_with_the_same_bits(name, tmp_path):
    expected = uninterrupted(VARIANTS[name], tmp_path / "whole")
    for moment in range(1, 60):
        folder = tmp_path / str(moment)
        folder.mkdir()
        assert differences(expected, finish(VARIANTS[name], folder, [moment])) == [], moment


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", VARIANTS)
def test_killed_at_twenty_random_moments_a_run_ends_with_the_same_bits(name, tmp_path):
    expected = uninterrupted(VARIANTS[name], tmp_path / "whole")
    hits = 0
    for seed in range(20):
        folder = tmp_path / str(seed)
        (folder / "timed").mkdir(parents=True)
        found, ended = kill_at_random(VARIANTS[name], folder, 4, seed)
        hits += found
        assert differences(expected, ended) == [], seed
    assert hits >= 20
