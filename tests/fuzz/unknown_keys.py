"""A key that nobody knows, put into every mapping of the language whose keys are settled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar
from tests.fuzz.cases import Source

UNKNOWN = "qqzzqq"
SIBLINGS = {"name", "from", "repeat", "first", "when", "init", "do"}
JOINS = {"add", "concat", "multiply"}


@dataclass(frozen=True, slots=True)
class Spot:
    """A mapping with settled keys, and what it is."""

    what: str
    mapping: YamlMap


def with_unknown_keys(source: Source) -> Iterator[tuple[str, int, str]]:
    """Every such file: what the mapping is, the line of the unknown key, and the text."""
    tree = parse_yaml(source.text, source.path.name)
    assert isinstance(tree, YamlMap)
    spots = _study(tree) if source.kind == "study" else _architecture(tree)
    for spot in spots:
        line, text = _insert(source.text, spot.mapping)
        yield spot.what, line, text


def _insert(text: str, mapping: YamlMap) -> tuple[int, str]:
    """The text with the key after the others of a mapping, or before them where it is written in braces."""
    lines = text.split("\n")
    at = mapping.place
    line, start = lines[at.line - 1], at.column - 1
    if line[start] == "{":
        comma = ", " if mapping.entries else ""
        lines[at.line - 1] = f"{line[: start + 1]}{UNKNOWN}: 1{comma}{line[start + 1 :]}"
        return at.line, "\n".join(lines)
    after = _last_line(mapping)
    lines.insert(after, f"{' ' * start}{UNKNOWN}: 1")
    return after + 1, "\n".join(lines)


def _last_line(yaml: Yaml) -> int:
    match yaml:
        case YamlScalar(place=place, further=further):
            return max(place.line, *(each.line for each in further), 0)
        case YamlList(items=items):
            return max((yaml.place.line, *map(_last_line, items)))
        case YamlMap(entries=entries):
            return max((yaml.place.line, *(max(_last_line(e.key), _last_line(e.value)) for e in entries)))


def _maps(yaml: Yaml | None) -> Iterator[tuple[str, YamlMap]]:
    """The mappings in a mapping's values or a list's items."""
    if isinstance(yaml, YamlMap):
        yield from ((entry.name, entry.value) for entry in yaml if isinstance(entry.value, YamlMap))
    elif isinstance(yaml, YamlList):
        yield from ((str(n), item) for n, item in enumerate(yaml) if isinstance(item, YamlMap))


def _architecture(tree: YamlMap) -> Iterator[Spot]:
    yield Spot("top level", tree)
    for name, variant in _maps(tree.get("variants")):
        yield Spot(f"variant {name}", variant)
    for name, default in _maps(tree.get("defaults")):
        yield Spot(f"default of {name}", default)
    for name, block in _maps(tree.get("blocks")):
        yield Spot(f"block {name}", block)
        for parameter, declared in _maps(block.get("params")):
            yield Spot(f"parameter {parameter} of block {name}", declared)
        for spot in _layers(block.get("layers")):
            yield Spot(f"{spot.what}, in block {name}", spot.mapping)
    yield from _layers(tree.get("layers"))
    for number, entry in _maps(tree.get("expect")):
        yield Spot(f"expectation {number}", entry)


def _layers(layers: Yaml | None) -> Iterator[Spot]:
    for number, node in _maps(layers):
        kind = next(entry for entry in node if entry.name not in SIBLINGS)
        yield Spot(f"node {number} of type {kind.name}", node)
        yield from _layers(node.get("do"))
        if isinstance(first := node.get("first"), YamlMap):
            yield Spot(f"first beside {kind.name}", first)
        if kind.name == "foreach" or not isinstance(kind.value, YamlMap):
            continue
        if kind.name in JOINS:
            for branch in kind.value:
                yield from _layers(branch.value)
            continue
        yield Spot(f"parameters of {kind.name}", kind.value)
        if kind.name == "residual":
            yield from _layers(kind.value.get("body"))
            yield from _layers(kind.value.get("shortcut"))


def _study(tree: YamlMap) -> Iterator[Spot]:
    yield from _part("study", tree)
    for name, variant in _maps(tree.get("variants")):
        yield from _part(f"variant {name}", variant)


def _part(what: str, tree: YamlMap) -> Iterator[Spot]:
    """What the top level, a variant, an override and an architecture's entry have in common."""
    yield Spot(what, tree)
    for name, pair in _maps(tree.get("layers")):
        yield Spot(f"{what}: pair {name}", pair)
        yield from _layers(pair)
    if isinstance(train := tree.get("train"), YamlMap):
        yield Spot(f"{what}: train", train)
        for word in ("optimizer", "schedule"):
            yield from (Spot(f"{what}: {word} {name}", chosen) for name, chosen in _maps(train.get(word)))
    if isinstance(when := tree.get("when"), YamlMap):
        yield Spot(f"{what}: when", when)
    if isinstance(variables := tree.get("vars"), YamlMap):
        yield Spot(f"{what}: vars", variables)
    for _, dataset in _maps(tree.get("datasets")):
        yield from (Spot(f"{what}: options of {name}", options) for name, options in _maps(dataset))
    for name, entry in _maps(tree.get("architectures")):
        yield from _part(f"{what}: architecture {name}", entry)
    for name, override in _maps(tree.get("override")):
        yield from _part(f"{what}: override {name}", override)
