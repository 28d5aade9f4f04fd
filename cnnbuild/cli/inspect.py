"""`cnnbuild inspect`: shapes, parameters, multiply-adds and receptive fields, without loading torch."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from cnnbuild.cli.inspect_fields import (
    ErfOption,
    FieldsAsked,
    ImageOption,
    RfMapOption,
    WeightsOption,
    fields_told,
)
from cnnbuild.cli.inspect_verify import MacsAsOption, OtherReports, VerifyOption
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
    output: OutputOption = None,
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
    rf_map: RfMapOption = None,
    erf: ErfOption = False,
    image: ImageOption = None,
    weights: WeightsOption = None,
    verify: VerifyOption = False,
    macs_as: MacsAsOption = None,
) -> None:
    """Show every node of a network: shape, parameters, multiply-adds, receptive field.

    Example: cnnbuild inspect architectures/resnet.yaml@resnet50 --input 3x224x224 --classes 1000
    """
    from cnnbuild.graph.views.summary import Summary
    from cnnbuild.layers.plugins import registry_with

    fields = FieldsAsked(rf_map, image, erf, weights)
    fields.check()
    contract = contract_required(dataset, data_root, input_, classes)
    graph = graph_asked(architecture, contract, parse_settings(set_), registry_with(plugin or ()))
    echo_warnings(graph)
    asked = OtherReports(verify=verify, macs_as=macs_as, fields=fields.anything)
    if asked.printed(graph, format_, output):
        return
    if fields.anything:
        print_or_write(fields_told(graph, fields, as_json=format_ == "json"), output)
        return
    summary = Summary(graph)
    text = json.dumps(summary.to_dict(), indent=2) if format_ == "json" else str(summary)
    print_or_write(text, output)
