"""The picture of a graph: repeats folded, costs as colours, as many levels open as fit a screen."""

from __future__ import annotations

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.picture.captions import Measure
from cnnbuild.graph.views.picture.drawing import scene_of
from cnnbuild.graph.views.picture.opening import opened_to, opened_to_fit
from cnnbuild.graph.views.picture.scene import Scene
from cnnbuild.graph.views.picture.svg import svg


def graph_scene(graph: Graph, *, color: Measure = "macs", depth: int | None = None) -> Scene:
    """The picture as plain data.

    `color` is what colours the boxes; levels deeper than `depth` are closed.
    """
    diagram, block = opened_to_fit(graph, color) if depth is None else opened_to(graph, depth, color)
    return scene_of(diagram, block, color)


def graph_svg(graph: Graph, *, color: Measure = "macs", depth: int | None = None) -> str:
    """The picture as an SVG document; also what a notebook shows."""
    return svg(graph_scene(graph, color=color, depth=depth))
