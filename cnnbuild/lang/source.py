"""YAML text as data in which every key and every value knows its place.

`files.read_yaml` gives a tree of `YamlScalar`, `YamlList` and `YamlMap`. It follows YAML 1.2's core schema:
`1e-3` is a number and `no` is a word. It refuses duplicate keys, tags and merge keys, and executes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cnnbuild.errors import Place, UsageError
from cnnbuild.texts import shortened

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """A single value; `quoted` scalars are always text. `text` is what stands in the file.

    `further` are the places of its other lines, where it has more than one.
    """

    value: bool | int | float | str | None
    place: Place
    quoted: bool = False
    text: str = ""
    further: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class YamlList:
    """A sequence; its place is that of its first character."""

    items: tuple[Yaml, ...]
    place: Place

    def __iter__(self) -> Iterator[Yaml]:
        return iter(self.items)


@dataclass(frozen=True, slots=True)
class YamlEntry:
    """One key of a mapping with its value."""

    key: YamlScalar
    value: Yaml

    @property
    def name(self) -> str:
        """The key as text."""
        return str(self.key.value)


@dataclass(frozen=True, slots=True)
class YamlMap:
    """A mapping whose keys are text, in written order."""

    entries: tuple[YamlEntry, ...]
    place: Place

    def __iter__(self) -> Iterator[YamlEntry]:
        return iter(self.entries)

    def get(self, name: str) -> Yaml | None:
        """The value under `name`, or None where there is no such key."""
        return next((entry.value for entry in self.entries if entry.name == name), None)


Yaml: TypeAlias = YamlScalar | YamlList | YamlMap


def describe(yaml: Yaml) -> str:
    """What a value is, in the words of an error message.

    >>> describe(YamlScalar(3, Place("f", 1, 1, 1, "3")))
    'the number 3'
    """
    match yaml:
        case YamlList():
            return "a list"
        case YamlMap():
            return "a mapping"
        case YamlScalar(value=value):
            return describe_value(value)


def describe_value(value: object) -> str:
    """What a computed value is, in the words of an error message.

    >>> describe_value([1, 2]), describe_value("a")
    ('the list [1, 2]', "the text 'a'")
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text '{shortened(value)}'"
        case list():
            return f"the list {shortened(str(value))}"
        case dict():
            return "a mapping"
        case _:
            return "a layer"


def to_plain(yaml: Yaml, scalar: Callable[[YamlScalar], Plain] | None = None) -> Plain:
    """The same data without places; `scalar` converts each leaf (by default: its value)."""
    match yaml:
        case YamlScalar():
            return yaml.value if scalar is None else scalar(yaml)
        case YamlList():
            return [to_plain(item, scalar) for item in yaml]
        case YamlMap():
            return {entry.name: to_plain(entry.value, scalar) for entry in yaml}


def from_plain(value: object, place: Place) -> Yaml:
    """Plain data as a tree whose every part stands at `place` (for values that come from arguments)."""
    if isinstance(value, Mapping):
        entries = (YamlEntry(YamlScalar(str(k), place), from_plain(v, place)) for k, v in value.items())
        return YamlMap(tuple(entries), place)
    if isinstance(value, list | tuple):
        return YamlList(tuple(from_plain(item, place) for item in value), place)
    if value is None or isinstance(value, bool | int | float | str):
        return YamlScalar(value, place, text=str(value))
    msg = f"a value from outside must be plain data (text, number, list, mapping), not {type(value).__name__}"
    raise UsageError(msg)


def find(yaml: Yaml, path: tuple[int | str, ...]) -> tuple[Yaml, YamlScalar | None]:
    """The part of a tree under `path` and its key; where the path leaves the tree, the last part on it."""
    key: YamlScalar | None = None
    for step in path:
        if isinstance(yaml, YamlMap):
            entry = next((e for e in yaml if e.name == str(step)), None)
            if entry is None:
                break
            key, yaml = entry.key, entry.value
        elif isinstance(yaml, YamlList) and isinstance(step, int) and step < len(yaml.items):
            key, yaml = None, yaml.items[step]
        else:
            break
    return yaml, key


def scalars(yaml: Yaml) -> Iterator[YamlScalar]:
    """Every value in a tree, in written order, without the keys."""
    match yaml:
        case YamlScalar():
            yield yaml
        case YamlList():
            for item in yaml:
                yield from scalars(item)
        case YamlMap():
            for entry in yaml:
                yield from scalars(entry.value)
