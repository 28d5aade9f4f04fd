"""The parameters of a constructor, and what values may be called by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from cnnbuild.source_code.columns import Column, filled
from cnnbuild.source_code.conditions import ENTERING, LEAVING
from cnnbuild.source_code.templates import Template
from cnnbuild.source_code.terms import Absent, Code, Value


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a constructor, and its value in each use."""

    name: str
    values: tuple[Value, ...]
    default: Value | Absent = Absent.VALUE


def bases_of(template: Template) -> Iterator[tuple[str, Column]]:
    """What values may be called by: names that every use has."""
    for name in dict.fromkeys(name for use in template.uses for name in use.named):
        if all(name in use.named for use in template.uses):
            column = tuple(use.named[name] for use in template.uses)
            numbers = [int(value) for value in column if isinstance(value, float) and value.is_integer()]
            whole_numbers = len(numbers) == len(column) and any(numbers)
            if name in LEAVING or not any(_leaves(template, end, column) for end in LEAVING):
                yield name, tuple(numbers) if whole_numbers else column


def _leaves(template: Template, name: str, column: Column) -> bool:
    """Whether a column is that of the channels that a level gives, which is the better name for it."""
    return column == tuple(use.named.get(name, Absent.VALUE) for use in template.uses)


def parameter_of(name: str, column: Column) -> Parameter:
    """A parameter with the default that people expect, where some use has that."""
    values = filled(column)
    if isinstance(values[0], bool | Code):
        return Parameter(name, values, Counter(values).most_common(1)[0][0])
    usual: Value = {"stride": 1, "dilation": 1, "groups": 1, "kernel_size": 3}.get(name)
    if all(isinstance(value, float) for value in values):
        usual = 0.0
    if usual is None or usual not in values:
        return Parameter(name, values)
    return Parameter(name, values, usual)


def rank(parameter: Parameter) -> tuple[bool, int, bool]:
    """The order of parameters: channels first, those with defaults last."""
    counts = "channels" in parameter.name or "features" in parameter.name
    ends = [*ENTERING, *LEAVING]
    end = ends.index(parameter.name) if parameter.name in ends else len(ends)
    return parameter.default is not Absent.VALUE, end, not counts
