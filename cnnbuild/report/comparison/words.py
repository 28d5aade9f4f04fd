"""How captions and tables of comparisons say numbers and lists."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cnnbuild.studies.results import ResultRow

MOST_LISTED = 8


def figure_name(kind: str, index: int) -> str:
    """The name of a block for the n-th data set or setting: lower-case letters, digits and hyphens.

    >>> figure_name("seed dots", 2)
    'seed-dots-2'
    """
    return f"{re.sub('[^a-z0-9]+', '-', kind.lower())}-{index}"


def percent(fraction: float) -> str:
    """An accuracy in per cent, without the sign.

    >>> percent(0.98765)
    '98.77'
    """
    return f"{100 * fraction:.2f}"


def listed(words: Sequence[str]) -> str:
    """The words as a sentence lists them; of many the first ones, and how many more.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(words) > MOST_LISTED:
        return f"{', '.join(words[:MOST_LISTED])} and {len(words) - MOST_LISTED} more"
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def seeds_of(count: int) -> str:
    """So many seeds, in words.

    >>> seeds_of(1), seeds_of(3)
    ('1 seed', '3 seeds')
    """
    return f"{count} seed{'' if count == 1 else 's'}"


def amount(value: float) -> str:
    """A cost with its digits: whole numbers from 1,000 on, else three significant ones.

    >>> amount(1234567), amount(12.345), amount(0.01234)
    ('1,234,567', '12.3', '0.0123')
    """
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def title_of(rows: Sequence[ResultRow]) -> str:
    """The data set and setting of rows that are compared with each other."""
    return rows[0].where
