"""Which paths of a study a grid may vary: settings of the recipe, variables, and the size of the data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from cnnbuild.errors import Problems
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.recipe.misplaced import chosen_optimizer
from cnnbuild.lang.source import Yaml, YamlMap, YamlScalar, find
from cnnbuild.lang.validation import Settings, models_in
from cnnbuild.texts import did_you_mean, shortened

OF_DATA = ("size", "train_images")
"""Options that a grid gives to every data set."""

_ELSEWHERE = {
    "seeds": "every point of the grid has all seeds already: list them under `seeds`",
    "datasets": "list data sets under `datasets`; of their options a grid varies `size` and `train_images`",
    "architectures": "list architectures under `architectures`; a grid varies their variables: `vars.…`",
}
"""What is multiplied in another way, each with how."""


@cache
def recipe_paths() -> tuple[str, ...]:
    """Every setting of a recipe by its path; the augmentations, which are a list, as a whole."""
    return tuple(f"train.{path}" for path in _paths_in(Recipe))


def _paths_in(model: type[Settings]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for inner in models_in(field.annotation) if name != "augment" else ():
            if issubclass(inner, Settings):
                yield from (f"{name}.{path}" for path in _paths_in(inner))


def steps_of(key: YamlScalar) -> tuple[YamlScalar, ...]:
    """The steps of a dotted path, each at its own place in the file.

    >>> from cnnbuild.errors import Place
    >>> steps = steps_of(YamlScalar("vars.width", Place("f", 1, 1, 10, "vars.width")))
    >>> [(step.value, step.place.column) for step in steps]
    [('vars', 1), ('width', 6)]
    """
    steps: list[YamlScalar] = []
    offset = int(key.quoted)
    for step in str(key.value).split("."):
        steps.append(YamlScalar(step, key.place.within(offset, len(step)), text=step))
        offset += len(step) + 1
    return tuple(steps)


def path_is_sound(key: YamlScalar, value: Yaml, study: YamlMap, problems: Problems) -> bool:
    """Whether a grid may vary the path `key` of the study; where not, that is added to `problems`."""
    path = str(key.value)
    first, _, rest = path.partition(".")
    if path in OF_DATA or path in recipe_paths() or path.startswith("train.augment."):
        return True  # what is wrong inside an augmentation is seen where it is laid over the list
    if first == "vars" and rest and "." not in rest:
        return True  # which variables there are, the architectures say
    name = shortened(path)
    if isinstance(value, YamlMap):
        message = f"the grid takes whole paths, and '{name}' holds a mapping"
        problems.add(message, key.place, help=f"write `{_joined(path, value)}: [a, b]`")
    elif first == "vars":
        told = f"write `vars.{rest.partition('.')[0] or 'name'}: [a, b]`"
        problems.add(f"a grid varies a variable as a whole, unlike '{name}'", key.place, help=told)
    elif first in _ELSEWHERE:
        problems.add(f"a grid does not vary '{name}'", key.place, help=_ELSEWHERE[first])
    else:
        problems.add(f"there is no '{name}' that a grid could vary", key.place, help=_proposal(path, study))
    return False


def _joined(path: str, value: Yaml) -> str:
    """The path that a mapping in a mapping spells, down to its first list or value."""
    while isinstance(value, YamlMap) and value.entries:
        path, value = f"{path}.{value.entries[0].name}", value.entries[0].value
    return path


def _proposal(path: str, study: YamlMap) -> str:
    """The path that was meant: one that ends so, or one that is spelt almost so."""
    variables = find(study, ("vars",))[0]
    known = [*recipe_paths(), *OF_DATA]
    if isinstance(variables, YamlMap):
        known += [f"vars.{entry.name}" for entry in variables]
    last = path.rpartition(".")[2]
    ending = [each for each in known if each.endswith(f".{last}")]
    if ending:
        train = find(study, ("train",))[0]
        optimizer = chosen_optimizer(train) if isinstance(train, YamlMap) else "adam"
        chosen = [each for each in ending if f".{optimizer}." in each]
        return f"write the whole path: `{(chosen or ending)[0]}`"
    hint = did_you_mean(path, known)
    return hint or "it varies paths that begin with `train.` or `vars.`, and `size` and `train_images`"
