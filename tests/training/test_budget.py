"""How long a run is: epochs, steps, seconds, or until it does not become better."""

from __future__ import annotations

import time

import pytest

from cnnbuild.lang.recipe import StopEarly
from cnnbuild.training import epoch as module_of_epoch
from cnnbuild.training import run as module_of_run
from cnnbuild.training.early_stopping import PatienceState
from cnnbuild.training.evaluate import Score
from cnnbuild.training.fit import fit
from tests.training.small_runs import linear, normalized, recipe, synthetic


def trained(**settings):
    return fit(linear(), synthetic(), recipe(**settings), seed=0)


def test_a_run_by_epochs_says_so():
    record = trained(epochs=2)
    assert (record.ended, len(record.epochs)) == ("epochs", 2)


def test_a_batch_of_more_images_than_there_are_is_told():
    assert trained(epochs=1, batch_size=180).warnings == ()
    assert trained(epochs=1, batch_size=100_000).warnings == (
        "batch_size 100000 is more than the 180 training images: every step takes them all",
    )


# 180 images in batches of 64 are 3 steps
@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (3, 1), (7, 3)])
def test_a_run_by_steps_cuts_its_last_epoch_short(steps, epochs, monkeypatch):
    taken = []
    take_step = module_of_epoch.take_step

    def counted(run, images, targets, step):
        taken.append((step, len(images)))
        return take_step(run, images, targets, step)

    monkeypatch.setattr(module_of_epoch, "take_step", counted)
    record = trained(steps=steps)
    assert (record.ended, len(record.epochs)) == ("steps", epochs)
    assert taken == list(enumerate([64, 64, 52] * 3))[:steps]
    in_all = record.train_samples_per_second * sum(e.train_seconds for e in record.epochs)
    assert in_all == pytest.approx(sum(images for _, images in taken))


def test_the_schedule_of_a_run_by_steps_ends_with_its_last_step():
    record = trained(steps=4, schedule={"linear": {"start_factor": 1.0, "end_factor": 0.0}})
    # before the steps 0 to 3 the line is at 1, 3/4, 1/2, 1/4
    assert [epoch.lr for epoch in record.epochs] == pytest.approx([0.5e-3, 0.25e-3])


class Clock:
    """A clock that ticks a second each time it is read."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        self.now += 1.0
        return self.now


def test_a_run_by_seconds_ends_when_they_are_over_and_cannot_be_repeated(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module_of_run.time, "perf_counter", clock.perf_counter)
    record = trained(seconds=60.0, schedule={"linear": {"start_factor": 1.0, "end_factor": 0.0}})
    monkeypatch.undo()
    assert record.ended == "seconds"
    assert record.warnings == (
        "a budget of 60 seconds: how many steps fit into it depends on the machine, and the same run made "
        "again has other weights",
    )
    rates = [epoch.lr for epoch in record.epochs]
    assert len(rates) > 1
    assert rates == sorted(rates, reverse=True)
    assert 0 <= rates[-1] < 0.2e-3  # of 1e-3: hardly any time was left
    assert record.seconds >= 60


def test_a_run_of_no_time_still_takes_one_step():
    record = trained(seconds=1e-9)
    assert (record.ended, len(record.epochs)) == ("seconds", 1)
    assert record.epochs[0].running_loss > 0


def test_the_seconds_of_an_earlier_sitting_count(tmp_path, monkeypatch):
    checkpoint = tmp_path / "c.pt"

    def interrupt(record):
        raise KeyError

    settings = recipe(seconds=1000.0)
    with pytest.raises(KeyError):
        fit(linear(), synthetic(), settings, seed=0, checkpoint=checkpoint, on_epoch=interrupt)
    clock = time.perf_counter
    begin = clock()
    # a hundred thousand times as fast: a sitting of 0.01 s is one of 1,000 s
    monkeypatch.setattr(module_of_run.time, "perf_counter", lambda: (clock() - begin) * 1e5)
    record = fit(linear(), synthetic(), settings, seed=0, checkpoint=checkpoint)
    monkeypatch.undo()
    assert (record.ended, record.resumes) == ("seconds", 1)
    assert record.seconds >= 1000


def scored(*values):
    return [Score(loss=value, accuracy=value, per_class_accuracy=()) for value in values]


@pytest.mark.parametrize(
    ("rule", "values", "waited"),
    [
        ({}, [3.0, 2.0, 2.0, 2.5, 1.0], [0, 0, 1, 2, 0]),
        ({"min_delta": 0.5}, [3.0, 2.6, 2.5, 2.4], [0, 1, 2, 0]),  # 2.4 < 3 - 0.5; 2.5 is not
        ({"metric": "accuracy"}, [0.1, 0.3, 0.3, 0.2, 0.4], [0, 0, 1, 2, 0]),
        ({"metric": "accuracy", "min_delta": 0.25}, [0.25, 0.5, 0.75], [0, 1, 0]),
    ],
)
def test_an_epoch_is_better_by_more_than_min_delta(rule, values, waited):
    state, found = PatienceState(), []
    wanted = StopEarly.model_validate(rule)
    for validation in scored(*values):
        state = state.after(wanted, validation)
        found.append(state.waited)
    assert found == waited
    assert [PatienceState(waited=n).is_used_up(StopEarly(patience=2)) for n in (1, 2)] == [False, True]


def test_a_run_that_does_not_become_better_ends_early():
    # a learning rate that changes nothing: the second epoch is the first that is no better
    settings = {"epochs": 9, "optimizer": {"sgd": {"lr": 1e-30}}, "stop_early": {"patience": 3}}
    record = fit(normalized(), synthetic(), recipe(**settings | {"validation": 0.2}), seed=0)
    losses = [epoch.validation_loss for epoch in record.epochs]
    best = losses.index(min(losses)) + 1
    assert record.ended == "stopped early"
    assert len(record.epochs) == best + 3 < 9


def test_a_plateau_lowers_the_rate_of_the_next_epoch():
    settings = {"epochs": 4, "optimizer": {"sgd": {"lr": 1e-20}}}
    schedule = {"plateau": {"factor": 0.5, "patience": 0}}
    record = fit(linear(), synthetic(), recipe(**settings, schedule=schedule), seed=0)
    # the first epoch sets the best loss, none after it is better
    assert [epoch.lr for epoch in record.epochs] == [1e-20] * 4  # torch makes no change below 1e-8
    settings["optimizer"] = {"sgd": {"lr": 10.0}}
    losses = fit(linear(), synthetic(), recipe(**settings, schedule=schedule), seed=0).epochs
    expected, best = [10.0], float("inf")
    for epoch in losses[:-1]:
        better = epoch.validation_loss < best * (1 - 1e-4)
        best = min(best, epoch.validation_loss) if better else best
        expected.append(expected[-1] if better else expected[-1] / 2)
    assert [epoch.lr for epoch in losses] == expected
    assert len(set(expected)) > 1
