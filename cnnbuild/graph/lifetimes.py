"""How long the module of a graph holds each tensor in evaluation.

The module has one submodule for each level of names (`modules.build`). A level lets a tensor go after its
last use in the level; but what enters a submodule is held, by Python's frames, until that returns. So a
tensor lives until the last submodule that it enters is done, seen from the level in which both stand.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnnbuild.graph.graph import INPUT, Graph


def computed_in_evaluation(graph: Graph) -> list[bool]:
    """Of each node, whether evaluation computes it: what only train-only heads need is left out.

    It is left out by whole submodules of the network, as `modules.steps.HeadedSteps` does.
    """
    wanted = {head.node for head in graph.heads if not head.train_only}
    if not graph.heads:
        return [True] * len(graph.nodes)
    paths = _paths(graph)
    steps: dict[str, list[int]] = {}
    for index, path in enumerate(paths):
        steps.setdefault(path[0], []).append(index)
    computed = [False] * len(graph.nodes)
    for nodes in sorted(steps.values(), reverse=True):
        if wanted.isdisjoint(nodes):
            continue
        for index in nodes:
            computed[index] = True
            wanted.update(graph.nodes[index].inputs)
    return computed


def last_holders(graph: Graph, computed: Sequence[bool]) -> list[int]:
    """For each node the last one that runs while its output is held; the node itself where nobody reads it.

    `computed` says which nodes run.
    """
    paths = _paths(graph)
    ends: dict[tuple[str, ...], int] = {}
    for index, path in enumerate(paths):
        if computed[index]:
            for depth in range(1, len(path) + 1):
                ends[path[:depth]] = index
    held = list(range(len(graph.nodes)))
    for reader, node in enumerate(graph.nodes):
        if not computed[reader]:
            continue
        path = paths[reader]
        for source in node.inputs:
            if source != INPUT:
                held[source] = max(held[source], ends[path[: _shared_depth(paths[source], path) + 1]])
    last = max(index for index, runs in enumerate(computed) if runs)
    outputs = [head.node for head in graph.heads if not head.train_only] or [graph.output]
    for output in outputs:
        held[output] = last
    return held


def _paths(graph: Graph) -> list[tuple[str, ...]]:
    """Where each node runs, level by level; an application of a `share` is a level of its own.

    No written name begins with a space.
    """
    paths: list[tuple[str, ...]] = []
    for node in graph.nodes:
        if node.shared is None:
            paths.append(node.path)
            continue
        sharing = node.shared
        inside = paths[sharing.repeats][len(sharing.module) :]
        paths.append((*sharing.level, f" {sharing.application}", *inside))
    return paths


def _shared_depth(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    """How many levels two paths have in common."""
    depth = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        depth += 1
    return depth
