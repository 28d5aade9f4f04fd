"""The picture of a graph: repeats folded, costs as colours, as many levels open as fit a screen."""

from __future__ import annotations

from cnnbuild.errors import UsageError
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.picture.blocks import Block
from cnnbuild.graph.views.picture.captions import MEASURED, Measure
from cnnbuild.graph.views.picture.drawing import scene_of
from cnnbuild.graph.views.picture.opening import opened_to, opened_to_fit
from cnnbuild.graph.views.picture.page import page
from cnnbuild.graph.views.picture.parts import Diagram
from cnnbuild.graph.views.picture.scene import Scene
from cnnbuild.graph.views.picture.svg import svg
from cnnbuild.graph.views.picture.text_exports import dot, mermaid


def graph_scene(graph: Graph, *, color: Measure = "macs", depth: int | None = None) -> Scene:
    """The picture as plain data.

    `color` is what colours the boxes. Levels at `depth` are closed, as in the table: 1 makes each outermost
    level one box. None opens what fits a screen.

    Raises:
        UsageError: `color` is not one of the four, or `depth` is less than 1.
    """
    return scene_of(*_opened(graph, color, depth), color)


def graph_svg(graph: Graph, *, color: Measure = "macs", depth: int | None = None) -> str:
    """The picture as an SVG document, which a notebook shows as it is."""
    return svg(graph_scene(graph, color=color, depth=depth))


def graph_html(graph: Graph, *, color: Measure = "macs", depth: int | None = None) -> str:
    """The picture as an HTML page, light or dark as the reader has it."""
    return page(graph_scene(graph, color=color, depth=depth))


def graph_mermaid(graph: Graph, *, color: Measure = "macs", depth: int | None = None) -> str:
    """The same structure as a flowchart of Mermaid."""
    return mermaid(_opened(graph, color, depth)[0], color)


def graph_dot(graph: Graph, *, color: Measure = "macs", depth: int | None = None) -> str:
    """The same structure in Graphviz's language."""
    return dot(_opened(graph, color, depth)[0], color)


def check_request(color: str, depth: int | None) -> None:
    """Nothing, where such a picture can be drawn.

    Raises:
        UsageError: `color` is not one of the four, or `depth` is less than 1.
    """
    if color not in MEASURED:
        *words, last = MEASURED
        raise UsageError(f"color {color!r}: it must be {', '.join(words)} or {last}")
    if depth is not None and depth < 1:
        raise UsageError(f"depth {depth}: it must be at least 1, which closes the outermost levels")


def _opened(graph: Graph, measure: Measure, depth: int | None) -> tuple[Diagram, Block]:
    check_request(measure, depth)
    return opened_to_fit(graph, measure) if depth is None else opened_to(graph, depth, measure)
