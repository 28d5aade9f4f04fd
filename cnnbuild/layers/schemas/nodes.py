"""The forms of a node, as parts of a JSON Schema: `#/$defs/layers` is a list of layers.

What a node needs is asked for by schemas of their own (`needs`), which walk all lists of layers once more:
`defaults` may set a required parameter, and a file's block may take the name of a standard one, so whether
they hold is said at the top of the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cnnbuild.lang.nodes import JOINS, SHORTCUTS, SIBLINGS
from cnnbuild.lang.sections import RESERVED_NAMES
from cnnbuild.layers.schemas.values import (
    EXPRESSION,
    EXPRESSION_PATTERN,
    NAME_PATTERN,
    QUIET,
    Schema,
    any_of,
    closed,
    with_expressions,
)
from cnnbuild.layers.schemas.words import Word, call_schema, need_schema, parameters_schema

LAYERS: Schema = {"$ref": "#/$defs/layers"}
MAX_COPIES = 10_000  # as in the elaboration, which this room cannot import; compared by a test
RESERVED: Schema = {"enum": sorted(RESERVED_NAMES)}
MODULE_NAME_PATTERN = "^[A-Za-z][A-Za-z0-9_]*$"  # torch keeps its own attributes under leading underscores

FORMS: dict[str, tuple[str, Schema]] = {
    "residual": (
        "The sum of a body and its shortcut (He et al. 2015, arXiv:1512.03385).",
        {"$ref": "#/$defs/residual"},
    ),
    "foreach": (
        "A list of layers once for each row of a table; the columns are variables in `do`.",
        {"$ref": "#/$defs/columns"},
    ),
    "share": (
        "The modules of an earlier node applied again: the same weights, counted once.",
        {"$ref": "#/$defs/reference"},
    ),
}
"""The forms that have no class of their own: what each is, and its value."""

SIBLING_TEXTS = {
    "name": "The node's name, for `from`, for joins and in the weights' keys. May hold `$(…)`.",
    "from": "The earlier node whose output enters here: its name, `prev` or `block`. Default: `prev`.",
    "repeat": "How many fresh copies follow each other; `i` counts them from 0.",
    "first": "Parameters that differ in the first copy. Needs `repeat`.",
    "when": "Whether the node is there at all; without it, its input passes through.",
    "init": "How the weights begin, by their names. Without it, as torch has them begin.",
    "do": "The layers of one row of `foreach`.",
}


@dataclass(frozen=True)
class Vocabulary:
    """The words that a file's nodes may use.

    `certain` blocks are called as described, `standard` ones unless the file has a block of that name. In an
    `open` vocabulary there may be more words than these. `names` are offered where a node is referred to,
    `values` where a value or a type is.
    """

    types: Mapping[str, Word]
    certain: Mapping[str, Word]
    standard: Mapping[str, Word]
    is_open: bool
    names: tuple[str, ...] = ()
    values: tuple[str, ...] = ("$data.classes", "$in.channels")

    @property
    def words(self) -> dict[str, Word]:
        """All words with parameters."""
        return {**self.standard, **self.certain, **self.types}


def node_definitions(vocabulary: Vocabulary, initializers: Mapping[str, Word]) -> dict[str, Schema]:
    """The parts that the schema of a list of layers is made of."""
    definitions: dict[str, Schema] = {
        "expression": {
            "type": "string",
            "pattern": EXPRESSION_PATTERN,
            "description": "A value that is computed: `$name` looks one up, `$(…)` calculates.",
            "examples": list(vocabulary.values),
        },
        "layers": {"type": "array", "items": {"$ref": "#/$defs/node"}, "minItems": 1},
        "node": _mapping(vocabulary) | {"anyOf": [{"type": "object"}, {"$ref": "#/$defs/bare"}]},
        "bare": _bare(vocabulary),
        "layer_value": {
            "anyOf": [
                {"type": "string"},
                {"allOf": [_only_a_type(), {"$ref": "#/$defs/node"}], "type": "object"},
            ]
        },
        "reference": {"type": "string", "examples": ["prev", "block", *vocabulary.names]},
        "joined": {
            "description": "The nodes that are joined: names, and `prev` for the previous one.",
            "type": "array",
            "items": {"$ref": "#/$defs/reference"},
            "minItems": 2,
        },
        "branches": {
            "description": "Named branches that all start from the current tensor, joined in this order.",
            "type": "object",
            "propertyNames": {"pattern": MODULE_NAME_PATTERN, "not": RESERVED},
            "additionalProperties": any_of({"const": "identity"}, LAYERS),
            "minProperties": 2,
        },
        "residual": _residual(),
        "columns": {
            "type": "object",
            "propertyNames": {"not": RESERVED},
            "additionalProperties": any_of({"type": "array"}, EXPRESSION),
            "minProperties": 1,
        },
        "init": _init(initializers),
    }
    for word in (*vocabulary.words.values(), *initializers.values()):
        if not word.several_inputs:
            definitions[f"{word.name}.parameters"] = parameters_schema(word)
    return definitions


def needs(name: str, words: Iterable[Word], calls: Mapping[str, Schema]) -> dict[str, Schema]:
    """Schemas `name` of a list of layers and `name.node`, which ask for what the calls of words need.

    `calls` says what else must hold for the value under a word. A node with `first` may get there what it
    lacks, where it has one copy.
    """
    asked = {word.name: QUIET | need_schema(word) for word in words if word.required}
    again: Schema = QUIET | {"allOf": [{"$ref": f"#/$defs/{name}"}]}
    node: Schema = {
        "properties": {
            **{word: QUIET | {"allOf": [call]} for word, call in calls.items()},
            "do": again,
            "residual": QUIET | {"properties": {"body": again, "shortcut": again}},
            **{join: QUIET | {"additionalProperties": again} for join in sorted(JOINS)},
        }
    }
    if asked:
        node |= {
            "pattern": f"^(?!(?:{'|'.join(sorted(asked))})$)",
            "patternErrorMessage": "This needs parameters: write `type: {parameter: value}`.",
            "if": {"required": ["first"]},
            "else": {"properties": asked},
        }
    return {name: {"items": {"$ref": f"#/$defs/{name}.node"}}, f"{name}.node": node}


def _bare(vocabulary: Vocabulary) -> Schema:
    """A node that is only a word."""
    complete = [word for word in vocabulary.words.values() if not word.several_inputs]
    blocks = vocabulary.certain.keys() | vocabulary.standard.keys()
    described: list[Schema] = [
        {"const": word.name, "description": word.text} for word in complete if word.needs_nothing
    ]
    others: list[Schema] = [{"pattern": EXPRESSION_PATTERN}]
    joins = [word.name for word in vocabulary.types.values() if word.several_inputs]
    if vocabulary.is_open:
        impossible: Schema = {"enum": [*joins, *FORMS]}
        others.append({"type": "string", "pattern": NAME_PATTERN, "not": impossible})
    else:
        defaulted = [w.name for w in complete if not w.needs_nothing and w.name not in blocks]
        others.append({"enum": defaulted})
    return {"type": "string", "anyOf": [*described, *others]}


def _mapping(vocabulary: Vocabulary) -> Schema:
    """A node with a type key, and what may stand beside it; of a bare word, nothing is said here."""
    siblings = _siblings()
    words = vocabulary.words
    calls = {name: _call(name, word, vocabulary) for name, word in words.items()}
    for name, (text, value) in FORMS.items():
        calls[name] = value | {"description": text}
    computed: Schema = {"description": "The type that an expression names, with its parameters."}
    return {
        "properties": {**calls, **siblings},
        "patternProperties": {EXPRESSION_PATTERN: computed},
        "propertyNames": QUIET | {"anyOf": [{"pattern": NAME_PATTERN}, {"pattern": EXPRESSION_PATTERN}]},
        "additionalProperties": vocabulary.is_open,
        "dependentRequired": {"first": ["repeat"], "foreach": ["do"]},
        "dependentSchemas": {
            **{name: _beside(name, word, vocabulary) for name, word in words.items()},
            "residual": _alone("residual", without=("first", "init", "do")),
            "share": _alone("share", without=("first", "init", "do")),
            "foreach": _alone("foreach", without=("repeat", "first", "init")),
            "do": {"required": ["foreach"]},
        },
        "not": {"type": "object", "propertyNames": {"enum": list(SIBLINGS)}},  # a node has a type
    }


def _siblings() -> dict[str, Schema]:
    """What may stand beside any type key."""
    schemas: dict[str, Schema] = {
        "name": {
            "type": "string",
            "anyOf": [{"pattern": MODULE_NAME_PATTERN, "not": RESERVED}, {"pattern": EXPRESSION_PATTERN}],
        },
        "from": any_of({"$ref": "#/$defs/reference"}, {"$ref": "#/$defs/joined"}),
        "repeat": with_expressions({"type": "integer", "minimum": 0, "maximum": MAX_COPIES}),
        "first": {"type": "object"},
        "when": with_expressions({"type": "boolean"}),
        "init": {"$ref": "#/$defs/init"},
        "do": LAYERS,
    }
    return {name: schema | {"description": SIBLING_TEXTS[name]} for name, schema in schemas.items()}


def _call(name: str, word: Word, vocabulary: Vocabulary) -> Schema:
    """What stands under a type key; anything under the name of a block that the file may have itself."""
    if name in JOINS:
        joined = [{"type": "null"}, {"$ref": "#/$defs/joined"}, {"$ref": "#/$defs/branches"}]
        return word.notes | {"anyOf": joined, "defaultSnippets": [{"label": name, "body": ["prev", "$1"]}]}
    uncertain = name in vocabulary.standard
    call = call_schema(word, [{}] if uncertain else [])
    return call | (QUIET if word.needs_nothing else {})  # `bare` offers it


def _beside(name: str, word: Word, vocabulary: Vocabulary) -> Schema:
    """What holds for a node whose type key is `name`: no second type, and the right siblings."""
    if not word.several_inputs:
        uncertain = name in vocabulary.standard
        first: Schema = {} if uncertain else {"$ref": f"#/$defs/{name}.parameters"}
        without = ("do",) if name in vocabulary.types else ("do", "init")
        return _alone(name, without=without, first=first)
    forms: list[Schema] = [
        {"properties": {name: {"type": "null"}, "from": {"type": "array"}}, "required": ["from"]},
        {"properties": {name: {"type": "array"}, "from": False}},
    ]
    if name in JOINS:
        forms.append({"properties": {name: {"type": "object"}, "from": {"type": "string"}}})
    return _only(name, without=("do", "first", "init")) | {"anyOf": forms}


def _alone(name: str, *, without: tuple[str, ...], first: Schema | None = None) -> Schema:
    """A node of one input with this type key and no other."""
    return {
        **_only(name, without=without),
        "allOf": [{"properties": {"from": {"type": "string"}, "first": {} if first is None else first}}],
    }


def _only(name: str, *, without: tuple[str, ...]) -> Schema:
    """A node with no other keys than this one and the siblings that may stand beside it."""
    return closed({key: QUIET for key in (name, *SIBLINGS) if key not in without})


def _only_a_type() -> Schema:
    return {"propertyNames": {"not": {"enum": list(SIBLINGS)}}}


def _residual() -> Schema:
    return closed(
        {
            "body": LAYERS | {"description": "The layers beside the shortcut."},
            "shortcut": {
                "description": "What is added to the body's output: its input (`identity`), a 1x1 "
                "convolution with `batch_norm` where shapes change (`projection`), a subsampled input with "
                "zero channels (`zero_pad`), nothing (`none`), or a list of layers. Default: `identity`.",
                "default": "identity",
                "anyOf": [{"enum": list(SHORTCUTS)}, LAYERS, EXPRESSION],
            },
            "norm": {
                "description": "The normalisation of a `projection`. Default: `batch_norm`.",
                "default": "batch_norm",
                "anyOf": [{"$ref": "#/$defs/layer_value"}],
            },
        },
        required=("body",),
    )


def _init(initializers: Mapping[str, Word]) -> Schema:
    """What begins each weight: a word, or a mapping of one word to its parameters."""
    words: list[Schema] = [
        {"const": word.name, "description": word.text} for word in initializers.values() if word.needs_nothing
    ]
    mapping = closed({name: call_schema(word) for name, word in initializers.items()})
    mapping |= {"minProperties": 1, "maxProperties": 1}
    asked = {name: need_schema(word) for name, word in initializers.items() if word.required}
    initializer = any_of(*words, mapping | {"allOf": [{"properties": asked}]}, EXPRESSION)
    texts = {
        "weight": "How the main weight begins.",
        "bias": "How the bias begins.",
    }
    return {
        "type": "object",
        "properties": {name: initializer | {"description": text} for name, text in texts.items()},
        "additionalProperties": initializer,
    }
