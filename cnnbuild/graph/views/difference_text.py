"""A difference between two graphs as text, as Markdown and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from cnnbuild.graph.graph import GraphNode
from cnnbuild.graph.views.difference import (
    FIGURES,
    Change,
    Figure,
    GraphDiff,
    NodeDiff,
    arguments_of,
    field_in_words,
)
from cnnbuild.graph.views.summary import Json, caption
from cnnbuild.graph.views.summary.captions import format_bytes

SCHEMA_VERSION = 1
MARKS = {"same": " ", "changed": "~", "added": "+", "removed": "-"}
LABELS = {"macs": "MACs", "receptive field": "RF", "activation_bytes": "activations"}
LEAST_DETAILS = 30  # columns for what changed; where names leave less, it gets a line of its own


def difference_table(diff: GraphDiff, *, titles: tuple[str, str], width: int = 100) -> str:
    """What became of each node, one line each and folded where nothing did, and the totals.

    `titles` are what the two networks are called. Lines of nodes begin with `+`, `-` or `~`.
    """
    lines = [f"A  {titles[0]}", f"B  {titles[1]}", f"   for {_images(diff)}", ""]
    if diff.is_equal:
        count = len(diff.nodes)
        lines.append(
            f"no difference: {_counted(count, 'node')}, {diff.after.parameters:,} parameters in both"
        )
        return "\n".join(lines + _keys(diff))
    shown = [node for node in diff.nodes if node.kind != "same" and not node.only_sees_more]
    columns = (_longest(_name(node) for node in shown), _longest(_type(node) for node in shown))
    for fold, group in groupby(diff.nodes, key=_fold):
        nodes = list(group)
        if fold:
            lines.append(f"  … {_counted(len(nodes), 'node')} {fold}")
        else:
            lines += [line for node in nodes for line in _lines(node, columns, width)]
    lines += [f"~ {_change(change)}" for change in diff.outputs]
    counts = ", ".join(
        f"{diff.count(kind)} {kind}" for kind in ("added", "removed", "changed") if diff.count(kind)
    )
    return "\n".join([*lines, "", f"nodes: {counts or 'no difference'}", *_totals(diff.totals), *_keys(diff)])


def difference_markdown(diff: GraphDiff, *, titles: tuple[str, str]) -> str:
    """The same as tables in Markdown."""
    lines = [f"**A** {titles[0]}, **B** {titles[1]}, for {_images(diff)}", ""]
    if diff.is_equal:
        return "\n".join([*lines, f"No difference: {_counted(len(diff.nodes), 'node')}."])
    lines += ["| | layer | type | |", "|---|---|---|---|"]
    for fold, group in groupby(diff.nodes, key=_fold):
        nodes = list(group)
        if fold:
            lines.append(f"| | … {_counted(len(nodes), 'node')} {fold} | | |")
            continue
        for node in nodes:
            cells = (f"`{MARKS[node.kind]}`", f"`{_name(node)}`", _type(node), "<br>".join(_details(node)))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += [f"| `~` | {_change(change)} | | |" for change in diff.outputs]
    lines += ["", "| | A | B | difference |", "|---|--:|--:|--:|"]
    lines += ["| " + " | ".join(cells) + " |" for cells in map(_total_cells, diff.totals)]
    return "\n".join(lines)


def difference_to_dict(diff: GraphDiff, *, titles: tuple[str, str]) -> dict[str, Json]:
    """The same as JSON has it, every node included."""
    contract = diff.after.contract
    return {
        "schema": SCHEMA_VERSION,
        "a": titles[0],
        "b": titles[1],
        "input": list(contract.shape),
        "classes": contract.classes,
        "equal": diff.is_equal,
        "totals": {f.name: {"a": f.before, "b": f.after, "difference": f.difference} for f in diff.totals},
        "outputs": [_change_to_dict(change) for change in diff.outputs],
        "nodes": [_node_to_dict(node) for node in diff.nodes],
    }


def _node_to_dict(node: NodeDiff) -> dict[str, Json]:
    changes: list[Json] = [_change_to_dict(change) for change in node.changes]
    return {
        "kind": node.kind,
        "a": None if node.before is None else _side(node.before),
        "b": None if node.after is None else _side(node.after),
        "changes": changes,
    }


def _change_to_dict(change: Change) -> dict[str, Json]:
    return {"field": change.field, "a": change.before, "b": change.after}


def _side(node: GraphNode) -> dict[str, Json]:
    return {
        "name": node.name,
        "type": node.layer.type_name,
        "arguments": dict(arguments_of(node)),
        "output": list(node.shape),
        "parameters": node.parameters,
        "macs": node.macs,
        "receptive_field": field_in_words(node.field, flat=len(node.shape) == 1),
        "file": node.origin.file,
        "line": node.origin.line,
    }


def _fold(node: NodeDiff) -> str:
    """What a run of such nodes is folded to; nothing where each of them is shown."""
    if node.only_sees_more:
        return "unchanged but for their receptive field"
    return "unchanged" if node.kind == "same" else ""


def _lines(node: NodeDiff, columns: tuple[int, int], width: int) -> Iterator[str]:
    head = f"{MARKS[node.kind]} {_name(node).ljust(columns[0])}  {_type(node).ljust(columns[1])}  "
    indent = len(head)
    if width - indent < LEAST_DETAILS:
        yield head.rstrip()
        head, indent = " " * 6, 6
    text = "; ".join(_details(node))
    wrapped = textwrap.wrap(text, width - indent, break_long_words=False, break_on_hyphens=False) or [""]
    yield f"{head}{wrapped[0]}".rstrip()
    yield from (" " * indent + line for line in wrapped[1:])


def _name(node: NodeDiff) -> str:
    return node.node.name


def _type(node: NodeDiff) -> str:
    return caption(node.node.layer)


def _details(node: NodeDiff) -> list[str]:
    """What changed, each field with both values; of a node that only one graph has, what it is."""
    if node.changes:
        return [_change(change) for change in node.changes]
    it = node.node
    details = [f"output {_shape(list(it.shape))}"]
    details += ["weights of the same name shared"] if it.shared else []
    details += [f"{it.parameters:,} parameters"] if it.parameters else []
    return details + ([f"{it.macs:,} MACs"] if it.macs else [])


def _change(change: Change) -> str:
    label = LABELS.get(change.field, change.field)
    return f"{label} {_value(change.field, change.before)} -> {_value(change.field, change.after)}"


def _value(field: str, value: Json) -> str:
    if field == "output" and isinstance(value, list):
        return _shape(value)
    if field == "inputs" and isinstance(value, list):
        return ", ".join(map(str, value))
    if field in FIGURES and isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
        return str(value[0])
    return value if isinstance(value, str) else json.dumps(value)


def _shape(shape: Sequence[Json]) -> str:
    return "x".join(str(size) for size in shape)


def _totals(figures: Sequence[Figure]) -> list[str]:
    rows = [("", "A", "B", "difference"), *map(_total_cells, figures)]
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    return [
        "  ".join(
            cell.rjust(w) if n else cell.ljust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _images(diff: GraphDiff) -> str:
    contract = diff.after.contract
    size = _shape(contract.shape)
    name = "" if contract.name == size else f"{contract.name}: "
    return f"{name}{size}, {contract.classes} classes"


def _total_cells(figure: Figure) -> tuple[str, str, str, str]:
    size = format_bytes if figure.name.endswith("_bytes") else "{:,}".format
    share = f" ({figure.difference / figure.before:+.1%})".replace("%", " %") if figure.before else ""
    sign = "+" if figure.difference > 0 else "-" if figure.difference < 0 else ""
    difference = f"{sign}{size(abs(figure.difference))}{share}" if figure.difference else "0"
    return LABELS.get(figure.name, figure.name), size(figure.before), size(figure.after), difference


def _keys(diff: GraphDiff) -> list[str]:
    """A note on weights that changed their key, which matters to whoever loads those of A into B."""
    if not diff.renamed:
        return []
    first, count = diff.renamed[0], len(diff.renamed)
    names = f"'{(first.before or first.node).name}' -> '{first.node.name}'"
    if count == 1:
        return [f"1 node with weights has another key in B: {names}"]
    return [f"{count} nodes with weights have other keys in B, such as {names}"]


def _longest(words: Iterator[str]) -> int:
    return max(map(len, words), default=0)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"
