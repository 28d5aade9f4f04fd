"""The architecture document: what stands in the file, checked for form, not yet for meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field

from cnnbuild.errors import Place, Problem, Problems, did_you_mean
from cnnbuild.lang.nodes import Node, parse_layers
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar, describe, read_yaml
from cnnbuild.lang.validation import Settings, validate

FORMAT_VERSION = 1
TOP_LEVEL = (
    "cnnbuild", "name", "description", "source", "vars", "variants", "uses", "defaults", "blocks", "layers",
    "outputs", "expect", "weights",
)  # fmt: skip
NOT_YET = ("uses", "outputs", "weights")
RESERVED_NAMES = frozenset({"data", "in", "block", "prev", "i", "true", "false", "null", "and", "or", "not", "if", "else"})
PARAMETER_TYPES = ("int", "float", "bool", "str", "layer", "list")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

PositiveInt: TypeAlias = Annotated[int, Field(ge=1)]


class Expectation(Settings):
    """One entry of `expect:`: what a variant must come to."""

    input: tuple[PositiveInt, PositiveInt, PositiveInt]
    classes: PositiveInt
    variant: str | None = None
    vars: dict[str, object] = {}
    parameters: int | None = None
    macs: int | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a block: its type, and its default unless it is required."""

    name: str
    kind: str
    default: Yaml | None
    place: Place


@dataclass(frozen=True, slots=True)
class Block:
    """A block of layers that can be called like a layer type."""

    name: str
    parameters: Mapping[str, Parameter]
    layers: tuple[Node, ...]
    place: Place
    file: str

    @property
    def primary(self) -> str | None:
        """The parameter that a scalar sets: the only required one, if there is just one."""
        required = [parameter.name for parameter in self.parameters.values() if parameter.default is None]
        return required[0] if len(required) == 1 else None


@dataclass(frozen=True)
class ArchitectureDocument:
    """An architecture file. `expectations` stand with the place of each."""

    file: str
    name: str
    layers: tuple[Node, ...]
    place: Place
    description: str = ""
    source: str = ""
    vars: Mapping[str, YamlEntry] = field(default_factory=dict)
    variants: Mapping[str, YamlMap] = field(default_factory=dict)
    defaults: Mapping[str, YamlMap] = field(default_factory=dict)
    blocks: Mapping[str, Block] = field(default_factory=dict)
    expectations: tuple[tuple[Expectation, Place], ...] = ()
    warnings: tuple[Problem, ...] = ()


def read_architecture(path: Path) -> ArchitectureDocument:
    """An architecture file as a document.

    Raises:
        DocumentError: the file has faults; all faults of form are reported together.
        UsageError: the file cannot be read.
    """
    return parse_architecture(read_yaml(path), default_name=path.stem)


def parse_architecture(yaml: Yaml, *, default_name: str = "network") -> ArchitectureDocument:
    """A YAML tree as an architecture document.

    Raises:
        DocumentError: the tree has faults; all faults of form are reported together.
    """
    problems = Problems()
    if not isinstance(yaml, YamlMap):
        problems.add(f"an architecture file is a mapping, not {describe(yaml)}", yaml.place, help="start with `cnnbuild: 1`")
        problems.raise_if_any()
        raise TypeError  # not reached: the line above raised
    _check_top_level(yaml, problems)
    document = ArchitectureDocument(
        file=yaml.place.file,
        name=_text(yaml, "name", problems) or default_name,
        description=_text(yaml, "description", problems),
        source=_text(yaml, "source", problems),
        place=yaml.place,
        layers=parse_layers(yaml.get("layers"), problems, what="the architecture", place=yaml.place),
        vars=_named_entries(yaml, "vars", problems),
        variants=_variants(yaml, problems),
        defaults=_defaults(yaml, problems),
        blocks=_blocks(yaml, problems),
        expectations=_expectations(yaml, problems),
    )
    if not document.layers and not problems.errors:
        problems.add("the list of layers is empty", yaml.place, help="add a layer under `layers:`")
    problems.raise_if_any()
    return document


def check_format_version(yaml: YamlMap, problems: Problems) -> None:
    """Report a missing or unknown `cnnbuild:` version."""
    version = yaml.get("cnnbuild")
    if version is None:
        problems.add("the file does not say its format version", yaml.place, help=f"add `cnnbuild: {FORMAT_VERSION}` at the top")
    elif not isinstance(version, YamlScalar) or version.value != FORMAT_VERSION or version.value is True:
        problems.add(
            f"this version of cnnbuild reads format {FORMAT_VERSION}, not {describe(version)}",
            version.place,
            help=f"write `cnnbuild: {FORMAT_VERSION}`",
        )


def _check_top_level(yaml: YamlMap, problems: Problems) -> None:
    check_format_version(yaml, problems)
    for entry in yaml:
        if entry.name in NOT_YET:
            problems.add(f"'{entry.name}' is not supported by this version of cnnbuild", entry.key.place, help="remove it")
        elif entry.name not in TOP_LEVEL:
            hint = did_you_mean(entry.name, TOP_LEVEL, listing="known keys")
            problems.add(f"unknown key '{entry.name}' in the architecture", entry.key.place, help=hint)


def _text(yaml: YamlMap, name: str, problems: Problems) -> str:
    value = yaml.get(name)
    if value is None:
        return ""
    if isinstance(value, YamlScalar) and value.value is not None:
        return value.text
    problems.add(f"'{name}' is a text, not {describe(value)}", value.place)
    return ""


def _entries(yaml: YamlMap, name: str, problems: Problems) -> tuple[YamlEntry, ...]:
    """The entries of a mapping section; none where it is absent or faulty."""
    value = yaml.get(name)
    if value is None:
        return ()
    if isinstance(value, YamlMap):
        return value.entries
    problems.add(f"'{name}' is a mapping, not {describe(value)}", value.place)
    return ()


def _named_entries(yaml: YamlMap, section: str, problems: Problems) -> dict[str, YamlEntry]:
    found = {}
    for entry in _entries(yaml, section, problems):
        if _name_is_sound(entry.key, f"a name in '{section}'", problems):
            found[entry.name] = entry
    return found


def _name_is_sound(key: YamlScalar, what: str, problems: Problems) -> bool:
    name = str(key.value)
    if name in RESERVED_NAMES:
        problems.add(f"'{name}' is a word of the language", key.place, help="choose another name")
        return False
    if not _NAME.fullmatch(name):
        problems.add(
            f"{what} is made of letters, digits and '_', and begins with no digit, unlike '{name}'", key.place
        )
        return False
    return True


def _variants(yaml: YamlMap, problems: Problems) -> dict[str, YamlMap]:
    known = {entry.name for entry in _entries(yaml, "vars", Problems())}
    variants: dict[str, YamlMap] = {}
    for entry in _entries(yaml, "variants", problems):
        if not isinstance(entry.value, YamlMap):
            problems.add(
                f"a variant is a mapping of variables, not {describe(entry.value)}", entry.value.place,
                help=f"write `{entry.name}: {{}}` for a variant that changes nothing",
            )  # fmt: skip
            continue
        for assigned in entry.value:
            if assigned.name not in known:
                hint = did_you_mean(assigned.name, known, listing="known variables")
                problems.add(f"the variant '{entry.name}' sets an unknown variable '{assigned.name}'", assigned.key.place, help=hint)
        variants[entry.name] = entry.value
    return variants


def _defaults(yaml: YamlMap, problems: Problems) -> dict[str, YamlMap]:
    defaults: dict[str, YamlMap] = {}
    for entry in _entries(yaml, "defaults", problems):
        if isinstance(entry.value, YamlMap):
            defaults[entry.name] = entry.value
        else:
            problems.add(
                f"the defaults of '{entry.name}' are a mapping of parameters, not {describe(entry.value)}", entry.value.place
            )
    return defaults


def _blocks(yaml: YamlMap, problems: Problems) -> dict[str, Block]:
    blocks: dict[str, Block] = {}
    for entry in _entries(yaml, "blocks", problems):
        if not _name_is_sound(entry.key, "a block's name", problems):
            continue
        if not isinstance(entry.value, YamlMap):
            problems.add(
                f"the block '{entry.name}' is a mapping with `layers`, not {describe(entry.value)}", entry.value.place
            )
            continue
        for inner in entry.value:
            if inner.name not in {"params", "layers", "description"}:
                hint = did_you_mean(inner.name, ("params", "layers", "description"), listing="known keys")
                problems.add(f"unknown key '{inner.name}' in the block '{entry.name}'", inner.key.place, help=hint)
        layers = parse_layers(
            entry.value.get("layers"), problems, what=f"the block '{entry.name}'", place=entry.key.place
        )
        parameters = {
            name: _parameter(name, declared, problems)
            for name, declared in _named_entries(entry.value, "params", problems).items()
        }
        blocks[entry.name] = Block(entry.name, parameters, layers, entry.key.place, yaml.place.file)
    return blocks


def _parameter(name: str, entry: YamlEntry, problems: Problems) -> Parameter:
    value = entry.value
    if isinstance(value, YamlMap):
        return _layer_parameter(name, value, problems)
    if isinstance(value, YamlList):
        return Parameter(name, "list", value, entry.key.place)
    if isinstance(value.value, str) and value.value in PARAMETER_TYPES and not value.quoted:
        return Parameter(name, value.value, None, entry.key.place)
    kinds = {bool: "bool", int: "int", float: "float", str: "str"}
    kind = kinds.get(type(value.value))
    if kind is None:
        problems.add(f"the parameter '{name}' has neither a type nor a default", entry.key.place, help="write `int`, or a number")
    return Parameter(name, kind or "any", value, entry.key.place)


def _layer_parameter(name: str, value: YamlMap, problems: Problems) -> Parameter:
    kind, default = value.get("type"), value.get("default")
    for inner in value:
        if inner.name not in {"type", "default"}:
            hint = did_you_mean(inner.name, ("type", "default"), listing="known keys")
            problems.add(f"unknown key '{inner.name}' in the parameter '{name}'", inner.key.place, help=hint)
    if not isinstance(kind, YamlScalar) or kind.value not in PARAMETER_TYPES:
        problems.add(
            f"the parameter '{name}' needs a type, one of {', '.join(PARAMETER_TYPES)}",
            kind.place if kind is not None else value.place,
        )
        return Parameter(name, "any", default, value.place)
    return Parameter(name, str(kind.value), default, value.place)


def _expectations(yaml: YamlMap, problems: Problems) -> tuple[tuple[Expectation, Place], ...]:
    section = yaml.get("expect")
    if section is None:
        return ()
    if not isinstance(section, YamlList):
        problems.add(f"'expect' is a list, not {describe(section)}", section.place, help="begin each entry with `- `")
        return ()
    known = {entry.name for entry in _entries(yaml, "variants", Problems())}
    found = []
    for item in section:
        expectation = validate(Expectation, item, problems, what="an entry of 'expect'")
        if expectation is None:
            continue
        if expectation.variant is not None and expectation.variant not in known:
            hint = did_you_mean(expectation.variant, known, listing="known variants")
            problems.add(f"there is no variant '{expectation.variant}'", item.place, help=hint)
            continue
        found.append((expectation, item.place))
    return tuple(found)
