"""From the `train:` section of a file to the recipe."""

from __future__ import annotations

from cnnbuild.errors import Problems
from cnnbuild.lang.choice import Choice, spell_out
from cnnbuild.lang.recipe.augmentations import AugmentChoice
from cnnbuild.lang.recipe.averaging import AverageChoice
from cnnbuild.lang.recipe.misplaced import without_misplaced
from cnnbuild.lang.recipe.models import Recipe
from cnnbuild.lang.recipe.optimizers import OptimizerChoice
from cnnbuild.lang.recipe.reach import never_reached
from cnnbuild.lang.recipe.schedules import ScheduleChoice
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar, describe, find
from cnnbuild.lang.validation import validate


def parse_recipe(yaml: Yaml, problems: Problems, *, what: str = "the recipe") -> Recipe | None:
    """The `train:` section as a recipe, or None after its faults were added to `problems`.

    What the recipe asks for and never reaches (a milestone after the last epoch) is a warning.
    """
    if isinstance(yaml, YamlScalar) and yaml.value is None:
        yaml = YamlMap((), yaml.place)
    if not isinstance(yaml, YamlMap):
        problems.add(f"{what} is a mapping, not {describe(yaml)}", yaml.place)
        return None
    faults_before = len(problems.errors)
    spelled = _spell_out_choices(without_misplaced(yaml, problems, what=what), problems)
    recipe = validate(Recipe, spelled, problems, what=what)
    if recipe is None or len(problems.errors) > faults_before:
        return None
    for path, message in never_reached(recipe):
        part, _ = find(spelled, path)
        problems.add(message, part.place, severity="warning")
    return recipe


_CHOICES: dict[str, type[Choice]] = {
    "optimizer": OptimizerChoice,
    "schedule": ScheduleChoice,
    "average": AverageChoice,
}


def _spell_out_choices(recipe: YamlMap, problems: Problems) -> YamlMap:
    """The recipe with each bare word as a mapping, and without the choices that name nothing known.

    A word keeps its place, so that every later message points at it.
    """
    entries: list[YamlEntry] = []
    for entry in recipe:
        value: Yaml | None = entry.value
        if entry.name in _CHOICES and not _is_no_average(entry):
            value = spell_out(_CHOICES[entry.name], entry.value, problems)
        elif entry.name == "augment" and isinstance(entry.value, YamlList):
            items = [spell_out(AugmentChoice, item, problems) for item in entry.value]
            value = YamlList(tuple(item for item in items if item is not None), entry.value.place)
        if value is not None:
            entries.append(YamlEntry(entry.key, value))
    return YamlMap(tuple(entries), recipe.place)


def _is_no_average(entry: YamlEntry) -> bool:
    """Whether the entry is `average: null`, which a variant may need."""
    return entry.name == "average" and isinstance(entry.value, YamlScalar) and entry.value.value is None
