"""What in a file changes nothing in any variant: variables, parameters, blocks, defaults, variants, uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cnnbuild.errors import Problems
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.blocks import Block
from cnnbuild.lang.nodes import Node, walk
from cnnbuild.lang.outputs import HeadNode
from cnnbuild.lang.source import Yaml, YamlMap, YamlScalar, to_plain
from cnnbuild.lang.values import has_expression, paths_in


def report_unused_words(document: ArchitectureDocument, problems: Problems) -> None:
    """Warn of variables, parameters, blocks and defaults that change nothing in any variant."""
    top = _names(
        [
            *(text for node in walk(document.layers) for text in _texts_of(node)),
            *(text for entry in document.vars.values() for text in _texts_in(entry.value)),
            *(text for variant in document.variants.values() for text in _texts_in(variant)),
            *(text for defaults in document.scope.defaults.values() for text in _texts_in(defaults)),
            *(text for head in document.outputs for text in _texts_of_head(head)),
            *(str(rule.value.value) for each in document.weight_maps for rule in each.rules),
        ]
    )
    words = _words(document)
    chosen_outside = any(_has_variable_type(node) for node in _all_nodes(document))
    for name, entry in document.vars.items():
        if name not in top:
            problems.add(
                f"the variable '{name}' changes nothing",
                entry.key.place,
                help="remove it",
                severity="warning",
            )
    for block in document.scope.blocks.values():
        if block.name not in words and not chosen_outside:
            problems.add(
                f"the block '{block.name}' is never called", block.place, help="remove it", severity="warning"
            )
        report_idle_parameters(block, problems)


def report_idle_parameters(block: Block, problems: Problems) -> None:
    """Warn of a block's parameters that nothing in it refers to."""
    inside = _names(
        [
            *(text for node in walk(block.layers) for text in _texts_of(node)),
            *(text for p in block.parameters.values() if p.default for text in _texts_in(p.default)),
        ]
    )
    for parameter in block.parameters.values():
        if parameter.name not in inside:
            problems.add(
                f"the parameter '{parameter.name}' of block '{block.name}' changes nothing",
                parameter.place,
                help="remove it",
                severity="warning",
            )


def report_idle_sections(document: ArchitectureDocument, problems: Problems) -> None:
    """Warn of variants that set what the file says anyway, and of defaults of types that it never uses."""
    for name, variant in document.variants.items():
        known = [(document.vars.get(entry.name), entry) for entry in variant]
        if known and all(old and _same(old.value, entry.value) for old, entry in known):
            problems.add(
                f"the variant '{name}' sets only what `vars` say anyway",
                variant.place,
                help=f"write `{name}: {{}}`, or another value",
                severity="warning",
            )
    if any(_has_variable_type(node) for node in _all_nodes(document)):
        return  # any type may be reached: `--set unit=max_pool`
    used = {str(node.type.value) for node in _all_nodes(document)}
    for name in document.scope.defaults:
        if name not in used:
            problems.add(
                f"the defaults of '{name}' change nothing: the file has no '{name}'",
                document.scope.default_places[name],
                help="remove them",
                severity="warning",
            )


def _same(one: Yaml, other: Yaml) -> bool:
    """Whether two values were written alike; 1 and true are not."""
    return repr(to_plain(one)) == repr(to_plain(other))


def _all_nodes(document: ArchitectureDocument) -> Iterator[Node]:
    yield from walk(document.layers)
    for block in document.scope.blocks.values():
        yield from walk(block.layers)


def _has_variable_type(node: Node) -> bool:
    """Whether a type key is an expression: `--set unit=wide` may then call any block."""
    return has_expression(str(node.type.value))


def _words(document: ArchitectureDocument) -> set[str]:
    """Every text that could name a block: type keys, and the values of variables and arguments."""
    texts = {text for node in _all_nodes(document) for text in _texts_of(node)}
    for yaml in (*(entry.value for entry in document.vars.values()), *document.variants.values()):
        texts.update(_texts_in(yaml))
    for block in document.scope.blocks.values():
        texts.update(text for p in block.parameters.values() if p.default for text in _texts_in(p.default))
    quoted = {piece for text in texts if has_expression(text) for piece in text.split("'")[1::2]}
    return texts | quoted


def _names(texts: Iterable[str]) -> set[str]:
    return {path[0] for text in texts for path in paths_in(text)}


def _texts_of(node: Node) -> Iterator[str]:
    """Every text written in a node, without the lists inside it."""
    parts = (node.type, node.arguments, node.name, node.source, node.repeat, node.first, node.when, node.init)
    for part in parts:
        if part is not None:
            yield from _texts_in(part)


def _texts_of_head(head: HeadNode) -> Iterator[str]:
    """Every text written in an entry of `outputs`."""
    for part in (head.source, head.weight, head.train_only, head.when):
        if part is not None:
            yield from _texts_in(part)


def _texts_in(yaml: Yaml) -> Iterator[str]:
    if isinstance(yaml, YamlScalar):
        if isinstance(yaml.value, str):
            yield yaml.value
    elif isinstance(yaml, YamlMap):
        for entry in yaml:
            yield entry.name
            yield from _texts_in(entry.value)
    else:
        for item in yaml:
            yield from _texts_in(item)
