"""`cnnbuild layers`: the words of the language, and the reference page of each."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from cnnbuild.cli.target import PluginOption
from cnnbuild.cli.terminal import text_width


def layers(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Layer type, standard block or form (all of them where none is named).",
            metavar="[NAME]",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        Literal["text", "json", "markdown"], typer.Option("--format", "-f", help="What to print.")
    ] = "text",
    plugin: PluginOption = None,
) -> None:
    """Show every layer type, standard block and form, or the page of one of them with examples.

    Example: cnnbuild layers conv
    """
    from cnnbuild.graph.views.reference_markdown import contents_markdown, page_markdown
    from cnnbuild.graph.views.reference_page import SCHEMA_VERSION, contents, page_of
    from cnnbuild.graph.views.reference_text import contents_table, page_text
    from cnnbuild.layers.plugins import registry_with

    registry = registry_with(plugin or ())
    if name is None:
        families = contents(registry)
        if format_ == "json":
            told = {family: [page.to_dict() for page in pages] for family, pages in families.items()}
            text = json.dumps({"schema": SCHEMA_VERSION, "families": told}, indent=2, ensure_ascii=False)
        elif format_ == "markdown":
            text = contents_markdown(families)
        else:
            text = contents_table(families, width=text_width())
    else:
        page = page_of(name, registry)
        if format_ == "json":
            text = json.dumps({"schema": SCHEMA_VERSION, **page.to_dict()}, indent=2, ensure_ascii=False)
        elif format_ == "markdown":
            text = page_markdown(page)
        else:
            text = page_text(page, width=text_width())
    typer.echo(text)
