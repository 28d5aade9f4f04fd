"""The way of each net between two rows: down, along a track of its own where it has to go aside, and down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TRACK = 8.0  # px between two tracks
NEAR = 5.0  # vertical lines that are closer than this would look like one
MANY = 40  # so many nets between two rows are put in order without comparing every two of them


@dataclass(frozen=True, slots=True)
class Fall:
    """A net between two rows: the place it comes from, and the places where it goes on."""

    net: int
    start: float
    ends: tuple[float, ...]

    @property
    def straight(self) -> bool:
        """Whether it need not go aside."""
        return all(end == self.start for end in self.ends)

    @property
    def span(self) -> tuple[float, float]:
        """From its leftmost to its rightmost place."""
        return min(self.start, *self.ends), max(self.start, *self.ends)


def tracks(falls: Sequence[Fall]) -> dict[int, int]:
    """The track of each net that goes aside, counted from above; nets that do not meet share one."""
    aside = _sorted([fall for fall in falls if not fall.straight])
    found: dict[int, int] = {}
    taken: list[list[tuple[float, float]]] = []
    last: dict[int, tuple[float, float]] = {}
    for fall in aside:
        low, high = fall.span
        track = 0
        for earlier, (a, b) in last.items():
            if a <= high + TRACK and low <= b + TRACK:
                track = max(track, found[earlier] + 1)
        while len(taken) <= track:
            taken.append([])
        taken[track].append((low, high))
        found[fall.net] = track
        last[fall.net] = (low, high)
    return found


def _sorted(falls: list[Fall]) -> list[Fall]:
    """From above to below so that few lines cross and none lie upon each other.

    Of nets to the right the ones further right come first, of nets to the left those further left.
    """
    falls = sorted(falls, key=_first_guess)
    if len(falls) < 2 or len(falls) > MANY:
        return falls
    for _ in range(len(falls)):
        swapped = False
        for at in range(len(falls) - 1):
            upper, lower = falls[at], falls[at + 1]
            if _crossings(lower, upper) < _crossings(upper, lower):
                falls[at], falls[at + 1] = lower, upper
                swapped = True
        if not swapped:
            break
    return _none_upon_another(falls)


def _none_upon_another(falls: Sequence[Fall]) -> list[Fall]:
    """The same order as far as possible; but where one starts above an end of another, it lies above it."""
    left = list(falls)
    order: list[Fall] = []
    while left:
        free = (fall for fall in left if not any(_must_be_above(other, fall) for other in left))
        chosen = next(free, left[0])  # two that would both have to be above: one of them is
        left.remove(chosen)
        order.append(chosen)
    return order


def _must_be_above(upper: Fall, lower: Fall) -> bool:
    return upper is not lower and any(abs(end - upper.start) < NEAR for end in lower.ends)


def _first_guess(fall: Fall) -> tuple[bool, float]:
    low, high = fall.span
    rightwards = high - fall.start >= fall.start - low
    return (rightwards, -fall.start if rightwards else fall.start)


def _crossings(upper: Fall, lower: Fall) -> int:
    """How often two nets cross if one lies above the other.

    The lower one's start falls past the upper track; the upper one's ends fall past the lower track.
    """
    low, high = upper.span
    count = int(low < lower.start < high)
    low, high = lower.span
    return count + sum(low < end < high for end in upper.ends)
