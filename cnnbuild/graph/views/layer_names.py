"""Which nodes somebody means by a name: a layer, or a level of layers; whole, or its end or beginning."""

from __future__ import annotations

from cnnbuild.errors import UsageError, did_you_mean
from cnnbuild.graph.graph import Graph

MOST_LISTED = 8


def nodes_called(graph: Graph, name: str) -> tuple[str, tuple[int, ...]]:
    """The full name of a layer or level, and its nodes; several applications of a layer share its name.

    Raises:
        UsageError: there is no such name, or several end or begin like this.
    """
    names = _names(graph)
    if name in names:
        return name, names[name]
    fitting = [found for found in names if found.endswith(f".{name}")]
    fitting = fitting or _outermost([found for found in names if found.startswith(name)])
    if not name or not fitting:
        hint = did_you_mean(name, names) or did_you_mean(
            name, (found for found in names if "." not in found), listing="at the top are"
        )
        raise UsageError(f"the network has no layer '{name}'" + (f"; {hint}" if hint else ""))
    if len(fitting) == 1:
        return fitting[0], names[fitting[0]]
    listed = ", ".join(fitting[:MOST_LISTED]) + (", …" if len(fitting) > MOST_LISTED else "")
    raise UsageError(f"'{name}' may be one of {len(fitting)}: {listed}; write more of the name")


def _outermost(names: list[str]) -> list[str]:
    """Those that are not in a level which is among them."""
    levels = {f"{name}." for name in names}
    return [
        name
        for name in names
        if not any(name[: n + 1] in levels for n, character in enumerate(name) if character == ".")
    ]


def _names(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Every layer and level by its name, outer levels first, with the nodes in it."""
    found: dict[str, list[int]] = {}
    for index, node in enumerate(graph.nodes):
        for depth in range(1, len(node.path) + 1):
            found.setdefault(".".join(node.path[:depth]), []).append(index)
    return {name: tuple(nodes) for name, nodes in found.items()}
