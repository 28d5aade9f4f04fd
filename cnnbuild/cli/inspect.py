"""`cnnbuild inspect`: shapes, parameters, multiply-adds and receptive fields, without loading torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from cnnbuild.cli.options import DataRootOption, DatasetOption, SetOption, parse_settings, print_or_write
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption, contract_asked
from cnnbuild.errors import UsageError


def inspect(
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
    format_: Annotated[
        Literal["table", "json"], typer.Option("--format", "-f", help="What to print.")
    ] = "table",
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
    """Show every node of a network: shape, parameters, multiply-adds, receptive field.

    Example: cnnbuild inspect architectures/resnet.yaml@resnet50 --input 3x224x224 --classes 1000
    """
    from cnnbuild.graph.elaborate import elaborate
    from cnnbuild.graph.views.summary import Summary
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
    summary = Summary(graph)
    text = json.dumps(summary.to_dict(), indent=2) if format_ == "json" else str(summary)
    print_or_write(text, output)
