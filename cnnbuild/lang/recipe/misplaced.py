"""Settings of the optimizer that stand beside it in the recipe."""

from __future__ import annotations

from cnnbuild.errors import Problems
from cnnbuild.lang.recipe.models import Recipe
from cnnbuild.lang.recipe.optimizers import OptimizerChoice
from cnnbuild.lang.source import Yaml, YamlMap, YamlScalar
from cnnbuild.lang.validation import models_in


def chosen_optimizer(recipe: YamlMap) -> str:
    """The word of the optimizer that a recipe chooses; the default one where it names none that is known.

    >>> from cnnbuild.lang.reader import parse_yaml
    >>> chosen_optimizer(parse_yaml("optimizer: {sgd: {lr: 0.1}}", "recipe"))
    'sgd'
    """
    written = recipe.get("optimizer")
    word: object = None
    if isinstance(written, YamlScalar):
        word = written.value
    elif isinstance(written, YamlMap) and len(written.entries) == 1:
        word = written.entries[0].name
    return word if isinstance(word, str) and word in OptimizerChoice.model_fields else "adam"


def is_setting_of(optimizer: str, name: str) -> bool:
    """Whether an optimizer, given by its word, has a setting of this name.

    >>> is_setting_of("adam", "lr"), is_setting_of("adam", "nesterov")
    (True, False)
    """
    field = OptimizerChoice.model_fields.get(optimizer)
    return field is not None and any(name in model.model_fields for model in models_in(field.annotation))


def without_misplaced(recipe: YamlMap, problems: Problems, *, what: str) -> YamlMap:
    """The recipe without keys that belong to its optimizer; each is added to `problems`.

    `what` names the recipe in messages.
    """
    optimizer = chosen_optimizer(recipe)
    kept = []
    for entry in recipe:
        if entry.name in Recipe.model_fields or not is_setting_of(optimizer, entry.name):
            kept.append(entry)
            continue
        setting = "the rate" if entry.name == "lr" else f"'{entry.name}'"
        place = f"`optimizer: {{{optimizer}: {{{entry.name}: {_text(entry.value)}}}}}`"
        help_ = f"{setting} belongs to the optimizer: {place}"
        problems.add(f"unknown key '{entry.name}' in {what}", entry.key.place, help=help_)
    return YamlMap(tuple(kept), recipe.place)


def _text(value: Yaml) -> str:
    return value.text if isinstance(value, YamlScalar) and value.text else "…"
