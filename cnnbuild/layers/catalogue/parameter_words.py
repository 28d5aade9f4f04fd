"""The kind of a parameter in words, from the JSON Schema of its layer type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pydantic import PydanticInvalidForJsonSchema, PydanticUserError

from cnnbuild.layers.base import Layer

Schema: TypeAlias = Mapping[str, object]


def kinds_of(layer_type: type[Layer]) -> dict[str, str]:
    """The kind of each parameter in words.

    >>> from cnnbuild.layers.linear import Linear
    >>> kinds_of(Linear)
    {'out_features': 'whole number from 1', 'bias': 'true or false'}
    """
    try:
        schema = layer_type.model_json_schema()
    except (PydanticInvalidForJsonSchema, PydanticUserError):  # a hint that only Python understands
        return dict.fromkeys(layer_type.model_fields, "")
    properties = _mapping(schema.get("properties"))
    definitions = _mapping(schema.get("$defs"))
    return {name: in_words(_mapping(properties.get(name)), definitions) for name in layer_type.model_fields}


def in_words(schema: Schema, definitions: Schema | None = None) -> str:
    """What values a schema allows, in words.

    >>> in_words({"type": "number", "minimum": 0, "exclusiveMaximum": 1})
    'number from 0 to below 1'
    >>> in_words({"anyOf": [{"enum": ["half", "same"]}, {"type": "integer", "minimum": 0}, {"type": "null"}]})
    'half, same, whole number from 0 or null'
    """
    definitions = definitions or {}
    if isinstance(reference := schema.get("$ref"), str):
        return in_words(_mapping(definitions.get(reference.rpartition("/")[2])), definitions)
    if "const" in schema:
        return _value(schema["const"])
    if isinstance(values := schema.get("enum"), list):
        return _listed([_value(value) for value in values])
    if isinstance(options := schema.get("anyOf") or schema.get("oneOf"), list):
        words: list[str] = []
        for option in options:
            if isinstance(values := _mapping(option).get("enum"), list):
                words += [_value(value) for value in values]
            else:
                words.append(in_words(_mapping(option), definitions))
        return _listed(list(dict.fromkeys(words)))
    match schema.get("type"):
        case "integer":
            return f"whole number{_range(schema)}"
        case "number":
            return f"number{_range(schema)}"
        case "array":
            return _array(schema, definitions)
        case kind:
            return {"boolean": "true or false", "string": "text", "null": "null", "object": "mapping"}.get(
                str(kind), "any value"
            )


def _array(schema: Schema, definitions: Schema) -> str:
    if schema.get("minItems") == schema.get("maxItems") == 2:
        return "[height, width]"
    items = schema.get("items")
    return f"list of {in_words(_mapping(items), definitions)}" if isinstance(items, dict) else "list"


def _range(schema: Schema) -> str:
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    words = (
        f" from {_value(least)}"
        if least is not None
        else f" above {_value(above)}"
        if above is not None
        else ""
    )
    words += f" to {_value(most)}" if most is not None else ""
    if below is not None:
        words += f" to below {_value(below)}" if words else f" below {_value(below)}"
    return words


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
