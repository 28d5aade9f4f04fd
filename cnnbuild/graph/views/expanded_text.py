"""An expanded network as the text of an architecture file, each value with a comment that says its origin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.expanded import ExpandedNode, expand
from cnnbuild.lang.source import Plain
from cnnbuild.layers.base import format_shape

COMMENT_COLUMN = 46
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS_WITH_MEANING = frozenset({"true", "false", "null"})


def expanded_text(graph: Graph, *, file: str, written_only: bool = False) -> str:
    """The text of an architecture file without variables, blocks or repetitions.

    `written_only` leaves out the values that nobody wrote.
    """
    size = "x".join(str(n) for n in graph.contract.shape)
    variant = f"@{graph.variant}" if graph.variant else ""
    lines = [
        f"# {file}{variant}, resolved for {size} images and {graph.contract.classes} classes",
        "cnnbuild: 1",
        f"name: {_flow(graph.name)}",
        "layers:",
    ]
    nodes = expand(graph, file=file)
    referred = _referred(nodes, graph)
    trail: tuple[str, ...] = ()
    for node in nodes:
        if node.trail != trail:
            trail = node.trail
            lines += [f"  # {' <- '.join(trail)}" if trail else "  # at the top level"]
        lines += _node_lines(node, named=node.name in referred, written_only=written_only)
    if graph.heads:
        lines.append("outputs:")
        for head in graph.heads:
            train_only = ", train_only: true" if head.train_only else ""
            lines.append(
                f"  {head.name}: {{from: {nodes[head.node].name}, weight: {_flow(head.weight)}{train_only}}}"
            )
    return "\n".join(lines)


def _referred(nodes: tuple[ExpandedNode, ...], graph: Graph) -> set[str]:
    """The names that are referred to, and those of nodes with weights, which are worth one.

    Where one of them is a type and a number (`max_pool_2`), all nodes of that type have theirs: those without
    a name are counted, and one of them would be called the same.
    """
    used = {name for node in nodes if not node.follows for name in node.inputs}
    used |= {node.shares for node in nodes if node.shares}
    used |= {nodes[head.node].name for head in graph.heads}
    used |= {nodes[n].name for n, node in enumerate(graph.nodes) if node.weight_shapes}
    counted = {word for word, _, number in (name.rpartition("_") for name in used) if number.isdigit()}
    return used | {node.name for node in nodes if node.type in counted}


def _node_lines(node: ExpandedNode, *, named: bool, written_only: bool) -> Iterator[str]:
    note = f"{node.key} -> {format_shape(node.shape)}, {node.origin}"
    shown = {
        name: argument
        for name, argument in node.arguments.items()
        if not (written_only and argument.is_default)
    }
    joined = len(node.inputs) > 1
    if node.shares is not None:
        yield _commented(f"  - share: {node.shares}", note)
        shown = {}
    elif joined and not node.arguments:
        yield _commented(f"  - {node.type}: [{', '.join(node.inputs)}]", note)
    else:
        siblings = named or node.initial or not node.follows
        yield _commented(f"  - {node.type}{':' if shown or siblings else ''}", note)
    for name, argument in shown.items():
        yield _commented(f"      {name}: {_flow(argument.value)}", "; ".join(argument.origin))
    if named:
        yield f"    name: {node.name}"
    if joined and node.arguments:
        yield f"    from: [{', '.join(node.inputs)}]"
    elif not joined and not node.follows:
        yield f"    from: {node.inputs[0]}"
    if node.initial and node.shares is None:
        yield f"    init: {_flow(dict(node.initial))}"


def _commented(text: str, comment: str) -> str:
    return f"{text.ljust(COMMENT_COLUMN)}  # {comment}"


def _flow(value: Plain | Mapping[str, Plain]) -> str:
    """A value as YAML on one line.

    >>> _flow({"mode": "fan_out", "a": [1, None]})
    '{mode: fan_out, a: [1, null]}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    if isinstance(value, str) and _WORD.fullmatch(value) and value not in _WORDS_WITH_MEANING:
        return value
    return json.dumps(value.replace("$", "$$") if isinstance(value, str) else value)
