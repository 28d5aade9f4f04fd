"""The data set, the recipe and the seed of one run as they are given in Python: words, or plain data."""

from __future__ import annotations

from collections.abc import Mapping

from cnnbuild.errors import Place, Problems, UsageError
from cnnbuild.lang.dataset import DatasetSettings, parse_dataset
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.recipe import Recipe, parse_recipe
from cnnbuild.lang.source import Yaml, from_plain
from cnnbuild.lang.study_settings import MAX_SEED


def dataset_of(given: str | Mapping[str, object] | DatasetSettings) -> DatasetSettings:
    """The data set that `digits`, or `{"cifar10": {"train_images": 5000}}`, names.

    Raises:
        DocumentError: there is no such data set or option.
        UsageError: the argument is no name and no mapping.
    """
    if isinstance(given, DatasetSettings):
        return given
    problems = Problems()
    if isinstance(given, str):
        tree = parse_yaml(given, "dataset")
    else:
        tree = _tree(given, "dataset", "a name, or a mapping of one name to options")
    settings = parse_dataset(tree, problems)
    problems.raise_if_any()
    if settings is None:
        raise UsageError(f"{given!r} is no data set")
    return settings


def recipe_of(given: Mapping[str, object] | Recipe | None) -> Recipe:
    """The recipe with the keys of a study's `train:`; None stands for the defaults.

    Raises:
        DocumentError: the recipe has faults.
        UsageError: the argument is no mapping.
    """
    if isinstance(given, Recipe):
        return given
    problems = Problems()
    recipe = parse_recipe(_tree(given or {}, "recipe", "a mapping of the keys of `train:`"), problems)
    problems.raise_if_any()
    if recipe is None:
        raise UsageError(f"{given!r} is no recipe")
    return recipe


def require_seed(given: object, *, name: str = "seed") -> None:
    """Do nothing if a seed is one that every random generator takes.

    Raises:
        UsageError: it is none; `name` is how it is called where it was given.
    """
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= MAX_SEED:
        raise UsageError(f"{name} is a whole number from 0 to {MAX_SEED}, not {given!r}")


def _tree(given: object, name: str, expected: str) -> Yaml:
    """Plain data as a tree; every place in it is the argument as a whole."""
    if not isinstance(given, Mapping):
        raise UsageError(f"{name} is {expected}, not {given!r}")
    text = repr(dict(given))
    return from_plain(_listed(given), Place(name, 1, 1, len(text), text))


def _listed(value: object) -> object:
    """The value with lists for tuples, which YAML does not know."""
    if isinstance(value, Mapping):
        return {str(key): _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value
