"""Lines of code as `ruff format` leaves them, whether its lines may have 88 characters or more.

What fits into 88 is one line. What does not has one item to a line and a comma after the last, which the
formatter never joins again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 88
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Brackets:
    """Something in brackets: `opening` is what stands before the first item, the bracket included."""

    opening: str
    items: tuple[Item, ...]
    closing: str

    @property
    def flat(self) -> str:
        """All of it on one line."""
        return f"{self.opening}{', '.join(map(flat, self.items))}{self.closing}"


Item: TypeAlias = "str | Brackets"


def flat(item: Item) -> str:
    """An item on one line."""
    return item if isinstance(item, str) else item.flat


def lines(item: Item, *, indent: int, before: str = "", after: str = "") -> list[str]:
    """An item between two texts, on one line if it fits, otherwise with one item in brackets to a line."""
    margin = INDENT * indent
    line = f"{margin}{before}{flat(item)}{after}"
    if isinstance(item, str) or len(line) <= WIDTH or not item.items:
        return [line]
    inner = [row for each in item.items for row in lines(each, indent=indent + 1, after=",")]
    return [f"{margin}{before}{item.opening}", *inner, f"{margin}{item.closing}{after}"]


def definition(name: str, parameters: Sequence[str], result: str, *, indent: int) -> list[str]:
    """The first line of a function, or its first lines."""
    return lines(Brackets(f"def {name}(", tuple(parameters), ")"), indent=indent, after=f" -> {result}:")
