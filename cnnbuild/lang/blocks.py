"""Blocks: lists of layers with parameters, called like a layer type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.nodes import Node, parse_layers
from cnnbuild.lang.sections import name_is_sound, named_section, section
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar, describe
from cnnbuild.lang.values import has_expression
from cnnbuild.texts import did_you_mean

PARAMETER_TYPES = ("int", "float", "bool", "str", "layer", "list")
_OTHER_WORDS = {
    "integer": "int", "number": "float", "double": "float", "boolean": "bool", "string": "str", "text": "str",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a block: its type, and its default unless it is required.

    A list may have to be of a certain `length`.
    """

    name: str
    kind: str
    default: Yaml | None
    place: Place
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A block of layers that can be called like a layer type."""

    name: str
    parameters: Mapping[str, Parameter]
    layers: tuple[Node, ...]
    place: Place
    file: str
    faulty: bool = False

    @property
    def primary(self) -> str | None:
        """The parameter that a scalar sets: the only required one, if there is just one."""
        required = [parameter.name for parameter in self.parameters.values() if parameter.default is None]
        return required[0] if len(required) == 1 else None


def parse_blocks(yaml: YamlMap, problems: Problems) -> dict[str, Block]:
    """The blocks of a document; one that cannot be read is marked as faulty."""
    blocks: dict[str, Block] = {}
    for entry in section(yaml, "blocks", problems):
        place, found_before = entry.key.place, len(problems.found)
        name_is_sound(entry.key, "a block's name", problems)
        if not isinstance(entry.value, YamlMap):
            problems.add(
                f"the block '{entry.name}' is a mapping with `layers`, not {describe(entry.value)}",
                entry.value.place,
                help="write `params:` and `layers:` under its name",
            )
            blocks[entry.name] = Block(entry.name, {}, (), place, place.file, faulty=True)
            continue
        for inner in entry.value:
            if inner.name not in {"params", "layers", "description"}:
                hint = did_you_mean(inner.name, ("params", "layers", "description"), listing="known keys")
                problems.add(
                    f"unknown key '{inner.name}' in the block '{entry.name}'", inner.key.place, help=hint
                )
        parameters = {
            name: _parameter(name, declared, problems)
            for name, declared in named_section(entry.value, "params", problems).items()
        }
        faulty = len(problems.found) > found_before
        layers = parse_layers(
            entry.value.get("layers"), problems, what=f"the block '{entry.name}'", place=place
        )
        blocks[entry.name] = Block(entry.name, parameters, layers, place, place.file, faulty)
    return blocks


def _parameter(name: str, entry: YamlEntry, problems: Problems) -> Parameter:
    value = entry.value
    if isinstance(value, YamlMap):
        return _layer_parameter(name, value, problems)
    if isinstance(value, YamlList):
        return Parameter(name, "list", value, entry.key.place)
    if isinstance(value.value, str) and value.value in PARAMETER_TYPES and not value.quoted:
        return Parameter(name, value.value, None, entry.key.place)
    if isinstance(value.value, str) and value.value in _OTHER_WORDS and not value.quoted:
        problems.add(
            f"'{value.value}' is no type of a parameter",
            value.place,
            help=f"write `{_OTHER_WORDS[value.value]}`",
        )
    kinds = {bool: "bool", int: "int", float: "float", str: "str"}
    kind = kinds.get(type(value.value))
    if isinstance(value.value, str) and has_expression(value.value):
        kind = "any"  # what a computed default fixes is known in the call only
    if kind is None:
        problems.add(
            f"the parameter '{name}' has neither a type nor a default",
            entry.key.place,
            help="write `int`, or a default value",
        )
    return Parameter(name, kind or "any", value, entry.key.place)


def _layer_parameter(name: str, value: YamlMap, problems: Problems) -> Parameter:
    kind, default = value.get("type"), value.get("default")
    for inner in value:
        if inner.name not in {"type", "default", "length"}:
            hint = did_you_mean(inner.name, ("type", "default", "length"), listing="known keys")
            problems.add(f"unknown key '{inner.name}' in the parameter '{name}'", inner.key.place, help=hint)
    if not isinstance(kind, YamlScalar) or kind.value not in PARAMETER_TYPES:
        problems.add(
            f"the parameter '{name}' needs a type, one of {', '.join(PARAMETER_TYPES)}",
            kind.place if kind is not None else value.place,
            help=f"write `{name}: {{type: layer, default: relu}}`",
        )
        return Parameter(name, "any", default, value.place)
    return Parameter(name, str(kind.value), default, value.place, _length(str(kind.value), value, problems))


def _length(kind: str, value: YamlMap, problems: Problems) -> int | None:
    """The length that a list must have, where one is declared."""
    written = value.get("length")
    if written is None:
        return None
    length = written.value if isinstance(written, YamlScalar) else None
    if kind == "list" and isinstance(length, int) and not isinstance(length, bool) and length > 0:
        return length
    problems.add(
        f"a 'length' is a whole number above 0, for a parameter of type list, not {describe(written)} "
        f"for one of type {kind}",
        written.place,
        help="write `{type: list, length: 6}`",
    )
    return None
