"""Which levels a picture shows with their inside: those asked for, or what fits about one screen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.folding import Folded, Leaf, Level
from cnnbuild.graph.views.picture.blocks import Block
from cnnbuild.graph.views.picture.captions import Measure
from cnnbuild.graph.views.picture.columns import Room, arranged
from cnnbuild.graph.views.picture.drawing import sizes_for
from cnnbuild.graph.views.picture.folded_parts import diagram_of, evaluated_nodes, folded_levels
from cnnbuild.graph.views.picture.parts import Diagram

SCREEN = Room(1600 - 36, 1000 - 114)  # px for the layout; the rest is for margins, title and legend
MOST_BOXES = 300  # more than this never fits a screen
MOST_TRIES = 12
ABOUT = 1.1  # how much larger than the screen is still about a screen
_NUMBER = re.compile(r"\d+[a-z]?$")


def opened_to(graph: Graph, depth: int, measure: Measure) -> tuple[Diagram, Block]:
    """The layout with the levels at a depth closed, and all above them open; 1 closes the outermost."""
    levels = folded_levels(graph)
    diagram = diagram_of(graph, levels, lambda level: len(level.path) < depth)
    return diagram, arranged(diagram, sizes_for(diagram, measure), SCREEN)


def opened_to_fit(graph: Graph, measure: Measure) -> tuple[Diagram, Block]:
    """The layout with as many levels open as fit a screen.

    The deepest levels are closed first. Where blocks of a kind stay closed, the first of them is opened if
    there is room, so that the picture shows what they are.
    """
    levels = folded_levels(graph)
    every = list(_levels(levels))
    deepest = max((len(level.path) for level in every), default=0)
    chosen: set[tuple[str, ...]] = set()
    best: tuple[Diagram, Block] | None = None
    for depth in range(deepest, -1, -1):
        chosen = {level.path for level in every if len(level.path) <= depth}
        best = _fitting(graph, levels, chosen, measure, anyway=depth == 0)
        if best is not None:
            break
    if best is None:
        return opened_to(graph, 1, measure)
    kinds: set[str] = set()
    for _ in range(MOST_TRIES):
        level = next(
            (level for level in _richest_first(graph, every, chosen) if _kind(level) not in kinds), None
        )
        if level is None:
            break
        kinds.add(_kind(level))
        more = _fitting(graph, levels, chosen | {level.path}, measure)
        if more is not None:
            best = more
            chosen = chosen | {level.path}
    return best


def _richest_first(graph: Graph, every: Sequence[Level], chosen: set[tuple[str, ...]]) -> list[Level]:
    """The closed levels that can be seen, those with most types of layers first: with their skips.

    Heads that are computed only in training stay closed.
    """
    evaluated = evaluated_nodes(graph)
    seen = [
        level
        for level in every
        if not evaluated.isdisjoint(level.copies[0])
        and level.path not in chosen
        and (len(level.path) == 1 or level.path[:-1] in chosen)
    ]
    return sorted(seen, key=lambda level: -len({type(graph.nodes[node].layer) for node in level.copies[0]}))


def _kind(level: Level) -> str:
    """What makes levels alike to a reader: the block that they call, or a name without its number."""
    return level.label or _NUMBER.sub("", level.name)


def _fitting(
    graph: Graph,
    levels: Sequence[Folded],
    chosen: set[tuple[str, ...]],
    measure: Measure,
    *,
    anyway: bool = False,
) -> tuple[Diagram, Block] | None:
    """The layout with the chosen levels open; None where it is larger than a screen."""
    diagram = diagram_of(graph, levels, lambda level: level.path in chosen)
    if len(diagram.pieces) > MOST_BOXES and not anyway:
        return None
    block = arranged(diagram, sizes_for(diagram, measure), SCREEN)
    fits = block.width <= ABOUT * SCREEN.width and block.height <= ABOUT * SCREEN.height
    return (diagram, block) if fits or anyway else None


def _levels(items: Sequence[Folded]) -> Iterator[Level]:
    for item in items:
        if not isinstance(item, Leaf):
            yield item
            yield from _levels(item.items)
