"""The pulse of a run: a word from inside that it goes on, for whoever watches it from outside.

Every step, every chunk of an evaluation and every measured pass beats. Nobody hears it unless `listening`
says who.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SECONDS_BETWEEN = 1.0  # of two calls of the listener: a file touched at each step would cost more than a step


@dataclass(slots=True)
class _Listener:
    hear: Callable[[], None] | None = None
    last: float = 0.0


_listener = _Listener()  # one per process, which trains one network at a time


def beat() -> None:
    """Say that the run goes on; costs nothing worth counting while nobody listens."""
    if _listener.hear is None:
        return
    now = time.monotonic()
    if now - _listener.last >= SECONDS_BETWEEN:
        _listener.last = now
        _listener.hear()


@contextmanager
def listening(hear: Callable[[], None]) -> Iterator[None]:
    """Within it `hear` is called at the first beat, and then at most once a second."""
    before = _listener.hear, _listener.last
    _listener.hear, _listener.last = hear, -SECONDS_BETWEEN
    try:
        yield
    finally:
        _listener.hear, _listener.last = before
