"""Which nodes somebody means by a name: a layer, or a level of layers; whole, or its end or beginning.

What the table shows is taken too: the number of a row, and the name of several copies, `layer3.1-5.conv_2`.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnbuild.errors import UsageError
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.summary.lines import Line, View, flat_lines_of, lines_of
from cnnbuild.texts import did_you_mean

MOST_LISTED = 8
MOST_DIGITS = 10  # of the number of a row


@dataclass(frozen=True, slots=True)
class Called:
    """The full name of a layer or level, and its nodes; several applications of a layer share its name.

    `folded` is the name under which the table shows it with its other `copies`, of which it is the first.
    """

    name: str
    nodes: tuple[int, ...]
    folded: str = ""
    copies: int = 1

    @property
    def note(self) -> str:
        """That there are copies, where they were asked for; else nothing."""
        return f"{self.folded} x{self.copies}: figures of the first" if self.folded else ""


def nodes_called(graph: Graph, name: str) -> Called:
    """What somebody means by a name, or by the number of a row; of copies, the first.

    Raises:
        UsageError: there is no such name or row, or several names end or begin like this.
    """
    names = _names(graph)
    if name in names:
        return Called(name, names[name])
    if name.isascii() and name.isdecimal() and len(name) < MOST_DIGITS and 1 <= int(name) <= len(graph.nodes):
        full = graph.nodes[int(name) - 1].name
        return Called(full, names[full])
    if "-" in name and (line := _folded(graph, name)) is not None:
        words = len(line.full_name.split("."))
        full = ".".join(graph.nodes[line.nodes[0]].path[:words])
        return Called(full, names[full], line.full_name, line.copies)
    fitting = [found for found in names if found.endswith(f".{name}")]
    fitting = fitting or _outermost([found for found in names if found.startswith(name)])
    if not name or not fitting:
        if name.isdecimal():
            raise UsageError(f"the network has no row {name}; its nodes are 1 to {len(graph.nodes)}")
        hint = did_you_mean(name, names) or did_you_mean(
            name, (found for found in names if "." not in found), listing="at the top are"
        )
        raise UsageError(f"the network has no layer '{name}'" + (f"; {hint}" if hint else ""))
    if len(fitting) == 1:
        return Called(fitting[0], names[fitting[0]])
    raise _several(name, fitting)


def _several(name: str, fitting: list[str]) -> UsageError:
    listed = ", ".join(fitting[:MOST_LISTED]) + (", …" if len(fitting) > MOST_LISTED else "")
    return UsageError(f"'{name}' may be one of {len(fitting)}: {listed}; write more of the name")


def _folded(graph: Graph, name: str) -> Line | None:
    """The line that stands for several copies under a name or its end; None where there is none.

    Raises:
        UsageError: there are several.
    """
    lines: dict[str, Line] = {}
    deepest = max(len(node.path) for node in graph.nodes)
    for depth in range(1, deepest + 1):
        # the lines without headings come first: they count the copies of copies
        for line in (
            *flat_lines_of(graph, View(fold=True, depth=depth)),
            *lines_of(graph, View(depth=depth)),
        ):
            if line.copies > 1:
                lines.setdefault(line.full_name, line)
    if name in lines:
        return lines[name]
    fitting = [full for full in lines if full.endswith(f".{name}")]
    if len(fitting) > 1:
        raise _several(name, fitting)
    return lines[fitting[0]] if fitting else None


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
