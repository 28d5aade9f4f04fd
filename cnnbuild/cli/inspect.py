"""`cnnbuild inspect`: shapes, parameters, multiply-adds and receptive fields, without loading torch."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnbuild.cli.inspect_fields import ErfOption, FieldsAsked, ImageOption, RfMapOption, WeightsOption
from cnnbuild.cli.inspect_gates import (
    MaxMacsOption,
    MaxMemoryOption,
    MaxParamsOption,
    MinFieldOption,
    broken_gates,
    gates_asked,
)
from cnnbuild.cli.inspect_graph import ColorOption, GraphOption, check_graph_options, write_graph
from cnnbuild.cli.inspect_layer import LayerOption
from cnnbuild.cli.inspect_reports import ReportAsked
from cnnbuild.cli.inspect_sweep import SweepOption, sizes_asked, sweep_asked
from cnnbuild.cli.inspect_table import (
    BatchOption,
    ColumnsOption,
    DepthOption,
    DtypeOption,
    FoldOption,
    FormOption,
    OptimizerOption,
    SortOption,
    TopOption,
    emit,
    form_asked,
    rows_before_faults,
    sweep_text,
    view_asked,
)
from cnnbuild.cli.inspect_verify import MacsAsOption, VerifyOption
from cnnbuild.cli.options import (
    DataRootOption,
    DatasetOption,
    OutputOption,
    QuietOption,
    SetOption,
    parse_settings,
)
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption, contract_required, graph_asked
from cnnbuild.cli.terminal import echo_faults, echo_warnings


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
    format_: FormOption = None,
    output: OutputOption = None,
    depth: DepthOption = None,
    fold: FoldOption = None,
    columns: ColumnsOption = None,
    sort: SortOption = None,
    top: TopOption = None,
    batch: BatchOption = 1,
    dtype: DtypeOption = "float32",
    optimizer: OptimizerOption = "sgd",
    layer: LayerOption = None,
    sweep: SweepOption = None,
    max_params: MaxParamsOption = None,
    max_macs: MaxMacsOption = None,
    max_memory: MaxMemoryOption = None,
    min_rf: MinFieldOption = None,
    graph_file: GraphOption = None,
    color: ColorOption = None,
    rf_map: RfMapOption = None,
    erf: ErfOption = False,
    image: ImageOption = None,
    weights: WeightsOption = None,
    verify: VerifyOption = False,
    macs_as: MacsAsOption = None,
    quiet: QuietOption = False,
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
) -> None:
    """Show every node of a network: shape, parameters, multiply-adds, receptive field; and its memory.

    Example: cnnbuild inspect architectures/resnet.yaml@resnet50 --input 3x224x224 --classes 1000
    """
    from cnnbuild.graph.views.summary.summary import Summary
    from cnnbuild.layers.plugins import registry_with

    form = form_asked(format_, output)
    view = view_asked(fold=fold, depth=depth, columns=columns, sort=sort, top=top)
    gates = gates_asked(max_params, max_macs, max_memory, min_rf)
    report = ReportAsked(sweep, layer, FieldsAsked(rf_map, image, erf, weights), verify, macs_as)
    report.check(view, form)
    check_graph_options(graph_file, color, sweep)
    contract = contract_required(dataset, data_root, input_, classes)
    overrides, registry = parse_settings(set_), registry_with(plugin or ())
    if sweep is not None:
        sizes = sizes_asked(sweep, contract)
        swept = sweep_asked(
            architecture, sizes, contract, overrides, registry, batch=batch, dtype=dtype, optimizer=optimizer
        )
        summaries = [step.summary for step in swept.steps if step.summary is not None]
        text, sound = sweep_text(swept, form, output), True
    else:
        with rows_before_faults(asked=form == "table" and not quiet):
            graph = graph_asked(architecture, contract, overrides, registry)
        if graph_file is not None:
            write_graph(graph, graph_file, color, depth)
        summaries = [Summary(graph, batch, dtype, optimizer, view)]
        only_drawn = graph_file is not None and output is None and not report.names
        text, sound = ("", True) if only_drawn else report.told(summaries[0], form, output)
    if not quiet:
        echo_warnings(*(summary.graph for summary in summaries))
    emit(text, output, quiet=quiet)
    broken = [sentence for summary in summaries for sentence in broken_gates(summary, gates)]
    for sentence in broken:
        echo_faults(f"error: {sentence}")
    if broken or not sound:
        raise typer.Exit(1)
