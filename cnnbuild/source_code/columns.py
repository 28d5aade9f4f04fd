"""The values that the uses of a class have in one place, and how two such columns are related."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from cnnbuild.source_code.terms import Absent, Code, Progression, Value

Column: TypeAlias = "tuple[Value | Absent, ...]"
"""One value for each use; absent where the use has no such child."""


def known(column: Column) -> list[Value]:
    """The values of the uses that have one."""
    return [value for value in column if value is not Absent.VALUE]


def filled(column: Column) -> tuple[Value, ...]:
    """The column with the most frequent value where a use has none."""
    common = Counter(known(column)).most_common(1)[0][0]
    return tuple(common if value is Absent.VALUE else value for value in column)


def is_constant(column: Column) -> bool:
    """Whether all uses have the same value."""
    values = known(column)
    return all(type(value) is type(values[0]) and value == values[0] for value in values)


def agree(column: Column, other: Column) -> bool:
    """Whether all values of a column are those of another one."""
    return all(
        value is Absent.VALUE or (value == wanted and isinstance(value, bool) == isinstance(wanted, bool))
        for value, wanted in zip(column, other, strict=True)
    ) and not any(isinstance(value, Progression | Code) for value in column)


def united(one: Column, other: Column) -> Column | None:
    """One column for both, where they have some values in common and differ in none."""
    pairs = list(zip(one, other, strict=True))
    both = [(a, b) for a, b in pairs if a is not Absent.VALUE and b is not Absent.VALUE]
    if not both or any(type(a) is not type(b) or a != b for a, b in both):
        return None
    return tuple(b if a is Absent.VALUE else a for a, b in pairs)


def items(column: Column) -> list[Column]:
    """The columns of the items, where all values are lists of one length."""
    rows = [value for value in column if isinstance(value, tuple)]
    lengths = {len(row) for row in rows}
    if len(rows) < len(column) or len(lengths) != 1:
        return []
    return [tuple(row[n] for row in rows) for n in range(lengths.pop())]


def whole(column: Sequence[object]) -> list[int]:
    """The values as numbers above 0, or nothing where they are no such numbers."""
    numbers = [value for value in column if isinstance(value, int) and not isinstance(value, bool)]
    return numbers if len(numbers) == len(column) and all(number > 0 for number in numbers) else []


def products(one: Column, other: Column) -> Column:
    """The products of two columns of numbers; nothing agrees with them where they are none."""
    left, right = whole(one), whole(other)
    if not left or not right:
        return (None,) * len(one)
    return tuple(a * b for a, b in zip(left, right, strict=True))


def halves(column: Column) -> Column:
    """Half of each number, or of both numbers of a pair, rounded down."""
    return tuple(_half(value) for value in column)


def _half(value: Value | Absent) -> Value:
    if isinstance(value, tuple):
        return tuple(_half(item) for item in value)
    return value // 2 if isinstance(value, int) else None


def relation(name: str, column: Column, base: Column) -> str:
    """`4 * name`, `name // 4` or `name + 4`, where that is what a column is; otherwise nothing.

    >>> relation("width", (256, 512), (64, 128)), relation("width", (2, 4, 8), (32, 64, 128))
    ('4 * width', 'width // 16')
    """
    pairs = [(value, of) for value, of in zip(column, base, strict=True) if value is not Absent.VALUE]
    values, bases = whole([value for value, _ in pairs]), whole([of for _, of in pairs])
    if not values or not bases:
        return ""
    numbers = list(zip(values, bases, strict=True))
    value, of = max(numbers)
    if value > of and value % of == 0 and all(v == value // of * k for v, k in numbers):
        return f"{value // of} * {name}"
    if of > value:
        for factor in (of // value, of // (value + 1) + 1):
            if factor > 1 and all(v == k // factor for v, k in numbers):
                return f"{name} // {factor}"
    return ""


def surplus(name: str, column: Column, base: Column) -> str:
    """`name + 4`, where every value is so much more than that of another column; otherwise nothing."""
    pairs = [(value, of) for value, of in zip(column, base, strict=True) if value is not Absent.VALUE]
    values, bases = whole([value for value, _ in pairs]), whole([of for _, of in pairs])
    if not values or not bases:
        return ""
    steps = {v - k for v, k in zip(values, bases, strict=True)}
    return f"{name} + {steps.pop()}" if len(steps) == 1 and min(steps) > 0 else ""
