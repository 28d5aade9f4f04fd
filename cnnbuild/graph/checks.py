"""What is wrong with a network as a whole, and what in its file changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cnnbuild.errors import Place, Problems
from cnnbuild.graph.arguments import report_unknown_parameter
from cnnbuild.graph.graph import Graph, Tensor
from cnnbuild.graph.unknown_types import report_unknown_type
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.nodes import Node
from cnnbuild.lang.source import Yaml, YamlMap, YamlScalar, to_plain
from cnnbuild.lang.tokens import ExpressionError
from cnnbuild.lang.values import has_expression, parse_template
from cnnbuild.layers.base import format_shape
from cnnbuild.layers.registry import STRUCTURAL, Registry


def report_loose_ends(
    document: ArchitectureDocument, graph: Graph, output: Tensor, problems: Problems
) -> None:
    """Report an output that does not give one number per class, and nodes whose output nobody uses."""
    last = document.layers[-1]
    place = graph.nodes[output.node].origin if output.node >= 0 else last.place
    expected = (graph.contract.classes,)
    if output.shape is not None and output.shape != expected:
        problems.add(
            f"the network ends with {format_shape(output.shape)}, and {graph.contract.classes} classes need "
            f"{format_shape(expected)}",
            place,
            help="end it with `- linear: $data.classes`"
            + ("" if len(output.shape) == 1 else ", after `- flatten`"),
        )
    used = graph.consumers()
    for index, node in enumerate(graph.nodes):
        if not used[index]:
            problems.add(
                f"nobody uses the output of '{node.name}'",
                node.origin,
                help="refer to it with `from:` or a join, or remove it",
                context=node.trail,
            )


def report_built_in_names(document: ArchitectureDocument, registry: Registry, problems: Problems) -> None:
    """Report blocks that are called like a built-in type."""
    for block in document.blocks.values():
        if block.name in registry or block.name in STRUCTURAL:
            problems.add(
                f"'{block.name}' is a built-in layer type", block.place, help="give the block another name"
            )


def report_faulty_defaults(document: ArchitectureDocument, registry: Registry, problems: Problems) -> None:
    """Report defaults of what is no layer type, and of parameters that the type does not have."""
    for name, defaults in document.defaults.items():
        layer_type = registry.get(name)
        place = document.default_places[name]
        if layer_type is not None:
            for entry in defaults:
                if entry.name not in layer_type.model_fields:
                    report_unknown_parameter(entry, name, tuple(layer_type.model_fields), problems, ())
        elif name in document.blocks:
            problems.add(
                f"'{name}' is a block, and defaults are for layer types",
                place,
                help="give its parameters defaults in `params:`",
            )
        elif name in STRUCTURAL:
            problems.add(f"'{name}' has no parameters that could have defaults", place, help="remove it")
        else:
            report_unknown_type(problems, name, place, registry.words)


def report_unused_words(document: ArchitectureDocument, problems: Problems) -> None:
    """Warn of variables, parameters, blocks and defaults that change nothing in any variant."""
    top = _names(
        [
            *(text for node in document.layers for text in _texts_of(node)),
            *(text for entry in document.vars.values() for text in _texts_in(entry.value)),
            *(text for variant in document.variants.values() for text in _texts_in(variant)),
            *(text for defaults in document.defaults.values() for text in _texts_in(defaults)),
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
    for block in document.blocks.values():
        if block.name not in words and not chosen_outside:
            problems.add(
                f"the block '{block.name}' is never called", block.place, help="remove it", severity="warning"
            )
        inside = _names(
            [
                *(text for node in block.layers for text in _texts_of(node)),
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
    used = {word for node in _all_nodes(document) for word in _type_words(node)}
    for name in document.defaults:
        if name not in used:
            problems.add(
                f"the defaults of '{name}' change nothing: the file has no '{name}'",
                document.default_places[name],
                help="remove them",
                severity="warning",
            )


def report_unheeded_firsts(firsts: Mapping[Place, bool], problems: Problems) -> None:
    """Warn of each `first` that never met a copy 0; `firsts` says of each place whether it did."""
    for place, heeded in firsts.items():
        if not heeded:
            problems.add(
                "'first' changes nothing: there is no copy 0",
                place,
                help="`repeat` is 0, or `when` drops that copy: `first` is not for the first that is kept",
                severity="warning",
            )


def _same(one: Yaml, other: Yaml) -> bool:
    """Whether two values were written alike; 1 and true are not."""
    return repr(to_plain(one)) == repr(to_plain(other))


def _type_words(node: Node) -> Iterator[str]:
    yield str(node.type.value)
    for nodes in node.lists.values():
        for inner in nodes:
            yield from _type_words(inner)


def _all_nodes(document: ArchitectureDocument) -> list[Node]:
    return [*document.layers, *(node for block in document.blocks.values() for node in block.layers)]


def _has_variable_type(node: Node) -> bool:
    """Whether a type key here is an expression: `--set unit=wide` may then call any block."""
    inner = (_has_variable_type(n) for nodes in node.lists.values() for n in nodes)
    return has_expression(str(node.type.value)) or any(inner)


def _words(document: ArchitectureDocument) -> set[str]:
    """Every text that could name a block: type keys, and the values of variables and arguments."""
    texts = {text for node in _all_nodes(document) for text in _texts_of(node)}
    for yaml in (*(entry.value for entry in document.vars.values()), *document.variants.values()):
        texts.update(_texts_in(yaml))
    for block in document.blocks.values():
        texts.update(text for p in block.parameters.values() if p.default for text in _texts_in(p.default))
    quoted = {piece for text in texts if has_expression(text) for piece in text.split("'")[1::2]}
    return texts | quoted


def _names(texts: Iterable[str]) -> set[str]:
    names: set[str] = set()
    for text in texts:
        if has_expression(text):
            try:
                names |= parse_template(text).names()
            except ExpressionError:
                continue  # reported where the text is evaluated
    return names


def _texts_of(node: Node) -> Iterator[str]:
    """Every text written in a node and in the lists inside it."""
    parts = (node.type, node.arguments, node.name, node.source, node.repeat, node.first, node.when, node.init)
    for part in parts:
        if part is not None:
            yield from _texts_in(part)
    for nodes in node.lists.values():
        for inner in nodes:
            yield from _texts_of(inner)


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
