"""The JSON Schema (draft 2020-12) of study files, from the models that read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import get_args

from cnnbuild.errors import Problems, UsageError
from cnnbuild.lang.analyses import ANALYSES
from cnnbuild.lang.choice import Choice
from cnnbuild.lang.dataset import DATASET_NAMES, DatasetOptions
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.recipe import (
    BUDGETS,
    AugmentChoice,
    AverageChoice,
    OptimizerChoice,
    Recipe,
    ScheduleChoice,
    StopEarly,
)
from cnnbuild.lang.sections import section
from cnnbuild.lang.source import YamlMap, describe
from cnnbuild.lang.study_amounts import QUANTITIES, UNITS, BudgetSettings, MatchSettings
from cnnbuild.lang.study_grid_paths import OF_DATA
from cnnbuild.lang.study_settings import (
    MAX_SEED,
    MAX_SEEDS,
    ArchitectureSettings,
    OverrideSettings,
    StudySettings,
    WhenSettings,
)
from cnnbuild.lang.validation import Settings
from cnnbuild.lang.variants import FIXED_IN_VARIANTS
from cnnbuild.layers.registry import Registry, standard_registry
from cnnbuild.layers.schemas.layer_studies import either_kind, layer_definitions, layer_study_keys
from cnnbuild.layers.schemas.study_grid import OF_GRID, grid_schema
from cnnbuild.layers.schemas.study_texts import (
    BUDGET_TEXTS,
    MATCH_TEXTS,
    RECIPE_TEXTS,
    STUDY_TEXTS,
    texts_of,
)
from cnnbuild.layers.schemas.values import (
    METASCHEMA,
    NULL,
    QUIET,
    Schema,
    any_of,
    closed,
    fields_of,
    required_fields,
)
from cnnbuild.layers.schemas.words import Word, need_schema, parameters_schema, word_of_settings

CHOICES: dict[str, type[Choice]] = {
    "optimizer": OptimizerChoice,
    "schedule": ScheduleChoice,
    "average": AverageChoice,
    "augment": AugmentChoice,
}
TRAIN: Schema = {"$ref": "#/$defs/train"}


def study_schema(registry: Registry | None = None, *, file: Path | None = None) -> Schema:
    """The schema of study files, or of one file with the names of its architectures.

    `registry` holds the layer types that studies of layers may name.

    Raises:
        DocumentError: the file is not YAML.
        UsageError: the file cannot be read, or is no study.
    """
    names: tuple[str, ...] | None = None
    if file is not None:
        tree = read_yaml(file)
        if not isinstance(tree, YamlMap):
            raise UsageError(f"{file}: a study is a mapping, not {describe(tree)}")
        if tree.get("layers") is not None and tree.get("study") is None:
            raise UsageError(f"{file}: this is an architecture; see `cnnbuild schema architecture`")
        names = tuple(entry.name for entry in section(tree, "architectures", Problems()))
    base = _study(names) | layer_study_keys()
    changes = _study(names, complete=False) | layer_study_keys(complete=False)
    for key in FIXED_IN_VARIANTS:
        changes.pop(key, None)
    variants: Schema = {
        "type": "object",
        "additionalProperties": any_of({"type": "null"}, closed(changes)),
        "description": STUDY_TEXTS["variants"],
    }
    alone: Schema = {
        "properties": {
            "override": False,
            "architectures": QUIET | {"additionalProperties": {"properties": {"train": False}}},
        }
    }
    complete: Schema = {"properties": {"train": QUIET | {"allOf": [{"$ref": "#/$defs/needs_of_train"}]}}}
    return (
        {"$schema": METASCHEMA, "$comment": "A study of cnnbuild"}
        | closed(base | {"variants": variants}, ["cnnbuild", "study"])
        | {
            "allOf": [
                {"if": alone, "then": complete},
                either_kind(required_fields(StudySettings)),
            ],
            "$defs": _definitions() | layer_definitions(registry or standard_registry()),
        }
    )


def _study(names: tuple[str, ...] | None, *, complete: bool = True) -> dict[str, Schema]:
    """The keys of a study, or of what a variant changes."""
    fields = _described(StudySettings, STUDY_TEXTS)
    entry = _described(ArchitectureSettings, STUDY_TEXTS) | {"train": TRAIN | _text("train")}
    reference: Schema = {"type": "string", "minLength": 1}
    of_name: Schema = {} if names is None else {"enum": list(names)}
    replaced: dict[str, Schema] = {
        "architectures": {
            "type": "object",
            "additionalProperties": any_of(reference, closed(entry, ["file"] if complete else ())),
            "minProperties": 1 if complete else 0,
        },
        "baseline": any_of({"type": "string"} | of_name, {"type": "null"}),
        "datasets": {
            "type": "array",
            "items": {"$ref": "#/$defs/dataset"},
            "minItems": 1,
            "uniqueItems": True,
        },
        "seeds": {"$ref": "#/$defs/seeds"},
        "train": TRAIN,
        "override": {"type": "array", "items": _override(of_name)},
        "grid": {"$ref": "#/$defs/grid"},
        "match": any_of(_match(complete=complete), NULL),
        "budget": any_of(_one_of(_described(BudgetSettings, BUDGET_TEXTS), UNITS), NULL),
        "plugins": {"type": "array", "items": reference, "uniqueItems": True},
        "analyses": {"type": "array", "items": {"enum": list(ANALYSES)}, "uniqueItems": True},
    }
    return fields | {name: schema | _text(name) for name, schema in replaced.items()}


def _match(*, complete: bool) -> Schema:
    """What is matched; of a variant's, which is laid over the study's, nothing is required."""
    fields = _described(MatchSettings, MATCH_TEXTS)
    return _one_of(fields, QUANTITIES, ["by"]) if complete else closed(fields)


def _one_of(fields: Mapping[str, Schema], units: Iterable[str], required: Iterable[str] = ()) -> Schema:
    """A mapping in which exactly one of some keys says something."""
    said = [QUIET | {"required": [unit], "properties": {unit: {"not": NULL}}} for unit in units]
    return closed(fields, required) | {"oneOf": said}


def _override(of_name: Schema) -> Schema:
    fields = _described(OverrideSettings, STUDY_TEXTS)
    of_dataset: Schema = {"enum": [*DATASET_NAMES, None]}
    when = _described(WhenSettings, STUDY_TEXTS) | {"dataset": of_dataset | _text("dataset")}
    when |= {name: _text(name) for name in OF_DATA}
    if of_name:
        when["architecture"] = any_of(of_name, {"type": "null"}) | _text("architecture")
    fields |= {
        "when": closed(when) | {"patternProperties": OF_GRID, "minProperties": 1} | _text("when"),
        "train": TRAIN | _text("train"),
        "seeds": {"$ref": "#/$defs/seeds"} | _text("seeds"),
    }
    return closed(fields, required_fields(OverrideSettings))


def _definitions() -> dict[str, Schema]:
    recipe = _described(Recipe, RECIPE_TEXTS)
    words = {key: _words_of(choice) for key, choice in CHOICES.items()}
    choices = {key: _choice(each) | _text(key, RECIPE_TEXTS) for key, each in words.items()}
    augment: Schema = {"type": "array", "items": choices.pop("augment")}
    choices["average"] = any_of(choices["average"], NULL) | _text("average", RECIPE_TEXTS)
    stop_early = any_of(closed(_described(StopEarly, texts_of("stop_early"))), NULL)
    recipe["stop_early"] = stop_early | _text("stop_early", RECIPE_TEXTS)
    alternatives = [*combinations(BUDGETS, 2), ("clip_gradient_norm", "clip_gradient_value")]
    train = closed(recipe | choices | {"augment": augment | _text("augment", RECIPE_TEXTS)})
    needs: dict[str, Schema] = {key: _need(each) for key, each in words.items() if key != "augment"}
    needs["augment"] = QUIET | {"items": _need(words["augment"])}
    seed: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_SEED}
    return {
        "train": train | {"allOf": [QUIET | _not_both(*pair) for pair in alternatives]},
        "needs_of_train": {"properties": needs},
        "seeds": any_of(
            {"type": "integer", "minimum": 1, "maximum": MAX_SEEDS},
            {"type": "array", "items": seed, "minItems": 1, "uniqueItems": True},
        ),
        "dataset": _dataset(),
        "grid": grid_schema(),
    }


def _not_both(first: str, second: str) -> Schema:
    """At most one of two keys is there and says something."""
    said: Schema = {"not": NULL}
    return {"not": {"required": [first, second], "properties": {first: said, second: said}}}


def _words_of(choice: type[Choice]) -> dict[str, Word]:
    """What may be chosen, by name: the models that the choice's fields may hold."""
    words: dict[str, Word] = {}
    for name, field in choice.model_fields.items():
        for model in get_args(field.annotation):
            if issubclass(model, Settings):
                words[name] = word_of_settings(name, model, texts_of(name))
    return words


def _choice(words: Mapping[str, Word]) -> Schema:
    """One of some words: bare, or with its parameters, of which none is required here."""
    bare: list[Schema] = [{"const": word.name, "description": word.text} for word in words.values()]
    mapping = closed(
        {name: word.notes | any_of(NULL, parameters_schema(word)) for name, word in words.items()}
    )
    return any_of(*bare, mapping | {"minProperties": 1, "maxProperties": 1})


def _need(words: Mapping[str, Word]) -> Schema:
    """What a choice must not lack where nothing is laid over it."""
    asked = {name: QUIET | need_schema(word) for name, word in words.items() if word.required}
    return QUIET | {"properties": asked} | ({"not": {"enum": list(asked)}} if asked else {})


def _dataset() -> Schema:
    """A data set: its name, or its name with options; `path` is for folders of images, which need it."""
    options = _described(DatasetOptions, STUDY_TEXTS)
    pathless = {key: value for key, value in options.items() if key != "path"}
    named = [name for name in DATASET_NAMES if name != "image_folder"]
    keys: dict[str, Schema] = {name: any_of({"type": "null"}, closed(pathless)) for name in named}
    path: Schema = {"type": "string"}
    keys["image_folder"] = closed(options | {"path": path | _text("path")}, ["path"])
    described = {
        name: key | {"description": f"The data set `{name}`, with options."} for name, key in keys.items()
    }
    return any_of({"enum": named}, closed(described) | {"minProperties": 1, "maxProperties": 1})


def _described(model: type[Settings], texts: Mapping[str, str]) -> dict[str, Schema]:
    return {name: field | _text(name, texts) for name, field in fields_of(model).items()}


def _text(name: str, texts: Mapping[str, str] = STUDY_TEXTS) -> Schema:
    return {"description": texts[name]}
