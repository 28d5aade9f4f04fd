"""`cnnbuild inspect`: shapes, parameters, multiply-adds and receptive fields, without loading torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.inspect_fields import (
    ErfOption,
    FieldsAsked,
    ImageOption,
    RfMapOption,
    WeightsOption,
    fields_told,
)
from cnnbuild.cli.inspect_gates import (
    MaxMacsOption,
    MaxMemoryOption,
    MaxParamsOption,
    MinFieldOption,
    broken_gates,
    gates_asked,
)
from cnnbuild.cli.inspect_graph import ColorOption, GraphOption, check_graph_options, write_graph
from cnnbuild.cli.inspect_layer import LayerOption, layer_text
from cnnbuild.cli.inspect_sweep import SweepOption, sizes_asked, sweep_asked
from cnnbuild.cli.inspect_table import (
    BatchOption,
    ColumnsOption,
    DepthOption,
    DtypeOption,
    FoldOption,
    Form,
    FormOption,
    OptimizerOption,
    SortOption,
    TopOption,
    emit,
    form_asked,
    require_plain_view,
    rows_before_faults,
    summary_text,
    sweep_text,
    view_asked,
)
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
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.graph.views.summary.lines import View


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
    quiet: QuietOption = False,
    graph_file: GraphOption = None,
    color: ColorOption = None,
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
    rf_map: RfMapOption = None,
    erf: ErfOption = False,
    image: ImageOption = None,
    weights: WeightsOption = None,
) -> None:
    """Show every node of a network: shape, parameters, multiply-adds, receptive field; and its memory.

    Example: cnnbuild inspect architectures/resnet.yaml@resnet50 --input 3x224x224 --classes 1000
    """
    from cnnbuild.graph.views.summary.summary import Summary
    from cnnbuild.layers.plugins import registry_with

    form = form_asked(format_, output)
    view = view_asked(fold=fold, depth=depth, columns=columns, sort=sort, top=top)
    gates = gates_asked(max_params, max_macs, max_memory, min_rf)
    fields = FieldsAsked(rf_map, image, erf, weights)
    fields.check()
    check_graph_options(graph_file, color, sweep)
    if fields.anything:
        _require_stages_alone(view, form, other=sweep or layer)
    contract = contract_required(dataset, data_root, input_, classes)
    overrides, registry = parse_settings(set_), registry_with(plugin or ())
    if layer is not None:
        require_plain_view(view, "--layer shows one layer")
    if sweep is not None:
        require_plain_view(view, "--sweep shows one row for each size")
        if layer is not None:
            raise UsageError("--layer and --sweep are two things to show; give one of them")
        sizes = sizes_asked(sweep, contract)
        swept = sweep_asked(
            architecture, sizes, contract, overrides, registry, batch=batch, dtype=dtype, optimizer=optimizer
        )
        summaries = [step.summary for step in swept.steps if step.summary is not None]
        text = sweep_text(swept, form, output)
    else:
        with rows_before_faults(asked=form == "table" and not quiet):
            graph = graph_asked(architecture, contract, overrides, registry)
        if graph_file is not None:
            write_graph(graph, graph_file, color, depth)
        summaries = [Summary(graph, batch, dtype, optimizer, view)]
        if fields.anything:
            text = fields_told(graph, fields, as_json=form == "json") + "\n"
        elif layer is not None:
            text = layer_text(graph, layer, form, batch=batch, dtype=dtype)
        else:
            text = summary_text(summaries[0], form, output)
    if not quiet:
        echo_warnings(*(summary.graph for summary in summaries))
    emit(text, output, quiet=quiet)
    broken = [sentence for summary in summaries for sentence in broken_gates(summary, gates)]
    for sentence in broken:
        echo_faults(f"error: {sentence}")
    if broken:
        raise typer.Exit(1)


def _require_stages_alone(view: View, form: Form, *, other: str | None) -> None:
    """Refuse flags that the list of the stages' fields cannot honour; `other` asks for something else.

    Raises:
        UsageError: one was given.
    """
    if other is not None:
        raise UsageError("--rf-map and --erf show the stages; leave out --sweep and --layer")
    require_plain_view(view, "--rf-map and --erf list the stages")
    if form not in {"table", "json"}:
        raise UsageError(f"--rf-map and --erf are listed as a table or as json, not as {form}")
