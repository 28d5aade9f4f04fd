"""The JSON Schema of a study's grid: which paths it takes, and which values stand under each."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.lang.dataset import DatasetOptions
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.study_grid_paths import OF_DATA
from cnnbuild.lang.validation import Settings, models_in
from cnnbuild.layers.schemas.study_texts import STUDY_TEXTS, texts_of
from cnnbuild.layers.schemas.values import NULL, Schema, any_of, fields_of

OF_GRID: dict[str, Schema] = {"^(train|vars)\\.": {}}
"""Keys of `when` that are paths of the grid; their values are for the reader to compare."""


def grid_schema() -> Schema:
    """Every path that a grid takes, with a list of what stands there; `null` takes a path away."""
    paths = {f"train.{path}": _values(schema) for path, schema in _recipe_paths(Recipe, "")}
    options = fields_of(DatasetOptions)
    paths |= {name: _values(options[name]) | {"description": STUDY_TEXTS[name]} for name in OF_DATA}
    patterns = {"^vars\\.[^.]+$": _values({}), "^train\\.augment\\.": _values({})}
    mapping: Schema = {
        "type": "object",
        "properties": paths,
        "patternProperties": patterns,
        "additionalProperties": False,
    }
    return any_of(mapping, NULL)


def _values(item: Schema) -> Schema:
    return any_of({"type": "array", "items": item, "minItems": 1, "uniqueItems": True}, NULL)


def _recipe_paths(model: type[Settings], word: str) -> Iterator[tuple[str, Schema]]:
    """The paths in a model of the recipe, `word` being what the model is called there, with their schemas."""
    fields, texts = fields_of(model), texts_of(word)
    for name, field in model.model_fields.items():
        inner = [each for each in models_in(field.annotation) if issubclass(each, Settings)]
        told: Schema = {"description": texts[name]} if name in texts else {}
        yield name, {"$ref": f"#/$defs/train/properties/{name}"} if model is Recipe else fields[name] | told
        for each in inner if name != "augment" else ():
            yield from ((f"{name}.{path}", schema) for path, schema in _recipe_paths(each, name))
