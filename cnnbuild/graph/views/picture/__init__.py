"""Pictures of architectures, laid out without other programs: SVG, HTML, Mermaid and DOT."""

from cnnbuild.graph.views.picture.picture import graph_scene, graph_svg

__all__ = ["graph_scene", "graph_svg"]
