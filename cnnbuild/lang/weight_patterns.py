"""Which weights a name or pattern stands for: `fc`, `layer1.0.conv1.bias`, `layer*.0`."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache


def covers(pattern: str, name: str) -> bool:
    """Whether a weight is one of those that a pattern stands for: a level's name, and all that is under it.

    A `*` stands for any piece of one level.

    >>> covers("layer1", "layer1.0.conv1.weight"), covers("layer*.conv?", "layer1.0.conv1.weight")
    (True, False)
    >>> covers("layer1", "layer10.weight"), covers("*.0.conv*.bias", "layer1.0.conv1.bias")
    (False, True)
    """
    wanted, levels = _levels(pattern), name.split(".")
    return len(wanted) <= len(levels) and all(map(_fits, levels, wanted))


def covered(names: Iterable[str], patterns: Iterable[str]) -> frozenset[str]:
    """Those of some names that one of the patterns stands for."""
    listed = tuple(patterns)
    return frozenset(name for name in names if any(covers(pattern, name) for pattern in listed))


def idle(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    """The patterns that stand for none of the names."""
    listed = list(names)
    return [pattern for pattern in patterns if not any(covers(pattern, name) for name in listed)]


@lru_cache(maxsize=512)
def _levels(pattern: str) -> tuple[str, ...]:
    return tuple(level.replace("[", "[[]").replace("?", "[?]") for level in pattern.split("."))


def _fits(level: str, wanted: str) -> bool:
    return fnmatchcase(level, wanted)
