"""The parts of the JSON Schema of studies that are for those which compare layers."""

from __future__ import annotations

from collections.abc import Mapping

from cnnbuild.lang.layer_study_settings import (
    MAX_NAME,
    NOT_HERE,
    LayerPairSettings,
    LayerStudySettings,
)
from cnnbuild.layers.initialization import INITIALIZERS
from cnnbuild.layers.registry import Registry
from cnnbuild.layers.schemas.nodes import LAYERS, Vocabulary, needs, node_definitions
from cnnbuild.layers.schemas.study_texts import LAYER_STUDY_TEXTS
from cnnbuild.layers.schemas.values import QUIET, Schema, any_of, closed, fields_of
from cnnbuild.layers.schemas.vocabulary import vocabulary_of
from cnnbuild.layers.schemas.words import word_of_initializer

OWN_KEYS = ("layers", "input", "tolerance", "batch", "device")
"""The keys that studies which train do not have."""

_SIZE: Schema = {"type": "integer", "minimum": 1}
_INPUT: Schema = {
    "anyOf": [
        {"type": "string", "pattern": "^[0-9]{1,7}x[0-9]{1,7}x[0-9]{1,7}$", "examples": ["3x32x32"]},
        {"type": "array", "items": _SIZE, "minItems": 3, "maxItems": 3},
    ]
}


def layer_study_keys(*, complete: bool = True) -> dict[str, Schema]:
    """The keys that only studies of layers have, or those of what a variant changes."""
    fields = _described(LayerStudySettings, LAYER_STUDY_TEXTS)
    pair = _described(LayerPairSettings, LAYER_STUDY_TEXTS)
    side: Schema = any_of(LAYERS, {"$ref": "#/$defs/node"})
    asked: Schema = QUIET | {
        "if": {"type": "array"},
        "then": {"$ref": "#/$defs/needs_of_layers"},
        "else": {"$ref": "#/$defs/needs_of_layers.node"},
    }
    for name in ("custom", "standard"):
        wanted = side if name == "custom" else any_of(side, {"type": "null"})
        pair[name] = wanted | {"description": LAYER_STUDY_TEXTS[name]}
    for each in (pair, fields):
        each["input"] = _INPUT | {"description": LAYER_STUDY_TEXTS["input"]}
    entry = closed(pair, ["custom"] if complete else ())
    if complete:
        entry["dependentRequired"] = {key: ["standard"] for key in LayerPairSettings.of_comparison}
        entry["allOf"] = [{"properties": {"custom": asked, "standard": asked}}]
    fields["layers"] = {
        "type": "object",
        "propertyNames": {"pattern": f"^[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{MAX_NAME - 1}}}$"},
        "additionalProperties": entry,
        "description": LAYER_STUDY_TEXTS["layers"],
    }
    fields["layers"] |= {"minProperties": 1} if complete else {}
    return {name: fields[name] for name in OWN_KEYS}


def either_kind(required: tuple[str, ...]) -> Schema:
    """That a study has the keys of one kind: with `layers` none of training, otherwise none of layers."""
    forbidden: dict[str, Schema] = {key: {"not": {}} for key in NOT_HERE}
    own: dict[str, Schema] = {key: {"not": {}} for key in OWN_KEYS}
    return {
        "if": {"required": ["layers"]},
        "then": {"properties": {**forbidden, "variants": _changes_without(forbidden)}},
        "else": {"required": list(required), "properties": {**own, "variants": _changes_without(own)}},
    }


def layer_definitions(registry: Registry) -> dict[str, Schema]:
    """What `#/$defs/node` refers to: the words of layers, without blocks of a file."""
    vocabulary = _closed_vocabulary(registry)
    initializers = {name: word_of_initializer(each) for name, each in INITIALIZERS.items()}
    words = vocabulary.words.values()
    return {
        **node_definitions(vocabulary, initializers),
        **needs("needs_of_layers", words, {}),
        **{word.name: {} for word in vocabulary.standard.values()},
    }


def _closed_vocabulary(registry: Registry) -> Vocabulary:
    """The words of a registry and the standard blocks, and no others."""
    found = vocabulary_of(registry, None)
    return Vocabulary(found.types, found.standard, {}, is_open=False, values=("$in.channels",))


def _changes_without(keys: Mapping[str, Schema]) -> Schema:
    return QUIET | {"additionalProperties": {"properties": dict(keys)}}


def _described(
    model: type[LayerStudySettings | LayerPairSettings], texts: Mapping[str, str]
) -> dict[str, Schema]:
    return {name: field | {"description": texts[name]} for name, field in fields_of(model).items()}
