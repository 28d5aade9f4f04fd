"""How often something is done, and how long it takes each time."""

from __future__ import annotations

import time
from collections.abc import Callable


def timed(evaluate: Callable[[], float], times: int) -> tuple[tuple[float, ...], float]:
    """The seconds of each of `times` evaluations, and the accuracy of the last."""
    seconds: list[float] = []
    accuracy = 0.0
    for _ in range(times):
        start = time.perf_counter()
        accuracy = evaluate()
        seconds.append(time.perf_counter() - start)
    return tuple(seconds), accuracy
