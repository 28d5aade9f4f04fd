"""`cnnbuild expand`: the network that a file comes to, with the origin of every value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from cnnbuild.cli.options import DataRootOption, DatasetOption, SetOption, parse_settings, print_or_write
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption, contract_asked
from cnnbuild.errors import UsageError


def expand(
    architecture: Annotated[
        str,
        typer.Argument(
            help="Architecture file, with @variant for a variant of it.", metavar="ARCH[@VARIANT]"
        ),
    ],
    dataset: DatasetOption = None,
    input_: InputOption = None,
    classes: ClassesOption = None,
    set_: SetOption = None,
    written: Annotated[
        bool, typer.Option("--written", help="Leave out the values that nobody wrote, the types' defaults.")
    ] = False,
    format_: Annotated[
        Literal["yaml", "json"], typer.Option("--format", "-f", help="What to print.")
    ] = "yaml",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write to a file instead of the terminal.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
) -> None:
    """Write a network out: every node, every value, and the line, default or variable that it comes from.

    The result is an architecture file again, without variables, blocks and repetitions.

    Example: cnnbuild expand architectures/resnet.yaml@resnet18 --input 3x32x32 --classes 10
    """
    from cnnbuild.graph.elaborate import elaborate
    from cnnbuild.graph.views.expanded import expanded_data
    from cnnbuild.graph.views.expanded_text import expanded_text
    from cnnbuild.lang.architecture import read_architecture
    from cnnbuild.lang.reference import split_reference
    from cnnbuild.layers.plugins import registry_with

    contract = contract_asked(dataset, data_root, input_, classes)
    if contract is None:
        raise UsageError("say what the images are: --dataset cifar10, or --input 3x32x32 --classes 10")
    path, variant = split_reference(architecture)
    graph = elaborate(
        read_architecture(path),
        contract,
        variant=variant,
        overrides=parse_settings(set_),
        registry=registry_with(plugin or ()),
    )
    for warning in graph.warnings:
        typer.echo(f"{warning}\n", err=True)
    if format_ == "json":
        text = json.dumps(expanded_data(graph, file=str(path)), indent=2)
    else:
        text = expanded_text(graph, file=str(path), written_only=written)
    print_or_write(text, output)
