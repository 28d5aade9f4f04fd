"""JSON Schemas (draft 2020-12) of architecture files and libraries of blocks, from a registry of layer types.

A schema sees the form of a file: its keys, its words, the kinds of its values. It does not see what a
document means: shapes, expressions, names. Made without a file, it allows words that it does not know, which
may be the file's own blocks; made for a file, it knows them and refuses all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cnnbuild.errors import Problems, UsageError
from cnnbuild.lang.architecture import Expectation
from cnnbuild.lang.blocks import PARAMETER_TYPES
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.library import LIBRARY_KEYS
from cnnbuild.lang.sections import FORMAT_VERSION, RESERVED_NAMES, section
from cnnbuild.lang.source import YamlMap, describe
from cnnbuild.lang.weight_maps import MAX_RULES
from cnnbuild.layers.initialization import INITIALIZERS
from cnnbuild.layers.registry import STRUCTURAL, Registry
from cnnbuild.layers.schemas.nodes import LAYERS, RESERVED, Vocabulary, needs, node_definitions
from cnnbuild.layers.schemas.values import (
    METASCHEMA,
    NAME_PATTERN,
    QUIET,
    Schema,
    any_of,
    closed,
    fields_of,
    required_fields,
    with_expressions,
)
from cnnbuild.layers.schemas.vocabulary import vocabulary_of
from cnnbuild.layers.schemas.words import (
    Word,
    call_forms,
    word_of_initializer,
)

KEY_TEXTS = {
    "cnnbuild": "The version of the file's format: 1.",
    "name": "What the network is called. Default: the file's name.",
    "description": "What it is, in a sentence.",
    "source": "Where it was published.",
    "vars": "Variables, and their values. Studies and `--set name=value` change them.",
    "variants": "Named settings of the variables: `file.yaml@name` chooses one.",
    "uses": "Libraries of blocks, by their paths relative to this file.",
    "defaults": "Parameters of layer types, for the nodes that are written in this file.",
    "blocks": "Lists of layers with parameters, which are called like layer types.",
    "layers": "The network: each layer takes the output of the one before, unless `from` says otherwise.",
    "outputs": "The network's heads, where it has more than one.",
    "expect": "What `cnnbuild check` holds the network to.",
    "weights": "Which names published weights have: patterns and what replaces them.",
}
EXPECT_TEXTS = {
    "input": "The images: [channels, height, width].",
    "classes": "How many classes there are.",
    "variant": "For which variant; without it, for the file's own values.",
    "vars": "Variables that differ from the variant's.",
    "parameters": "How many learned numbers the network must have.",
    "macs": "How many multiply-adds one image must cost.",
}


def architecture_schema(registry: Registry, *, file: Path | None = None) -> Schema:
    """The schema of architecture files, or of one file with its own blocks, variables and variants.

    Raises:
        DocumentError: the file is not YAML.
        UsageError: the file cannot be read, or is no architecture.
    """
    tree = None if file is None else _mapping_in(file, "an architecture")
    present = list(KEY_TEXTS)
    return _document("An architecture of cnnbuild", present, ("cnnbuild", "layers"), registry, tree)


def library_schema(registry: Registry, *, file: Path | None = None) -> Schema:
    """The schema of libraries of blocks, or of one library with its own blocks.

    Raises:
        DocumentError: the file is not YAML.
        UsageError: the file cannot be read, or is no library of blocks.
    """
    tree = None if file is None else _mapping_in(file, "a library of blocks")
    present = list(LIBRARY_KEYS)
    return _document("A library of blocks for cnnbuild", present, ("cnnbuild", "blocks"), registry, tree)


def _mapping_in(file: Path, what: str) -> YamlMap:
    tree = read_yaml(file)
    if not isinstance(tree, YamlMap):
        raise UsageError(f"{file}: {what} is a mapping, not {describe(tree)}")
    if tree.get("study") is not None:
        raise UsageError(f"{file}: this is a study, not {what}; see `cnnbuild schema study`")
    return tree


def _document(
    title: str, keys: Iterable[str], required: Iterable[str], registry: Registry, tree: YamlMap | None
) -> Schema:
    vocabulary = vocabulary_of(registry, tree)
    initializers = {name: word_of_initializer(each) for name, each in INITIALIZERS.items()}
    schemas = _sections(vocabulary, tree)
    properties = {key: schemas[key] | {"description": KEY_TEXTS[key]} for key in keys}
    blocks = vocabulary.standard.values()
    standard_calls: dict[str, Schema] = {word.name: {"$ref": f"#/$defs/{word.name}"} for word in blocks}
    definitions = {
        **node_definitions(vocabulary, initializers),
        **needs("needs_of_types", vocabulary.types.values(), {}),
        **needs("needs_of_standard_blocks", blocks, standard_calls),
        **needs("needs_of_blocks", vocabulary.certain.values(), {}),
    }
    for word in blocks:
        definitions[word.name] = any_of(*call_forms(word))
    return (
        {"$schema": METASCHEMA, "$comment": title}
        | closed(properties, required)
        | {
            "allOf": [
                _asking("needs_of_blocks"),
                {"if": _sets_no_required(vocabulary), "then": _asking("needs_of_types")},
                {"if": _takes_no_name_of(vocabulary.standard), "then": _asking("needs_of_standard_blocks")},
            ],
            "$defs": definitions,
        }
    )


def _asking(name: str) -> Schema:
    """The needs of words, asked in the network and in every block of a file."""
    asked: Schema = QUIET | {"allOf": [{"$ref": f"#/$defs/{name}"}]}
    blocks: Schema = QUIET | {"additionalProperties": {"properties": {"layers": asked}}}
    return {"properties": {"layers": asked, "blocks": blocks}}


def _sets_no_required(vocabulary: Vocabulary) -> Schema:
    """That `defaults` set no parameter that a layer type requires."""
    unset = {
        word.name: {"propertyNames": {"not": {"enum": list(word.required)}}}
        for word in vocabulary.types.values()
        if word.required
    }
    return {"properties": {"defaults": {"properties": unset}}}


def _takes_no_name_of(blocks: Mapping[str, Word]) -> Schema:
    """That neither the file nor what it uses has a block that is called like one of these."""
    return {"properties": {"uses": False, "blocks": {"propertyNames": {"not": {"enum": sorted(blocks)}}}}}


def _sections(vocabulary: Vocabulary, tree: YamlMap | None) -> dict[str, Schema]:
    """What may stand under each key of the top level."""
    text: Schema = {"type": ["string", "number", "boolean"]}
    known = None if tree is None else [entry.name for entry in section(tree, "vars", Problems())]
    a_name: Schema = {"pattern": NAME_PATTERN, "not": RESERVED}
    settings: Schema = {"type": "object"}
    if known is not None:
        settings |= {"propertyNames": {"enum": known}}
    return {
        "cnnbuild": {"const": FORMAT_VERSION},
        "name": text,
        "description": text,
        "source": text,
        "vars": {"type": "object", "propertyNames": a_name},
        "variants": {"type": "object", "additionalProperties": settings},
        "uses": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "defaults": _defaults(vocabulary),
        "blocks": _blocks([*vocabulary.types, *sorted(STRUCTURAL)]),
        "layers": LAYERS,
        "outputs": _outputs(),
        "expect": _expect(tree),
        "weights": _weights(),
    }


def _weights() -> Schema:
    """Maps by name, each from patterns of our names to published names."""
    rules: Schema = {
        "type": "object",
        "additionalProperties": {"type": ["string", "integer"], "minLength": 1},
        "maxProperties": MAX_RULES,
    }
    return {
        "type": "object",
        "additionalProperties": rules,
        "propertyNames": {"pattern": NAME_PATTERN, "not": RESERVED},
        "minProperties": 1,
    }


def _defaults(vocabulary: Vocabulary) -> Schema:
    """Parameters and initialisation of layer types."""
    types: dict[str, Schema] = {}
    for word in vocabulary.types.values():
        parameters = {} if word.several_inputs else word.parameters
        names: dict[str, Schema] = {
            name: {"$ref": f"#/$defs/{word.name}.parameters/properties/{name}"} for name in parameters
        }
        init: Schema = {"$ref": "#/$defs/init", "description": "How the weights begin, by their names."}
        types[word.name] = closed(names | {"init": init}) | {
            "description": f"Defaults of `{word.signature}`."
        }
    return closed(types)


def _blocks(taken: list[str]) -> Schema:
    """Definitions of blocks, under names that are not `taken` by layer types."""
    declared = closed(
        {
            "type": {"enum": list(PARAMETER_TYPES), "description": "The parameter's type."},
            "default": {"description": "Its value where a call does not give one."},
            "length": {"type": "integer", "minimum": 1, "description": "How long a list must be."},
        },
        required=("type",),
    )
    words: Schema = {"enum": list(PARAMETER_TYPES), "description": "The type of a required parameter."}
    values: Schema = {"type": ["string", "number", "boolean", "array"], "description": "A default value."}
    block = closed(
        {
            "description": {"description": "What the block is, in a sentence."},
            "params": {
                "description": "Parameters: a type (required), or a default value.",
                "type": "object",
                "propertyNames": {"pattern": NAME_PATTERN, "not": RESERVED},
                "additionalProperties": any_of(words, values, declared),
            },
            "layers": LAYERS | {"description": "The block's layers. They see its parameters, not `vars`."},
        },
        required=("layers",),
    )
    names: Schema = {"pattern": NAME_PATTERN, "not": {"enum": [*taken, *sorted(RESERVED_NAMES)]}}
    return {"type": "object", "propertyNames": names, "additionalProperties": block}


def _outputs() -> Schema:
    flag = with_expressions({"type": "boolean"})
    fields: dict[str, Schema] = {
        "from": {"$ref": "#/$defs/reference", "description": "The node whose output this is."},
        "weight": with_expressions({"type": "number", "exclusiveMinimum": 0})
        | {"description": "The weight of its loss in training. Default: 1."},
        "train_only": flag | {"description": "Whether it is for training only. Default: `false`."},
        "when": flag | {"description": "Whether the head is there at all. Default: `true`."},
    }
    heads = any_of({"$ref": "#/$defs/reference"}, closed(fields, required=("from",)))
    names: Schema = {"pattern": NAME_PATTERN, "not": RESERVED}
    return {"type": "object", "propertyNames": names, "additionalProperties": heads, "minProperties": 1}


def _expect(tree: YamlMap | None) -> Schema:
    fields = {
        name: field | {"description": EXPECT_TEXTS[name]} for name, field in fields_of(Expectation).items()
    }
    if tree is not None:
        known = [entry.name for entry in section(tree, "variants", Problems())]
        fields["variant"] = {"enum": [*known, None], "description": EXPECT_TEXTS["variant"]}
    return {"type": "array", "items": closed(fields, required_fields(Expectation))}
