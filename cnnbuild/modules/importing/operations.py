"""What a module was seen to compute: one operation after the other, in words of the language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cnnbuild.layers.base import Shape

Value: TypeAlias = "int | float | bool | str | list[int] | None"
"""A parameter of a layer as YAML has it."""

IMAGES = -1
"""The number that stands for the images, beside those of operations."""


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One call of a module that holds others: its path in the network, its class, which call of it it is."""

    path: str
    kind: type
    count: int = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """One layer that was applied.

    `word` is a layer type, and `arguments` all its parameters. `inputs` are the numbers of the operations
    whose outputs it takes, or `IMAGES`. `calls` are the module calls it stands in, outermost first, and
    `path` is the module itself; a function has none. `weights` are the keys of its weights and buffers in
    the user's module, by their names in ours. `applies` is the earlier operation whose weights it uses again.
    """

    number: int
    word: str
    arguments: Mapping[str, Value]
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    shape: Shape
    calls: tuple[ModuleCall, ...]
    path: str
    weights: Mapping[str, str] = field(default_factory=dict)
    applies: int | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a module or function is in the language: a layer type and all its parameters.

    `weights` are the names of its weights and buffers in the language, by their names in the module.
    """

    word: str
    arguments: Mapping[str, Value] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)


class NoCounterpartError(Exception):
    """A module or function cannot be said in the language; the text says why, and what to do."""


def one_or_pair(value: object) -> Value:
    """A size as YAML has it: one number for both axes, or [height, width].

    Raises:
        NoCounterpartError: it is neither.
    """
    if isinstance(value, int):
        return value
    if isinstance(value, tuple | list):
        numbers = [number for number in value if isinstance(number, int)]
        if len(numbers) == len(value) == 1 or (len(numbers) == len(value) == 2 and len(set(numbers)) == 1):
            return numbers[0]
        if len(numbers) == len(value) == 2:
            return numbers
    raise NoCounterpartError(f"a size must be one whole number, or height and width, and here is {value}")
