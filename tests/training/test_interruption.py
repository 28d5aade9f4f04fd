"""A run is asked to stop by a signal; a second one does not wait, but for what must not be cut in two."""

import signal

import pytest

from cnnbuild.training.interruption import stop_requests


def test_a_second_signal_stops_at_once():
    after = False
    with pytest.raises(KeyboardInterrupt), stop_requests():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        after = True
    assert not after


def test_a_second_signal_waits_where_it_is_held_back():
    steps = []
    with pytest.raises(KeyboardInterrupt), stop_requests() as stop:
        signal.raise_signal(signal.SIGINT)
        with stop.hold_back():
            signal.raise_signal(signal.SIGINT)
            steps.append("the line is whole")
        steps.append("after it")
    assert steps == ["the line is whole"]


def test_nothing_is_raised_where_no_second_signal_came():
    with pytest.raises(KeyboardInterrupt), stop_requests() as stop:
        signal.raise_signal(signal.SIGINT)
        with stop.hold_back():
            pass
        assert stop.signal_number == signal.SIGINT  # obeyed by nobody, it is sent again at the end
