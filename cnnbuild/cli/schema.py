"""`cnnbuild schema`: what editors complete, explain and underline, as a JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from cnnbuild.cli.options import OutputOption, keep_files_of_runs
from cnnbuild.cli.target import PluginOption
from cnnbuild.errors import UsageError


def schema(
    kind: Annotated[
        Literal["architecture", "study", "library", "summary"],
        typer.Argument(
            help="Which kind of file: architecture, study, library (of blocks), or summary (what inspect "
            "writes as JSON).",
            metavar="KIND",
        ),
    ],
    for_: Annotated[
        Path | None,
        typer.Option(
            "--for",
            help="Make it for one file: with its own blocks, variables and names, all others refused.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    output: OutputOption = None,
    plugin: PluginOption = None,
) -> None:
    """Print the JSON Schema of a kind of file, for editors: completion, documentation, misspelt keys.

    Example: cnnbuild schema architecture -o architecture.schema.json
    """
    from cnnbuild.files import replace_file
    from cnnbuild.layers.plugins import registry_with
    from cnnbuild.layers.schemas.architectures import architecture_schema, library_schema
    from cnnbuild.layers.schemas.studies import study_schema

    registry = registry_with(plugin or ())
    made: Mapping[str, object]
    if kind == "summary":
        from cnnbuild.graph.views.summary.schema import summary_schema

        if for_ is not None:
            raise UsageError("--for makes the schema of a file that is written by hand, and a summary is not")
        made = summary_schema()
    elif kind == "study":
        made = study_schema(registry, file=for_)
    else:
        make = architecture_schema if kind == "architecture" else library_schema
        made = make(registry, file=for_)
    text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    keep_files_of_runs(output)
    try:
        replace_file(output, text.encode())
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
    if kind == "summary":
        typer.echo(f"written to {output}", err=True)
        return
    typer.echo(f"written to {output}; begin a file with", err=True)
    typer.echo(f"# yaml-language-server: $schema={output.resolve()}", err=True)
