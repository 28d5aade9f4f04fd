"""A table before it is written: columns of cells, and what stands above and below them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["heading", "row", "fault"]
"""A heading with sums, a plain row, or one that says why it has no figures."""

Reduction: TypeAlias = tuple[Literal["round", "drop", "shorten"], str, int]
"""One step to make a table narrower: what is done to the column of a key; shortened to so many letters."""


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """One column of a sheet.

    `key` names it, `meaning` says what it shows. `cells` are for people, and `rounded` gives shorter ones;
    `raw` gives the values that a program sorts by, "" where there is none.
    """

    key: str
    heading: str
    meaning: str
    align: Literal["left", "right"]
    cells: tuple[str, ...]
    raw: Callable[[], tuple[int | float | str, ...]]
    rounded: Callable[[], tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence below a table, and the word that it begins with."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. `levels` and `indents` say of each line what it is, and how deep it stands.

    The column `names` is the one whose cells are indented, and shortened in the middle where they are too
    long. `faults` holds, for lines without figures, why they have none, and "" for all others. `reductions`
    are the steps that make the table narrower, in the order in which they are taken.
    """

    title: str
    subtitle: str
    names: str
    columns: tuple[SheetColumn, ...]
    levels: tuple[Level, ...]
    indents: tuple[int, ...]
    remarks: tuple[Remark, ...]
    reductions: tuple[Reduction, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """One for each line, mostly empty: why it has no figures."""
        return self.faults or ("",) * len(self.levels)
