"""The layers of a study, laid over each other: variables, data, recipe and seeds of one combination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.dataset import DatasetOptions, DatasetSettings
from cnnbuild.lang.merging import CHOICES, merge_maps, set_path, set_steps, submap, with_entry, without
from cnnbuild.lang.recipe import BUDGETS, Recipe, parse_recipe
from cnnbuild.lang.recipe.models import DEFAULT_EPOCHS
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar, find, to_plain
from cnnbuild.lang.study_amounts import said_at
from cnnbuild.lang.study_conditions import overrides_of, selects, word_of
from cnnbuild.lang.study_document import Variable
from cnnbuild.lang.study_grid import Point, value_key
from cnnbuild.lang.study_grid_paths import OF_DATA
from cnnbuild.lang.study_settings import parse_seeds, spell_out_train
from cnnbuild.lang.validation import validate, whole_floats_as_ints

LAYERED = ("vars", "train", "seeds")  # what the layers of a study may each say


@dataclass(frozen=True, slots=True)
class Layer:
    """What one part of a study says; `shared` where it says it about all architectures."""

    tree: YamlMap
    shared: bool


@dataclass(frozen=True, slots=True)
class Layers:
    """All that a study says about one combination: below the grid, the grid's point, and above it."""

    study: Layer
    entry: Layer
    point: Point
    overrides: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What the layers of one combination come to."""

    variables: tuple[Variable, ...]
    dataset: DatasetSettings
    recipe: Recipe
    seeds: tuple[int, ...]


def layers_of(study: YamlMap, name: str, entry: YamlMap, dataset: str, point: Point) -> Layers:
    """What the study says about one architecture, given by name and entry, at a point of the grid."""
    overrides = tuple(
        Layer(only(override, *LAYERED, "size"), shared=word_of(override, "architecture") is None)
        for override in overrides_of(study)
        if selects(override, name, dataset, point)
    )
    below = Layer(only(study, *LAYERED), shared=True), Layer(only(entry, "vars", "train"), shared=False)
    return Layers(*below, point, overrides)


@dataclass
class Settler:
    """Lays layers over each other; a recipe that many combinations have in common is checked once.

    `forced` are the arguments by their paths, which win over everything. With a `budget`, what recipes say
    after how many epochs is not judged: how many there will be is not known here.
    """

    forced: Mapping[str, object]
    has_budget: bool
    problems: Problems
    recipes: dict[str, Recipe] = field(default_factory=dict)

    def settle(self, layers: Layers, dataset: DatasetSettings) -> Settled | None:
        """The variables, data set, recipe and seeds of a combination, or None after faults were added."""
        faults = Problems()  # of its own: a fault seen before must stop this combination too
        merged = merge_maps(layers.study.tree, spell_out_train(layers.entry.tree))
        _warn_of_idle_values(layers, faults)
        for axis, value in layers.point:
            merged = set_steps(merged, axis.steps, value, faults)
        merged = spell_out_train(merged)
        for layer in layers.overrides:
            merged = merge_maps(merged, spell_out_train(layer.tree))
        for path, argument in self.forced.items():
            merged = set_path(merged, path, argument, faults)
        merged = spell_out_train(merged)
        if not faults.errors:
            _check_point(layers.point, merged, faults)
        recipe = self._recipe(submap(merged, "train") or YamlMap((), merged.place), faults)
        seeds_tree = merged.get("seeds")
        seeds = (0,) if seeds_tree is None else parse_seeds(seeds_tree, faults)
        data = _dataset(dataset, merged, faults)
        self.problems.extend(faults.found)
        if recipe is None or data is None or faults.errors:
            return None
        return Settled(self._variables(layers, merged), data, recipe, seeds)

    def _recipe(self, train: YamlMap, faults: Problems) -> Recipe | None:
        """The recipe of a merged `train`; one without faults and warnings is remembered by its data."""
        key = value_key(train)
        if key not in self.recipes:
            found = Problems()
            recipe = self._parsed(train, found)
            faults.extend(found.found)
            if recipe is None or found.found:
                return recipe
            self.recipes[key] = recipe
        return self.recipes[key]

    def check_recipe(self, train: YamlMap) -> None:
        """Add the errors of a recipe that no combination has."""
        found = Problems()
        self._parsed(train, found)
        self.problems.extend(found.errors)

    def _parsed(self, train: YamlMap, found: Problems) -> Recipe | None:
        if not self.has_budget:
            return parse_recipe(train, found)
        steps = YamlScalar("steps", train.place, text="steps")  # a length of which nothing is judged
        one = YamlScalar(1, train.place, text="1")
        recipe = parse_recipe(with_entry(without(train, *BUDGETS), steps, one), found)
        return None if recipe is None else recipe.model_copy(update={"steps": None, "epochs": DEFAULT_EPOCHS})

    def _variables(self, layers: Layers, merged: YamlMap) -> tuple[Variable, ...]:
        """The variables, each at the place that gave its value; one of the grid is meant for all."""
        parts = (layers.study, layers.entry, *layers.overrides)
        shared = {entry.name for layer in parts if layer.shared for entry in submap(layer.tree, "vars") or ()}
        own = {
            entry.name for layer in parts if not layer.shared for entry in submap(layer.tree, "vars") or ()
        }
        shared |= {path.split(".")[1] for path in self.forced if path.startswith("vars.")}
        at: dict[str, Place] = {axis.path: value.place for axis, value in layers.point}
        return tuple(
            Variable(
                entry.name,
                whole_floats_as_ints(to_plain(entry.value)),
                at.get(f"vars.{entry.name}", entry.key.place),
                f"vars.{entry.name}" in at or (entry.name in shared and entry.name not in own),
            )
            for entry in submap(merged, "vars") or ()
        )


def only(tree: YamlMap, *names: str) -> YamlMap:
    """The mapping with some of its keys alone."""
    return YamlMap(tuple(entry for entry in tree if entry.name in names), tree.place)


def _dataset(dataset: DatasetSettings, merged: YamlMap, faults: Problems) -> DatasetSettings | None:
    """The data set with the options that overrides and the grid give it."""
    options = only(merged, *OF_DATA)
    if not options.entries:
        return dataset
    given = validate(DatasetOptions, options, faults, what="the data")
    if given is None:
        return None
    return dataset.model_copy(update={entry.name: getattr(given, entry.name) for entry in options})


def _warn_of_idle_values(layers: Layers, faults: Problems) -> None:
    """Warn of values in the architecture's own entry that the grid replaces for every run."""
    for axis, _ in layers.point:
        path = tuple(str(step.value) for step in axis.steps)
        part, key = find(layers.entry.tree, path)
        if key is not None and str(key.value) == path[-1] and _leads_to(layers.entry.tree, path):
            message = f"the grid varies '{axis.path}': this value is never used"
            faults.add(message, part.place, help="remove it", severity="warning")


def _leads_to(tree: Yaml | None, path: Sequence[str]) -> bool:
    for step in path:
        tree = tree.get(step) if isinstance(tree, YamlMap) else None
    return tree is not None


def _check_point(point: Point, merged: YamlMap, faults: Problems) -> None:
    """Add each value of the grid that something above it replaces: its runs would be misnamed."""
    for axis, value in point:
        part: Yaml = merged
        for step in axis.steps:
            below = _below(part, str(step.value))
            if below is None:
                break
            part = below
        else:
            other = _other(part, _spelled(axis.steps, value))
            if other is None:
                continue
            part = other
        message = f"'{axis.path}' is decided here, and by the grid ({said_at(axis.key.place)}) too"
        faults.add(message, part.place, help="remove one of the two")


def _below(part: Yaml, step: str) -> Yaml | None:
    if isinstance(part, YamlList):
        return part.items[int(step)] if step.isdecimal() and int(step) < len(part.items) else None
    return part.get(step) if isinstance(part, YamlMap) else None


def _other(part: Yaml, wanted: Yaml) -> Yaml | None:
    """What stands where a part of `wanted` should, or None where all of it holds."""
    if isinstance(part, YamlMap) and isinstance(wanted, YamlMap):
        for entry in wanted:
            below = part.get(entry.name)
            other = part if below is None else _other(below, entry.value)
            if other is not None:
                return other
        return None
    return None if value_key(part) == value_key(wanted) else part


def _spelled(steps: Sequence[YamlScalar], value: Yaml) -> Yaml:
    """A bare word under `train.optimizer`, as the mapping that it is spelt out to."""
    words = [str(step.value) for step in steps]
    if len(words) != 2 or words[0] != "train" or words[1] not in CHOICES:
        return value
    if not isinstance(value, YamlScalar) or not isinstance(value.value, str):
        return value
    return YamlMap((YamlEntry(value, YamlMap((), value.place)),), value.place)
