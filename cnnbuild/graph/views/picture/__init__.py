"""Pictures of architectures, laid out without other programs: SVG, HTML, Mermaid and DOT."""

from cnnbuild.graph.views.picture.captions import Measure
from cnnbuild.graph.views.picture.picture import graph_dot, graph_html, graph_mermaid, graph_scene, graph_svg

__all__ = ["Measure", "graph_dot", "graph_html", "graph_mermaid", "graph_scene", "graph_svg"]
