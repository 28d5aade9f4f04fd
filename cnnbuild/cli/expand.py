"""`cnnbuild expand`: the network that a file comes to, with the origin of every value."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from cnnbuild.cli.options import (
    DataRootOption,
    DatasetOption,
    OutputOption,
    SetOption,
    parse_settings,
    print_or_write,
)
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption, contract_required, graph_asked
from cnnbuild.cli.terminal import echo_warnings


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
    output: OutputOption = None,
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
) -> None:
    """Write a network out: every node, every value, and the line, default or variable that it comes from.

    The result is an architecture file again, without variables, blocks and repetitions. Only the names of
    weights are others: `layer1_0_conv_1` for `layer1.0.conv_1`.

    Example: cnnbuild expand architectures/resnet.yaml@resnet18 --input 3x32x32 --classes 10
    """
    from cnnbuild.graph.views.expanded import expanded_data
    from cnnbuild.graph.views.expanded_text import expanded_text
    from cnnbuild.lang.reference import split_reference
    from cnnbuild.layers.plugins import registry_with

    contract = contract_required(dataset, data_root, input_, classes)
    graph = graph_asked(architecture, contract, parse_settings(set_), registry_with(plugin or ()))
    echo_warnings(graph)
    file = str(split_reference(architecture)[0])
    if format_ == "json":
        text = json.dumps(expanded_data(graph, file=file), indent=2)
    else:
        text = expanded_text(graph, file=file, written_only=written)
    print_or_write(text, output)
