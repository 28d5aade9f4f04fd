"""Which lines a table has: nodes and levels of names, with repeats folded, cut at a depth, sorted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.folding import Folded, Leaf, Level, fold
from cnnbuild.graph.views.level_tree import SHARE

Order: TypeAlias = Literal["macs", "params", "act", "rf"]

SMALL_LEVEL = 3  # nodes: convolution, normalisation, activation; such a level needs no heading


@dataclass(frozen=True, slots=True)
class View:
    """What of a summary is shown.

    `fold` shows copies that are alike once; None is the form's own choice: tables do, CSV does not. Levels
    of names deeper than `depth` are one line each. With `sort` the nodes stand in falling order of a cost,
    without headings, and by field those that see `all` below the others; `top` keeps the first of them, by
    multiply-adds where `sort` says nothing. `columns` are keys of columns; None is the form's own choice.
    """

    fold: bool | None = None
    depth: int | None = None
    columns: tuple[str, ...] | None = None
    sort: Order | None = None
    top: int | None = None

    @property
    def order(self) -> Order | None:
        """What the lines are sorted by."""
        return self.sort or ("macs" if self.top is not None else None)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the sums over `nodes`, and the shape and field of `last`, the last of them.

    A `level` stands for all of its nodes; while `is_open` those have lines of their own below, for one of
    its `copies`. `name` is what it is called below the heading it stands under, and `full_name` without that.
    The `rest` is what `top` leaves out. `label` is the block or container that opened a level.
    """

    kind: Literal["node", "level", "rest"]
    name: str
    full_name: str
    nodes: tuple[int, ...]
    indent: int = 0
    copies: int = 1
    label: str = ""
    is_open: bool = False

    @property
    def first(self) -> int:
        """The first node that it stands for."""
        return min(self.nodes)

    @property
    def last(self) -> int:
        """The node whose output it shows."""
        return max(self.nodes)


def lines_of(graph: Graph, view: View) -> list[Line]:
    """The lines of a view, in the order of computation or of cost."""
    items = fold(graph, repeats=view.fold is not False)
    if view.order is None:
        return list(_tree(graph, items, view.depth))
    return _ordered(graph, items, view)


def flat_lines_of(graph: Graph, view: View) -> list[Line]:
    """The same without headings, for programs; every copy by itself unless the view folds."""
    items = fold(graph, repeats=view.fold is True)
    return _ordered(graph, items, view) if view.order else list(flat_lines(graph, items, view.depth))


def _ordered(graph: Graph, items: Sequence[Folded], view: View) -> list[Line]:
    """The lines without headings in falling order, and one for what `top` leaves out."""
    lines = list(flat_lines(graph, items, view.depth))
    lines.sort(key=lambda line: _cost(graph, line, view.order), reverse=True)
    if view.top is None or len(lines) <= view.top:
        return lines
    hidden = lines[view.top :]
    more = f"{len(hidden)} more"
    rest = Line("rest", more, more, tuple(node for line in hidden for node in line.nodes))
    return [*lines[: view.top], rest]


def flat_lines(graph: Graph, items: Iterable[Folded], depth: int | None) -> Iterator[Line]:
    """The lines without headings, each with its full name and all of its copies."""
    for item in items:
        if isinstance(item, Leaf):
            node = graph.nodes[item.node]
            yield Line("node", node.name, node.name, item.copies, copies=len(item.copies))
        elif depth is not None and len(item.path) >= depth:
            yield _closed(graph, item)
        else:
            yield from _copied(graph, item, flat_lines(graph, item.items, depth))


def _closed(graph: Graph, level: Level) -> Line:
    """A level as one line; in what is shared it has the name of that."""
    shared = graph.nodes[level.copies[0][0]].shared
    is_shared = shared is not None and _is_share(level)
    path = shared.module if shared is not None and is_shared else (*level.path[:-1], _segment(graph, level))
    nodes = tuple(node for copy in level.copies for node in copy)
    name, label = ".".join(path), SHARE if is_shared else level.label
    return Line("level", name, name, nodes, copies=len(level.copies), label=label)


def _copied(graph: Graph, level: Level, inside: Iterable[Line]) -> Iterator[Line]:
    """The lines of a level's first copy, made to stand for all copies."""
    copies = len(level.copies)
    positions = {node: at for at, node in enumerate(level.copies[0])}
    depth = len(level.path) - 1
    for line in inside:
        if copies == 1:
            yield line
            continue
        nodes = tuple(copy[positions[node]] for copy in level.copies for node in line.nodes)
        name, words = line.name, line.name.split(".")
        if tuple(words[: depth + 1]) == level.path:  # a shared one has the name of what it shares
            name = ".".join([*words[:depth], _segment(graph, level), *words[depth + 1 :]])
        yield Line(line.kind, name, name, nodes, copies=copies * line.copies, label=line.label)


def _tree(
    graph: Graph,
    items: Sequence[Folded],
    depth: int | None,
    indent: int = 0,
    heading: str = "",
    prefix: str = "",
) -> Iterator[Line]:
    """The lines below a heading; `prefix` are the levels between it and the items that have none."""
    for item in items:
        if isinstance(item, Leaf):
            name = prefix + _own_name(graph, item)
            yield Line("node", name, _below(heading, name), item.copies, indent, len(item.copies))
            continue
        segment, size = _segment(graph, item), len(item.copies[0])
        name = prefix + segment
        nodes = tuple(node for copy in item.copies for node in copy)
        is_closed = depth is not None and len(item.path) >= depth
        if size == 1 and not is_closed:
            (leaf,) = flat_lines(graph, item.items, None)
            name += "" if _is_share(item) else f".{graph.nodes[leaf.first].path[-1]}"
            yield Line("node", name, _below(heading, name), nodes, indent, len(item.copies))
        elif len(item.copies) == 1 and (size <= SMALL_LEVEL or len(item.items) == 1) and not is_closed:
            yield from _tree(graph, item.items, depth, indent, heading, f"{name}.")
        else:
            full = _below(heading, name)
            if name[0].isdigit() and heading:  # the number of a copy alone says little
                name = f"{heading.rpartition('.')[2]}.{name}"
            copies, label = len(item.copies), SHARE if _is_share(item) else item.label
            yield Line("level", name, full, nodes, indent, copies, label, not is_closed)
            if not is_closed:
                yield from _tree(graph, item.items, depth, indent + 1, full)


def _below(heading: str, name: str) -> str:
    return f"{heading}.{name}" if heading else name


def _is_share(level: Level) -> bool:
    return level.name.startswith(f"{SHARE} ")


def _segment(graph: Graph, level: Level) -> str:
    """The last word of a level's path: `1-5` for five copies."""
    first = graph.nodes[level.copies[0][0]]
    if first.shared is not None and _is_share(level):
        return first.shared.module[-1]
    if len(level.copies) == 1:
        return level.name
    at = len(level.path) - 1
    last = graph.nodes[level.copies[-1][0]]
    return f"{level.name}-{last.path[at]}"


def _own_name(graph: Graph, leaf: Leaf) -> str:
    """The name of a node below its level; of a shared one, below what is shared."""
    shared = graph.nodes[leaf.node].shared
    if shared is not None:
        path = graph.nodes[leaf.node].path
        return ".".join(path[len(shared.module) :] or path[-1:])
    if len(leaf.copies) == 1:
        return leaf.name
    return f"{leaf.name}-{graph.nodes[leaf.copies[-1]].path[-1]}"


def _cost(graph: Graph, line: Line, order: Order | None) -> float:
    nodes = graph.nodes
    if order == "params":
        return sum(nodes[index].parameters for index in line.nodes)
    if order == "act":
        return sum(nodes[index].activation_bytes for index in line.nodes)
    if order == "macs":
        return sum(nodes[index].macs for index in line.nodes)
    field = nodes[line.last].field
    if field is None:
        return -1
    if any(axis.local.is_global for axis in field):
        return 0  # every layer behind a global pool is alike in that: below those which tell something
    return max(axis.local.size for axis in field)
