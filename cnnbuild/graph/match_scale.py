"""The values of a variable that can be solved for, as whole numbers: what `match` seeks among."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

THOUSAND = 1000  # a variable with a fraction is sought in thousandths

Sought: TypeAlias = int | float | tuple[int, ...]
"""The value of a variable: a whole number, a factor, or whole numbers that grow in proportion."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Whole numbers for the values of a variable, so that all kinds of it are sought in the same way.

    A whole number stands for itself, a factor for its thousandths, a list for its largest entry.
    """

    start: int
    pattern: Sought

    @classmethod
    def of(cls, value: Sought) -> Scale:
        """The scale that begins at a value."""
        if isinstance(value, tuple):
            return cls(max(value), value)
        return cls(value if isinstance(value, int) else max(1, round(value * THOUSAND)), value)

    def value(self, n: int) -> Sought:
        """What the variable is at a number of the scale."""
        if isinstance(self.pattern, tuple):
            return tuple(entry and max(1, round(entry * n / self.start)) for entry in self.pattern)
        return n if isinstance(self.pattern, int) else n / THOUSAND


def as_sought(value: object) -> Sought | None:
    """A value that can be solved for; None for any other."""
    if isinstance(value, list | tuple):
        entries = tuple(entry for entry in value if isinstance(entry, int) and not isinstance(entry, bool))
        return (
            entries if len(entries) == len(value) and min(entries, default=-1) >= 0 < max(entries) else None
        )
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if value > 0 else None
