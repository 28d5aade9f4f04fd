"""What can be said of a call without elaborating it: its type, and the names of its parameters.

Elaboration says the same, and more, of every node that it reaches; this is for those that it does not: in
blocks that nobody calls, behind a `when` that says no, in a file of blocks.
"""

from __future__ import annotations

from collections.abc import Iterable

from cnnbuild.errors import Problems
from cnnbuild.graph.idle import report_idle_parameters
from cnnbuild.graph.unknown_types import report_unknown_parameter, report_unknown_type
from cnnbuild.lang.blocks import Block
from cnnbuild.lang.library import Library
from cnnbuild.lang.nodes import JOINS, Node, walk
from cnnbuild.lang.scope import Scope
from cnnbuild.lang.source import YamlMap, YamlScalar, scalars
from cnnbuild.lang.values import has_expression, paths_in
from cnnbuild.layers.registry import STRUCTURAL, Registry
from cnnbuild.layers.standard_blocks import standard_block, standard_block_names
from cnnbuild.texts import did_you_mean

SEEN_IN_BLOCKS = frozenset({"data", "in", "block", "i"})
OF_TENSORS = frozenset({"channels", "height", "width", "features"})
ATTRIBUTES = {
    "data": frozenset({"channels", "height", "width", "classes"}),
    "in": OF_TENSORS,
    "block": OF_TENSORS,
}


def report_faulty_calls(nodes: Iterable[Node], scope: Scope, registry: Registry, problems: Problems) -> None:
    """Report types that do not exist and parameters that a type or block does not have."""
    for node in walk(nodes):
        _warn_of_i_in_first(node, problems)
        word = node.type.value
        if node.faulty or not isinstance(word, str) or has_expression(word):
            continue
        if (layer_type := registry.get(word)) is not None:
            known = tuple(layer_type.model_fields)
        elif (block := find_block(word, scope)) is not None:
            known = tuple(block[0].parameters)
        else:
            if word not in STRUCTURAL and not scope.incomplete:
                words = (*registry.words, *scope.names(), *standard_block_names(), *STRUCTURAL)
                report_unknown_type(problems, word, node.place, words)
            continue
        if word in JOINS and node.lists:
            continue  # the keys are names of branches
        for written in (node.arguments, node.first):
            for entry in written if isinstance(written, YamlMap) else ():
                if entry.name not in known:
                    report_unknown_parameter(entry, word, known, problems, ())


def _warn_of_i_in_first(node: Node, problems: Problems) -> None:
    for scalar in scalars(node.first) if node.first is not None else ():
        if ("i",) in paths_in(scalar.value):
            problems.add(
                "`i` is always 0 in 'first': it is the number of the copy",
                scalar.place,
                help="for the number of a row, make it a column: `foreach: {row: $(range(4)), …}`",
                severity="warning",
            )


def report_unknown_names(block: Block, problems: Problems) -> None:
    """Report expressions of a block that look up what is neither a parameter nor known everywhere."""
    known = {*block.parameters, *SEEN_IN_BLOCKS}
    known |= {name for node in walk(block.layers) if node.type.value == "foreach" for name in _columns(node)}
    for node in walk(block.layers):
        for part in (node.type, node.arguments, node.name, node.source, node.repeat, node.first, node.when):
            for scalar in scalars(part) if part is not None and not node.faulty else ():
                _report_unknown_paths(scalar, known, block, problems)


def _report_unknown_paths(scalar: YamlScalar, known: set[str], block: Block, problems: Problems) -> None:
    for path in sorted(paths_in(scalar.value)):
        attributes = ATTRIBUTES.get(path[0], frozenset())
        if path[0] not in known:
            message, hint = f"unknown name '{path[0]}'", did_you_mean(path[0], known, listing="known names")
        elif len(path) > 1 and attributes and path[1] not in attributes:
            message = f"'{path[0]}' has no attribute '{path[1]}'"
            hint = did_you_mean(path[1], attributes, listing="it has")
        else:
            continue
        problems.add(message, scalar.place, help=hint, context=(f"in block '{block.name}'",))


def library_faults(library: Library, registry: Registry) -> Problems:
    """What is wrong with a file of blocks, as far as it can be told without a network that calls them."""
    from cnnbuild.graph.scopes import report_faulty_scopes

    problems = Problems()
    problems.extend(library.faults)
    report_faulty_scopes(library.scope, registry, problems)
    for block in library.scope.blocks.values():
        report_faulty_calls(block.layers, library.scope, registry, problems)
        report_unknown_names(block, problems)
        report_idle_parameters(block, problems)
    return problems


def find_block(word: str, scope: Scope) -> tuple[Block, Scope] | None:
    """The block that a word names: the file's own, one of a file that it uses, or a standard one."""
    if (found := scope.find(word)) is not None:
        return found
    return standard_block(word).scope.find(word) if word in standard_block_names() else None


def _columns(node: Node) -> list[str]:
    return [entry.name for entry in node.arguments] if isinstance(node.arguments, YamlMap) else []
