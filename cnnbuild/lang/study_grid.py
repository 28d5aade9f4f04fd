"""The grid of a study: paths of the document, each with the values that it takes in turn.

grid: {train.optimizer.sgd.lr: [0.1, 0.01], vars.width: [8, 16]}

Every combination of values, one of each path, is a point; every point is trained for every architecture on
every data set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TypeAlias

from cnnbuild.errors import Problems
from cnnbuild.lang.merging import submap, with_entry
from cnnbuild.lang.recipe import BUDGETS
from cnnbuild.lang.source import Plain, Yaml, YamlEntry, YamlList, YamlMap, YamlScalar, describe, to_plain
from cnnbuild.lang.study_document import GridValue, in_words
from cnnbuild.lang.study_grid_paths import path_is_sound, steps_of
from cnnbuild.lang.validation import whole_floats_as_ints

MAX_RUNS = 100_000
"""More runs than this are a slip: at a second each they would take a day."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One path of the grid, with its values in written order; `short` is the path as tables show it."""

    path: str
    short: str
    key: YamlScalar
    values: tuple[Yaml, ...]

    @property
    def steps(self) -> tuple[YamlScalar, ...]:
        """The steps of the path, each at its own place."""
        return steps_of(self.key)


Point: TypeAlias = tuple[tuple[Axis, Yaml], ...]
"""One value of each axis."""

Known: TypeAlias = Mapping[str, Mapping[str, str]]
"""Of each path that a grid varies: its values, by the keys of `value_key`, in words."""


def read_grid(study: YamlMap, problems: Problems) -> tuple[Axis, ...]:
    """The axes of a study's grid; what is wrong with it is added to `problems`."""
    written = submap(study, "grid")  # what is no mapping is for validation to refuse
    sound = [
        entry
        for entry in written or ()
        if not (isinstance(entry.value, YamlScalar) and entry.value.value is None)  # taken away by a variant
        and path_is_sound(entry.key, entry.value, study, problems)
        and _values_are_sound(entry, problems)
    ]
    sound = _without_contradictions(sound, problems)
    paths = [entry.name for entry in sound]
    return tuple(
        Axis(entry.name, _short(entry.name, paths), entry.key, entry.value.items)
        for entry in sound
        if isinstance(entry.value, YamlList)
    )


def points_of(axes: Iterable[Axis]) -> Iterator[Point]:
    """Every point of the grid, the last path changing fastest; one empty point without a grid."""
    axes = tuple(axes)
    for values in product(*(axis.values for axis in axes)):
        yield tuple(zip(axes, values, strict=True))


def size_of(axes: Iterable[Axis]) -> int:
    """How many points a grid has."""
    return prod(len(axis.values) for axis in axes)


def values_of(point: Point) -> tuple[GridValue, ...]:
    """The values of a point as a settled document has them."""
    return tuple(GridValue(axis.path, axis.short, _plain(value), value.place) for axis, value in point)


def known_values(grids: Iterable[Iterable[Axis]]) -> Known:
    """What several grids vary, together."""
    known: dict[str, dict[str, str]] = {}
    for axis in (axis for axes in grids for axis in axes):
        values = known.setdefault(axis.path, {})
        values.update((value_key(value), in_words(_plain(value))) for value in axis.values)
    return known


def value_key(value: Yaml) -> str:
    """A text that two values share exactly where they are equal: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_plain(value), sort_keys=True)


def fixed_at(tree: YamlMap, path: str, leaf: Yaml) -> YamlMap:
    """The study with one value alone left on a path of its grid, where the grid has that path."""
    grid = submap(tree, "grid")
    key = next((entry.key for entry in grid or () if entry.name == path), None)
    if grid is None or key is None:
        return tree
    written = next(entry.key for entry in tree if entry.name == "grid")
    return with_entry(tree, written, with_entry(grid, key, YamlList((leaf,), leaf.place)))


def _plain(value: Yaml) -> Plain:
    return whole_floats_as_ints(to_plain(value))


def _values_are_sound(entry: YamlEntry, problems: Problems) -> bool:
    value = entry.value
    if not isinstance(value, YamlList):
        told = f"write `{entry.name}: [a, b]`; what does not vary belongs in the study itself"
        problems.add(f"the grid needs a list of values here, not {describe(value)}", value.place, help=told)
        return False
    if not value.items:
        problems.add("the list of values is empty", value.place, help="list at least one, or remove the path")
        return False
    seen: set[str] = set()
    for item in value:
        key = value_key(item)
        if key in seen:
            message = f"the value {in_words(_plain(item))} is listed twice"
            problems.add(message, item.place, help="equal runs would be counted as different ones")
        seen.add(key)
    return len(seen) == len(value.items)


def _without_contradictions(entries: list[YamlEntry], problems: Problems) -> list[YamlEntry]:
    """The entries without those inside another path, and without second lengths of runs; each is added."""
    units = {f"train.{unit}" for unit in BUDGETS}
    lengths = [entry for entry in entries if entry.name in units]
    for entry in lengths[1:]:
        message = f"the grid varies '{lengths[0].name}' already, and a run has one length"
        problems.add(message, entry.key.place, help="keep one of epochs, steps and seconds")
    kept = [entry for entry in entries if entry not in lengths[1:]]
    for entry in tuple(kept):
        outer = next((each.name for each in entries if entry.name.startswith(f"{each.name}.")), None)
        if outer is not None:
            message = f"'{entry.name}' is a part of '{outer}', which the grid varies too"
            problems.add(message, entry.key.place, help="write it into the values of the other")
            kept.remove(entry)
    return kept


def _short(path: str, paths: list[str]) -> str:
    """The shortest ending of a path, in whole steps, that no other path has.

    >>> _short("train.optimizer.sgd.lr", ["train.optimizer.sgd.lr", "vars.width"])
    'lr'
    """
    steps = path.split(".")
    for count in range(1, len(steps)):
        ending = ".".join(steps[-count:])
        if not any(each != path and f".{each}".endswith(f".{ending}") for each in paths):
            return ending
    return path
