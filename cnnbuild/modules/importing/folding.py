"""Nodes that stand in a chain and say the same, as one with `repeat`."""

from __future__ import annotations

from collections.abc import Sequence

from cnnbuild.modules.importing.written import VARYING, Names, Written, differing, same


def fold(nodes: Sequence[Written], names: Names) -> list[Written]:
    """A list in which equal neighbours are one node; only the first may have parameters of its own."""
    folded: list[Written] = []
    at = 0
    while at < len(nodes):
        run = _run(nodes, at)
        folded.append(_as_one(nodes, run, names) if len(run) > 1 else nodes[at])
        at += len(run)
    for node in folded:
        for name, inner in node.lists.items():
            node.lists[name] = None if inner is None else fold(inner, names)
    return folded


def _run(nodes: Sequence[Written], at: int) -> Sequence[Written]:
    """The longest stretch from a node on that `repeat` can say."""
    first = nodes[at]
    if not (first.block or first.lists) or first.wanted or first.when:
        return nodes[at : at + 1]
    end = at + 1
    while end < len(nodes) and _follows(nodes[end], first):
        if end > at + 1 and not _equal(nodes[end], nodes[at + 1]):
            break
        if end == at + 1 and not _may_differ(first, nodes[end]):
            break
        end += 1
    if (
        end < len(nodes)
        and end == at + 2
        and not _equal(first, nodes[at + 1])
        and _starts_another(nodes, at + 1)
    ):
        end = at + 1  # what comes next belongs to the node after it, not to this one
    run = nodes[at:end]
    return run if not any(node.wanted for node in run[:-1]) else nodes[at : at + 1]


def _starts_another(nodes: Sequence[Written], at: int) -> bool:
    return at + 1 < len(nodes) and _follows(nodes[at + 1], nodes[at]) and _equal(nodes[at], nodes[at + 1])


def _follows(node: Written, first: Written) -> bool:
    return (
        node.source is None
        and not node.when
        and node.word == first.word
        and _parent(node.path) == _parent(first.path)
        and node.repeat is None
        and same(node, first)
    )


def _equal(one: Written, other: Written) -> bool:
    return one.arguments == other.arguments


def _may_differ(first: Written, rest: Written) -> bool:
    """Whether `first:` can say how the first copy differs: in its stride, and so in its shortcut."""
    different = differing(first.arguments, rest.arguments)
    return all(name.startswith(("stride", "shortcut")) for name in different)


def _as_one(nodes: Sequence[Written], run: Sequence[Written], names: Names) -> Written:
    first, rest = run[0], run[1]
    parent = _parent(first.path)
    siblings = [node for node in nodes if _parent(node.path) == parent]
    name = run[-1].name if run[-1].wanted else first.name
    if name is not None and not run[-1].wanted and parent and len(siblings) == len(run):
        whole = name.removesuffix(f"_{first.path.rpartition('.')[2]}")
        name = names.claim(whole) if whole != name and not names.is_taken(whole) else name
    return Written(
        rest.word,
        rest.arguments,
        rest.lists,
        name,
        first.source,
        len(run),
        {key: first.arguments[key] for key in differing(first.arguments, rest.arguments)},
        first.channels if first.channels == rest.channels else VARYING,
        run[-1].wanted,
        first.path,
        rest.block,
    )


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
