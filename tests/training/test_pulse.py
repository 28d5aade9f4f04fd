"""The pulse of a run: heard while it trains and evaluates, at most once a second, and by nobody else."""

from __future__ import annotations

import pytest

from cnnbuild.training import evaluate, latency, pulse, steps
from cnnbuild.training.pulse import beat, listening
from tests.training.killed_runs import train


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pulse, "time", clock)
    return clock


def test_the_first_beat_is_heard_and_then_one_a_second(clock):
    heard = []
    with listening(lambda: heard.append(clock.now)):
        for now in (1000.0, 1000.5, 1000.999, 1001.0, 1001.5, 1005.0, 1005.9):
            clock.now = now
            beat()
    assert heard == [1000.0, 1001.0, 1005.0]


def test_nobody_hears_it_before_and_after(clock):
    heard = []
    beat()
    with listening(lambda: heard.append("outer")):
        beat()
        with listening(lambda: heard.append("inner")):
            beat()
        clock.now += 1
        beat()
    clock.now += 1
    beat()
    assert heard == ["outer", "inner", "outer"]


def test_the_listener_is_gone_after_an_exception(clock):
    heard = []
    with pytest.raises(ValueError, match="of mine"), listening(lambda: heard.append(1)):
        raise ValueError("of mine")
    beat()
    assert heard == []


def test_steps_evaluations_and_measurements_beat(monkeypatch):
    beats = {"step": 0, "chunk": 0, "pass": 0}

    def counting(name):
        def count() -> None:
            beats[name] += 1

        return count

    monkeypatch.setattr(steps, "beat", counting("step"))
    monkeypatch.setattr(evaluate, "beat", counting("chunk"))
    monkeypatch.setattr(latency, "beat", counting("pass"))
    record, _ = train({"epochs": 2, "accumulate": 2}, None)
    batches = -(-record.train_images // 32)
    # 216 images of 240 make 7 batches of 2 parts, the last of 24 images among them
    assert (record.train_images, batches) == (216, 7)
    assert beats["step"] == 2 * (2 * 6 + 2)
    # each epoch evaluates the 216 images of the probe and the 24 of validation; then the test, and validation
    test_chunks = -(-record.test_images // 250)
    assert beats["chunk"] == 2 * (1 + 1) + test_chunks + 1
    assert beats["pass"] == sum(one.repeats for one in record.latency)
