"""A run is asked to stop by a signal; a second one does not wait, but for what must not be cut in two."""

import signal

import pytest

from cnnbuild.training.interruption import stop_requests


def interrupted(steps: list[str], *, held_back: bool) -> None:
    with stop_requests() as stop:
        signal.raise_signal(signal.SIGINT)
        if held_back:
            with stop.hold_back():
                signal.raise_signal(signal.SIGINT)
                steps.append("the line is whole")
        else:
            signal.raise_signal(signal.SIGINT)
        steps.append("after it")


def asked_once(steps: list[str]) -> None:
    with stop_requests() as stop:
        signal.raise_signal(signal.SIGINT)
        with stop.hold_back():
            steps.append("told")
        steps.append("obeyed by nobody, it is sent again at the end")


def test_a_second_signal_stops_at_once():
    steps: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(steps, held_back=False)
    assert steps == []


def test_a_second_signal_waits_where_it_is_held_back():
    steps: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(steps, held_back=True)
    assert steps == ["the line is whole"]


def test_nothing_is_raised_where_no_second_signal_came():
    steps: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        asked_once(steps)
    assert steps == ["told", "obeyed by nobody, it is sent again at the end"]
