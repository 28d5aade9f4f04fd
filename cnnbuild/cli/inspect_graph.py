"""`cnnbuild inspect --graph`: the architecture as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.graph.graph import Graph

SUFFIXES = (".svg", ".png", ".html", ".mmd", ".dot")

Color: TypeAlias = Literal["macs", "params", "act", "rf"]
GraphOption = Annotated[
    Path | None,
    typer.Option(
        "--graph",
        help="Write a picture, and the table only with -o: .svg, .png, .html, .mmd (Mermaid) or .dot. "
        "--depth closes its levels.",
        metavar="FILE",
        show_default=False,
        rich_help_panel="Pictures",
    ),
]
ColorOption = Annotated[
    Color | None,
    typer.Option(
        "--color",
        help="What colours the boxes of --graph: multiply-adds, parameters, activations or receptive field.",
        show_default="macs",
        rich_help_panel="Pictures",
    ),
]


def check_graph_options(path: Path | None, color: Color | None, sweep: str | None) -> None:
    """Nothing, where the options of the picture agree.

    Raises:
        UsageError: the file's suffix says no format, or an option is given that does not go with it.
    """
    if path is None:
        if color is not None:
            raise UsageError("--color is about the picture of --graph, which is not asked for")
        return
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"--graph {path}: the name must end with {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        )
    if sweep is not None:
        raise UsageError("--graph draws one size of input; leave out --sweep")


def write_graph(graph: Graph, path: Path, color: Color | None, depth: int | None) -> None:
    """Write the picture in the format that the file's suffix says.

    Levels at `depth` are closed, as in the table; None opens what fits a screen.

    Raises:
        UsageError: the file cannot be written, or the picture is too large for its format.
    """
    picture = _picture(graph, path.suffix.lower(), color or "macs", depth)
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    typer.echo(f"written to {path}", err=True)


def _picture(graph: Graph, suffix: str, color: Color, depth: int | None) -> bytes:
    from cnnbuild.graph.views.picture import graph_dot, graph_html, graph_mermaid, graph_scene, graph_svg

    if suffix == ".png":
        from cnnbuild.report.graph_png import graph_png

        return graph_png(graph_scene(graph, color=color, depth=depth))
    write = {".svg": graph_svg, ".html": graph_html, ".mmd": graph_mermaid, ".dot": graph_dot}[suffix]
    return write(graph, color=color, depth=depth).encode()
