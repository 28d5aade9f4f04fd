"""Words with parameters: layer types, blocks and initialisers, each as the schema of its call.

A word's call is its parameters as a mapping, nothing, or the value of its primary parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cnnbuild.lang.blocks import Block
from cnnbuild.lang.source import to_plain
from cnnbuild.lang.validation import Settings
from cnnbuild.layers.base import Layer
from cnnbuild.layers.catalogue.facts import default_in_words
from cnnbuild.layers.catalogue.meanings import meaning_of
from cnnbuild.layers.catalogue.parameter_words import in_words
from cnnbuild.layers.initialization import Initializer
from cnnbuild.layers.schemas.values import (
    ANNOTATIONS,
    Schema,
    closed,
    fields_of,
    further_fields,
    required_fields,
    with_expressions,
)

_KINDS: dict[str, Schema] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "str": {"type": "string"},
    "list": {"type": "array"},
    "layer": {"$ref": "#/$defs/layer_value"},
    "any": {},
}
_KINDS_IN_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "`true` or `false`",
    "str": "a text",
    "list": "a list",
    "layer": "a layer: a type such as `relu`, or a mapping such as `{leaky_relu: 0.1}`",
    "any": "",
}


@dataclass(frozen=True)
class Word:
    """Something that a file calls by its name and gives parameters."""

    name: str
    text: str
    parameters: Mapping[str, Schema]
    required: tuple[str, ...] = ()
    primary: str | None = None
    several_inputs: bool = False
    further: Schema | None = None
    """What parameters of other names may be, where there may be any."""

    @property
    def needs_nothing(self) -> bool:
        """Whether the word alone is a call of it."""
        return not self.required

    @property
    def signature(self) -> str:
        """The parameters in one line, the required ones first."""
        optional = [name for name in self.parameters if name not in self.required]
        said = [*self.required, *(f"{name}={self._default_of(name)}" for name in optional)]
        return f"{self.name}({', '.join(said)})"

    @property
    def notes(self) -> Schema:
        """What an editor shows of the word, and what it writes for it."""
        primary = f" A single value sets `{self.primary}`." if self.primary else ""
        lines = [f"- `{name}`: {parameter['description']}" for name, parameter in self.parameters.items()]
        listed = ["\n".join(lines)] if lines else []
        return {
            "description": f"{self.text}\n\n{self.signature}{'.' + primary if primary else ''}",
            "markdownDescription": "\n\n".join([self.text, f"`{self.signature}`{primary}", *listed]),
        }

    def _default_of(self, name: str) -> str:
        """A default as a file would say it; some defaults of plugins cannot be said in a file."""
        parameter = self.parameters[name]
        return default_in_words(parameter["default"]) if "default" in parameter else "…"


def word_of_layer(layer_type: type[Layer]) -> Word:
    """A layer type as a word; what it says of itself stands in its docstrings."""
    name = layer_type.type_name
    sentence = _first_paragraph(layer_type) or f"The layer type '{name}'; its class has no docstring."
    shapes = _first_paragraph(layer_type.output_shape)
    return Word(
        name,
        f"{sentence}\n\nShapes: {shapes}" if shapes else sentence,
        _parameters_of(layer_type, {p: meaning_of(layer_type, p) for p in layer_type.model_fields}),
        required_fields(layer_type),
        layer_type.primary,
        layer_type.several_inputs,
    )


def word_of_initializer(initializer: type[Initializer]) -> Word:
    """An initialiser as a word."""
    return Word(
        initializer.word,
        _first_paragraph(initializer) or f"The initialiser '{initializer.word}'.",
        _parameters_of(initializer, {}),
        required_fields(initializer),
        initializer.primary,
    )


def word_of_settings(name: str, model: type[Settings], sentences: Mapping[str, str]) -> Word:
    """A model of settings as a word; they are plain values, never expressions."""
    return Word(
        name,
        _first_paragraph(model) or f"The settings of '{name}'.",
        {
            key: field | {"description": _said(field, sentences.get(key, ""))}
            for key, field in fields_of(model).items()
        },
        required_fields(model),
        further=further_fields(model),
    )


def word_of_block(block: Block, description: str) -> Word:
    """A block as a word."""
    parameters: dict[str, Schema] = {}
    for parameter in block.parameters.values():
        kind = _sentence(_KINDS_IN_WORDS[parameter.kind]) or "Any value."
        kind_of = _KINDS[parameter.kind]
        if parameter.length is not None:
            kind_of = kind_of | {"minItems": parameter.length, "maxItems": parameter.length}
            kind = f"A list of {parameter.length}."
        schema = with_expressions(kind_of)
        if parameter.default is not None:
            default = to_plain(parameter.default)
            schema |= {"default": default}
            kind += f" Default: `{default_in_words(default)}`."
        parameters[parameter.name] = schema | {"description": kind}
    required = tuple(p.name for p in block.parameters.values() if p.default is None)
    text = description or f"The block '{block.name}' of this file."
    return Word(block.name, text, parameters, required, block.primary)


def parameters_schema(word: Word) -> Schema:
    """The parameters as a mapping; none is required, for `defaults` may set what a call does not."""
    mapping = closed(word.parameters)
    return mapping if word.further is None else mapping | {"additionalProperties": word.further}


def call_forms(word: Word) -> list[Schema]:
    """What may stand after the word; what it needs is not asked for here."""
    if word.several_inputs:
        own: list[Schema] = [{"$ref": f"#/$defs/{word.name}.parameters"}] if word.parameters else []
        return [{"type": "null"}, {"$ref": "#/$defs/joined"}, *own]
    forms: list[Schema] = [{"$ref": f"#/$defs/{word.name}.parameters"}, {"type": "null"}]
    if word.primary is not None:
        # without the parameter's description, so that an editor tells what the word is
        value = {k: v for k, v in word.parameters[word.primary].items() if k not in ANNOTATIONS}
        forms.append({"allOf": [{"type": ["string", "number", "boolean", "array"]}, value]})
    return forms


def call_schema(word: Word, forms: Iterable[Schema] = ()) -> Schema:
    """What may stand after the word, or some other `forms`, with its notes."""
    schema = word.notes | {"anyOf": [*call_forms(word), *forms]}
    if not word.required:
        return schema
    body: object = {name: f"${number}" for number, name in enumerate(word.required, 1)}
    snippet = {
        "label": word.name,
        "description": word.signature,
        "body": "$1" if word.required == (word.primary,) else body,
    }
    return schema | {"defaultSnippets": [snippet]}


def need_schema(word: Word) -> Schema:
    """What a call must not lack: the required parameters, or the value of the only one."""
    needed: Schema = {"required": list(word.required)}
    return needed | ({"not": {"type": "null"}} if word.required == (word.primary,) else {"type": "object"})


def _parameters_of(model: type[Settings], sentences: Mapping[str, str]) -> dict[str, Schema]:
    return {
        name: with_expressions(field) | {"description": _said(field, sentences.get(name, ""))}
        for name, field in fields_of(model).items()
    }


def _said(field: Schema, sentence: str) -> str:
    """The field's own description or a known sentence, what its values are, and its default."""
    own, kind = field.get("description"), in_words(field)
    default = f"Default: `{default_in_words(field['default'])}`." if "default" in field else ""
    parts = [_sentence(own if isinstance(own, str) else sentence), _sentence(kind), default]
    return " ".join(part for part in parts if part) or "Required."


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}." if words else ""


def _first_paragraph(documented: object) -> str:
    text = getattr(documented, "__doc__", None) or ""
    return " ".join(text.strip().split("\n\n")[0].split())
