"""A picture as a value: what notebooks show, and what Python writes to files."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.picture.captions import Measure
from cnnbuild.graph.views.picture.picture import (
    check_request,
    graph_dot,
    graph_html,
    graph_mermaid,
    graph_svg,
)


@dataclass(frozen=True, repr=False)
class Picture:
    """A network drawn as boxes; `color` is what darkens them.

    Levels at `depth` are closed to one box each: 1 closes the outermost, as in the table. Without `depth`,
    as many levels are open as fit about one screen.

    Raises:
        UsageError: `color` is not one of the four, or `depth` is less than 1.
    """

    graph: Graph
    color: Measure = "macs"
    depth: int | None = None

    def __post_init__(self) -> None:
        check_request(self.color, self.depth)

    def to_svg(self) -> str:
        """The picture as SVG, which needs no other file."""
        return graph_svg(self.graph, color=self.color, depth=self.depth)

    def to_html(self) -> str:
        """A page with the picture, zoomable, with exact figures under the pointer."""
        return graph_html(self.graph, color=self.color, depth=self.depth)

    def to_mermaid(self) -> str:
        """A flowchart in Mermaid, as Markdown on many sites shows it."""
        return graph_mermaid(self.graph, color=self.color, depth=self.depth)

    def to_dot(self) -> str:
        """A graph in the language of Graphviz."""
        return graph_dot(self.graph, color=self.color, depth=self.depth)

    def __repr__(self) -> str:
        """Which network; notebooks show the picture itself."""
        return f"Picture({self.graph.name}, color={self.color!r}, depth={self.depth})"

    def _repr_svg_(self) -> str:
        """The picture as notebooks show it."""
        return self.to_svg()
