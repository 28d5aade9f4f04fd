"""Parts of a JSON Schema: what pydantic says of a model, made self-contained and open to expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from pydantic.json_schema import GenerateJsonSchema

from cnnbuild.lang.validation import Settings

Schema: TypeAlias = dict[str, object]

METASCHEMA = "https://json-schema.org/draft/2020-12/schema"
NULL: Schema = {"type": "null"}
EXPRESSION: Schema = {"$ref": "#/$defs/expression"}
QUIET: Schema = {"doNotSuggest": True}
"""What tells editors that another part of the schema offers a key."""

ANNOTATIONS = frozenset({"default", "description", "examples", "markdownDescription"})
NAME_PATTERN = "^[A-Za-z_][A-Za-z0-9_]*$"
EXPRESSION_PATTERN = "\\$"


class _Lenient(GenerateJsonSchema):
    """What no JSON Schema can say (a type of a plugin's own) is left open, without a word."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - pydantic's declaration

    def handle_invalid_for_json_schema(self, schema: object, error_info: str) -> dict[str, object]:  # noqa: ARG002
        return {}


def closed(properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    """A mapping with these keys and no others."""
    wanted = list(required)
    schema: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return schema | {"required": wanted} if wanted else schema


def any_of(*alternatives: Schema) -> Schema:
    """What fits at least one of some schemas."""
    return alternatives[0] if len(alternatives) == 1 else {"anyOf": list(alternatives)}


def fields_of(model: type[Settings]) -> dict[str, Schema]:
    """The schema of each field of a model, without references and without pydantic's invented titles."""
    whole = model.model_json_schema(schema_generator=_Lenient)
    definitions = whole.get("$defs", {})
    found: dict[str, Schema] = {}
    for name, field in whole.get("properties", {}).items():
        schema = _self_contained(field, definitions, ())
        match schema.get("default"), schema.get("anyOf"):
            case [first, second], [*_] if first == second:
                schema["default"] = first  # one number stands for both axes
        found[name] = schema
    return found


def required_fields(model: type[Settings]) -> tuple[str, ...]:
    """The fields that have no default."""
    return tuple(name for name, field in model.model_fields.items() if field.is_required())


def further_fields(model: type[Settings]) -> Schema | None:
    """The schema of fields of any other name, where the model takes such."""
    extra = model.model_json_schema(schema_generator=_Lenient).get("additionalProperties")
    return dict(extra) if isinstance(extra, dict) else None


def _self_contained(
    schema: Mapping[str, object], definitions: Mapping[str, Mapping[str, object]], inside: tuple[str, ...]
) -> Schema:
    """The schema with what it refers to written out; what refers to itself is left open."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        target = {} if name in inside else _self_contained(definitions[name], definitions, (*inside, name))
        return target | {key: value for key, value in schema.items() if key != "$ref"}
    plain: Schema = {}
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            plain[key] = {n: _self_contained(field, definitions, inside) for n, field in value.items()}
        elif isinstance(value, dict) and key != "default":
            plain[key] = _self_contained(value, definitions, inside)
        elif isinstance(value, list) and key in {"anyOf", "oneOf", "allOf", "prefixItems"}:
            plain[key] = [_self_contained(item, definitions, inside) for item in value]
        elif key != "title":
            plain[key] = value
    return plain


def with_expressions(schema: Schema) -> Schema:
    """The schema of a value that may be an expression, as a whole or in any of its parts."""
    notes = {key: value for key, value in schema.items() if key in ANNOTATIONS}
    core = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
    for key in ("anyOf", "oneOf"):
        alternatives = core.get(key)
        if isinstance(alternatives, list):
            return notes | {"anyOf": [*(_with_inner(each) for each in alternatives), EXPRESSION]}
    if not core or core == {"type": "string"}:
        return schema
    return notes | {"anyOf": [_with_inner(core), EXPRESSION]}


def _with_inner(schema: Schema) -> Schema:
    """The schema with its parts open to expressions."""
    opened = dict(schema)
    for key in ("items", "additionalProperties"):
        inner = schema.get(key)
        if isinstance(inner, dict):
            opened[key] = with_expressions(inner)
    parts = schema.get("prefixItems")
    if isinstance(parts, list):
        opened["prefixItems"] = [with_expressions(part) for part in parts]
    fields = schema.get("properties")
    if isinstance(fields, dict):
        opened["properties"] = {name: with_expressions(field) for name, field in fields.items()}
    return opened
