"""`cnnbuild inspect --layer NAME`: one layer or level, with its formulas filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.inspect_table import Form

if TYPE_CHECKING:
    from cnnbuild.graph.graph import Graph
    from cnnbuild.graph.memory import Dtype

LayerOption = Annotated[
    str | None,
    typer.Option(
        "--layer",
        help="One layer or level with its arithmetic: its name, the end of that, or the number of its row.",
        metavar="NAME",
        show_default=False,
        rich_help_panel="Instead of the table",
    ),
]


def layer_text(graph: Graph, name: str, form: Form, *, batch: int, dtype: Dtype) -> str:
    """The page on a layer, as text or as JSON.

    Raises:
        UsageError: there is no such layer.
    """
    if form == "json":
        import json

        from cnnbuild.graph.views.layer_page import layer_data

        return json.dumps(layer_data(graph, name, batch=batch, dtype=dtype), indent=2) + "\n"
    from cnnbuild.graph.views.layer_page import layer_page

    return layer_page(graph, name, batch=batch, dtype=dtype) + "\n"
