"""What stands on the right of `self.conv = …`: calls of constructors, and repetitions of them.

Terms are compared by their form: two calls of one constructor with the same arguments' names have the same
form, whatever the values. What differs between the uses of a class becomes parameters of its constructor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from cnnbuild.source_code.layout import Brackets, Item


class ClassCount(int):
    """The number of classes, where it is that because the file says `$data.classes`."""


class Code(str):
    """A value that is written as it is: the name of a class that is handed on."""

    __slots__ = ()


class Absent(Enum):
    """What stands where there is no value: no default, or no such child."""

    VALUE = "absent"


@dataclass(frozen=True, slots=True)
class Progression:
    """A value that grows with the copies of a repetition: `start + step * i`."""

    start: int
    step: int


Value: TypeAlias = "int | float | bool | str | tuple[Value, ...] | Progression | None"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call. Where its value is the `default`, it is left out."""

    name: str
    value: Term
    default: Value | Absent = Absent.VALUE
    positional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A constructor applied to arguments; without a name it is a tuple."""

    function: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Repeated:
    """`count` calls that differ by progressions only."""

    call: Call
    count: int


Term: TypeAlias = "Value | Call | Repeated"
Key: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a term: the arguments that lead to it."""


def form(term: Term) -> object:
    """What two terms must share, so that one class can hold both."""
    match term:
        case Call():
            return (term.function, tuple((each.name, form(each.value)) for each in term.arguments))
        case Repeated():
            return ("repeated", form(term.call))
        case _:
            return "value"


def values(term: Term, key: Key = ()) -> Iterator[tuple[Key, Value]]:
    """The values in a term, each with its place."""
    match term:
        case Call():
            for argument in term.arguments:
                yield from values(argument.value, (*key, argument.name))
        case Repeated():
            yield (*key, "count"), term.count
            for place, value in values(term.call, (*key, "each")):
                if isinstance(value, Progression):
                    yield (*place, "start"), value.start
                    yield (*place, "step"), value.step
                else:
                    yield (*place, "start"), value
                    yield (*place, "step"), 0
        case _:
            yield key, term


def literal(value: Value) -> str:
    """A value as Python writes it; nothing in a text can end it.

    >>> literal((3, 3)), literal('same'), literal(0.25), literal((7,))
    ('(3, 3)', '"same"', '0.25', '(7,)')
    """
    match value:
        case Code():
            return str(value)
        case str():
            return quoted(value)
        case tuple():
            inner = ", ".join(map(literal, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case bool() | None:
            return repr(value)
        case int():
            return str(int(value))
        case float():
            return _float(value)
        case _:
            raise TypeError(f"{value!r} cannot be written by itself")


def _float(value: float) -> str:
    text = repr(value)
    return f'float("{text}")' if text.lstrip("-") in {"inf", "nan"} else text


def quoted(text: str) -> str:
    """A text in quotes, with everything escaped but plain letters and signs."""
    quote = "'" if '"' in text and "'" not in text else '"'
    return f"{quote}{''.join(_escaped(letter, quote) for letter in text)}{quote}"


def _escaped(letter: str, quote: str) -> str:
    if letter in {quote, "\\"}:
        return f"\\{letter}"
    if letter.isascii() and letter.isprintable():
        return letter
    number = ord(letter)
    return (
        f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
    )


def written(term: Term, codes: Mapping[Key, str], key: Key = ()) -> Item:
    """A term as code; `codes` are those of its values that are no literals."""
    match term:
        case Call():
            end = ",)" if not term.function and len(term.arguments) == 1 else ")"
            return Brackets(f"{term.function}(", tuple(_arguments(term, codes, key)), end)
        case Repeated():
            return _repeated(term, codes, key)
        case _:
            return codes.get(key) or literal(term)


def _left_out(argument: Argument, codes: Mapping[Key, str], key: Key) -> bool:
    if isinstance(argument.value, Call | Repeated) or key in codes:
        return False
    return argument.default is not Absent.VALUE and _same(argument.value, argument.default)


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _arguments(call: Call, codes: Mapping[Key, str], key: Key) -> Iterator[Item]:
    """The arguments that are written. One in its turn needs no name where its value has that name."""
    in_turn = True
    for argument in call.arguments:
        place = (*key, argument.name)
        if _left_out(argument, codes, place):
            in_turn = False
        elif argument.positional or (in_turn and codes.get(place) == argument.name):
            yield written(argument.value, codes, place)
        else:
            in_turn = False
            yield _named(argument, codes, place)


def _named(argument: Argument, codes: Mapping[Key, str], key: Key) -> Item:
    item = written(argument.value, codes, key)
    if isinstance(item, Brackets):
        return Brackets(f"{argument.name}={item.opening}", item.items, item.closing)
    return f"{argument.name}={item}"


def _repeated(term: Repeated, codes: Mapping[Key, str], key: Key) -> str:
    """`*(Block(64 + 12 * i) for i in range(5))`."""
    inner: dict[Key, str] = {}
    for place, value in values(term.call, (*key, "each")):
        start = codes.get((*place, "start"))
        step = codes.get((*place, "step"))
        if isinstance(value, Progression):
            begin = start or (str(value.start) if value.start else "")
            factor = step or str(value.step)
            grown = "i" if factor == "1" else f"{factor} * i"
            inner[place] = f"{begin} + {grown}" if begin else grown
        elif start is not None:
            inner[place] = start
    item = written(term.call, inner, (*key, "each"))
    flat = item if isinstance(item, str) else item.flat
    name = "i" if any(isinstance(value, Progression) for _, value in values(term.call)) else "_"
    count = codes.get((*key, "count")) or str(term.count)
    return f"*({flat} for {name} in range({count}))"
