"""What the operators and functions of an expression do, within limits that no honest file reaches."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from cnnbuild.lang.tokens import ExpressionError, Token

MAX_MAGNITUDE = 2**53  # whole numbers beyond it are not exact as floats
MAX_ITEMS = 10_000
MAX_TEXT = 1_000


def round_to(x: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to `x`, but never below 90 % of it.

    torchvision's rule for channel counts (`torchvision.models._utils._make_divisible`).

    >>> round_to(18, 8), round_to(11, 8), round_to(12, 8)
    (24, 16, 16)
    """
    divisor = _whole(divisor)
    if divisor < 1:
        raise ValueError
    nearest = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * x else nearest


def _whole(value: object) -> int:
    """The whole number that a value is; 2.0 is one, 2.5 is not.

    Raises:
        TypeError: it is none.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return int(value)
    raise TypeError


def _round(x: float, digits: float = 0) -> int | float:
    return round(x, _whole(digits)) if digits else round(x)


def _range(*bounds: float) -> list[int]:
    if not 1 <= len(bounds) <= 3:
        raise TypeError
    numbers = range(*(_whole(bound) for bound in bounds))
    if len(numbers) > MAX_ITEMS:
        raise OverflowError
    return list(numbers)


def _len(items: list[object] | str) -> int:
    return len(items)


def _extreme(choose: Callable[..., object]) -> Callable[..., object]:
    def chosen(*values: object) -> object:
        return choose(values[0]) if len(values) == 1 else choose(values)

    return chosen


FUNCTIONS: dict[str, tuple[Callable[..., object], str]] = {
    "min": (_extreme(min), "min(a, b, …) or min(list), of numbers"),
    "max": (_extreme(max), "max(a, b, …) or max(list), of numbers"),
    "round": (_round, "round(number), half to even, or round(number, digits)"),
    "floor": (math.floor, "floor(number)"),
    "ceil": (math.ceil, "ceil(number)"),
    "len": (_len, "len(list)"),
    "sum": (sum, "sum(list), of numbers; 0 for an empty list"),
    "range": (_range, f"range(end) or range(start, end, step), at most {MAX_ITEMS:,} items"),
    "round_to": (round_to, "round_to(number, divisor), the divisor a whole number above 0"),
}

_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul,
    "/": operator.truediv, "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip
_ORDER: dict[str, Callable[..., bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def apply_binary(sign: str, left: object, right: object, at: Token) -> object:
    """`left sign right`.

    Raises:
        ExpressionError: the operator is not defined for the two, or the result leaves the limits.
    """
    if sign in {"==", "!="}:
        return (_same_kind(left, right) and left == right) == (sign == "==")
    if sign in _ORDER:
        if (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return _ORDER[sign](left, right)
    elif _is_number(left) and _is_number(right):
        try:
            return within_limits(_ARITHMETIC[sign](left, right), at)  # type: ignore[arg-type]
        except ZeroDivisionError:
            raise ExpressionError("division by zero", at) from None
        except OverflowError:
            raise ExpressionError("the number is too large", at) from None
    elif sign == "+" and isinstance(left, list) and isinstance(right, list):
        return within_limits([*left, *right], at)
    elif sign == "+" and isinstance(left, str) and isinstance(right, str):
        return within_limits(left + right, at)
    raise ExpressionError(f"'{sign}' is not defined for {_kind(left)} and {_kind(right)}", at)


def apply_unary(sign: str, operand: object, at: Token) -> object:
    """`sign operand`, for `-`, `+` and `not`."""
    if sign == "not":
        return not truth(operand, at)
    if not isinstance(operand, int | float) or isinstance(operand, bool):
        raise ExpressionError(f"'{sign}' is not defined for {_kind(operand)}", at)
    return -operand if sign == "-" else operand


def apply_index(items: object, index: object, at: Token) -> object:
    """`items[index]`; negative indices count from the end."""
    if not isinstance(items, list):
        raise ExpressionError(f"only a list can be indexed, not {_kind(items)}", at)
    index = _index(index, at)
    if not -len(items) <= index < len(items):
        raise ExpressionError(f"the index {index} is outside the list, which has {len(items)} items", at)
    return items[index]


def apply_slice(items: object, start: object, end: object, at: Token) -> list[object]:
    """`items[start:end]`, None for the list's own ends; beyond them there is nothing, as in Python."""
    if not isinstance(items, list):
        raise ExpressionError(f"only a list has parts, not {_kind(items)}", at)
    first, last = (None if bound is None else _index(bound, at) for bound in (start, end))
    return items[first:last]


def _index(value: object, at: Token) -> int:
    try:
        return _whole(value)
    except (TypeError, OverflowError, ValueError):
        raise ExpressionError(f"an index is a whole number, not {_kind(value)}", at) from None


def apply_function(name: str, values: list[object], at: Token) -> object:
    """`name(values…)`."""
    function, usage = FUNCTIONS[name]
    flat = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    numbers_needed = name != "len"
    if numbers_needed and not ((flat or name == "sum") and all(_is_number(value) for value in flat)):
        raise ExpressionError(f"{name} takes numbers: {usage}", at)
    try:
        return within_limits(function(*values), at)
    except OverflowError:
        raise ExpressionError(f"the result is too large: {usage}", at) from None
    except (TypeError, ValueError, ZeroDivisionError):
        raise ExpressionError(f"these arguments do not fit: {usage}", at) from None


def truth(value: object, at: Token) -> bool:
    """A condition's value; only true and false are conditions.

    Raises:
        ExpressionError: the value is neither.
    """
    if isinstance(value, bool):
        return value
    raise ExpressionError(f"a condition is true or false, not {_kind(value)}; compare it with something", at)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same_kind(left: object, right: object) -> bool:
    """Whether two values can be equal: true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "a layer"


def fits_in(value: object, limit: int = MAX_ITEMS) -> bool:
    """Whether a value has at most `limit` items, those of inner lists and mappings counted."""
    pending = [value]
    while pending and limit >= 0:
        item = pending.pop()
        inner = (
            list(item) if isinstance(item, list) else list(item.values()) if isinstance(item, dict) else []
        )
        limit -= len(inner)
        pending += inner
    return limit >= 0


def within_limits(value: object, at: Token) -> object:
    """The value itself.

    Raises:
        ExpressionError: it is larger than any honest file needs.
    """
    if isinstance(value, int | float) and abs(value) > MAX_MAGNITUDE and not isinstance(value, bool):
        raise ExpressionError("the number is too large", at)
    if isinstance(value, list) and not fits_in(value):
        raise ExpressionError(f"the list has more than {MAX_ITEMS:,} items, those of inner lists counted", at)
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ExpressionError(f"the text is longer than {MAX_TEXT:,} characters", at)
    if isinstance(value, float) and math.isnan(value):
        raise ExpressionError("the result is not a number", at)
    return value
