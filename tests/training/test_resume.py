"""Killed at any moment, a run goes on from its checkpoint and ends with the bits of one that never was."""

from __future__ import annotations

import random

import pytest

from tests.training.killed_runs import differences, finish, kill_at_random, lifetime, outcome, train

VARIANTS = {
    "everything": {
        "optimizer": {"sgd": {"lr": 0.05, "momentum": 0.9, "nesterov": True}},
        "schedule": "cosine",
        "warmup_epochs": 1.5,
        "augment": ["horizontal_flip", {"random_crop": {"padding": 1}}],
        "label_smoothing": 0.1,
        "average": {"ema": {"decay": 0.9}},
        "accumulate": 2,
        "clip_gradient_norm": 0.5,
        "test_time_flip": True,
    },
    "plain": {},
    "plateau": {
        "epochs": 5,
        "optimizer": {"nadam": {"lr": 0.2}},
        "schedule": {"plateau": {"factor": 0.5, "patience": 0, "threshold": 0.5}},
    },
    "stopped early": {
        "epochs": 40,
        "optimizer": {"rmsprop": {"lr": 0.02}},
        "stop_early": {"patience": 1, "metric": "accuracy", "min_delta": 0.05},
    },
    "uniform": {
        "epochs": None,
        "steps": 25,
        "average": {"uniform": {"start_epoch": 2}},
        "select": "last",
        "validation": 0,
    },
    "lbfgs": {"optimizer": {"lbfgs": {"lr": 0.1, "max_iter": 2}}, "clip_gradient_value": 0.1},
}


def uninterrupted(settings, folder):
    folder.mkdir()
    record, module = train(settings, folder / "checkpoint.pt")
    return outcome(record, module, folder / "checkpoint.pt")


def test_two_runs_with_one_seed_have_the_same_bits_and_a_difference_is_found(tmp_path):
    one, other = (uninterrupted(VARIANTS["everything"], tmp_path / name) for name in "ab")
    assert differences(one, other) == []
    other["weights"]["0.weight"][0, 0, 0, 0] += 1e-7
    other["record"]["epochs"][1]["running_loss"] += 1e-12
    assert [line.partition(":")[0] for line in differences(one, other)] == [
        ".record.epochs.1.running_loss",
        ".weights.0.weight",
    ]


# 7 steps an epoch of 2 micro-batches; after every step come two flushes and two renames
def test_a_run_that_was_killed_twice_ends_with_the_bits_of_one_that_was_not(tmp_path):
    expected = uninterrupted(VARIANTS["everything"], tmp_path / "whole")
    assert differences(expected, finish(VARIANTS["everything"], tmp_path, [57, 24])) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", VARIANTS)
def test_killed_at_a_dozen_of_its_events_a_run_ends_with_the_same_bits(name, tmp_path):
    expected = uninterrupted(VARIANTS[name], tmp_path / "whole")
    for moment in sorted(random.Random(name).sample(range(1, 70), 12)):
        folder = tmp_path / str(moment)
        folder.mkdir()
        assert differences(expected, finish(VARIANTS[name], folder, [moment])) == [], moment


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", VARIANTS)
def test_killed_at_twenty_random_moments_a_run_ends_with_the_same_bits(name, tmp_path):
    expected = uninterrupted(VARIANTS[name], tmp_path / "whole")
    (tmp_path / "timed").mkdir()
    longest = lifetime(VARIANTS[name], tmp_path / "timed")
    rng, hits, runs = random.Random(name), 0, 0
    while hits < 20:
        runs += 1
        assert runs < 60
        folder = tmp_path / str(runs)
        folder.mkdir()
        found, ended = kill_at_random(VARIANTS[name], folder, rng, longest)
        hits += found
        longest *= 1 if found else 0.9  # measured on a busy machine it may be far beyond what a run lasts now
        assert differences(expected, ended) == [], runs
