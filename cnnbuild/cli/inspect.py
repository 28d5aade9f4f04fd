"""`cnnbuild inspect`: shapes, parameters, multiply-adds and receptive fields, without loading torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.inspect_fields import ErfOption, FieldsAsked, ImageOption, RfMapOption, WeightsOption
from cnnbuild.cli.inspect_gates import (
    Gates,
    MaxMacsOption,
    MaxMemoryOption,
    MaxParamsOption,
    MinFieldOption,
    broken_gates,
    gates_asked,
)
from cnnbuild.cli.inspect_graph import Color, ColorOption, GraphOption, check_graph_options, write_graph
from cnnbuild.cli.inspect_layer import LayerOption
from cnnbuild.cli.inspect_reports import ReportAsked
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

if TYPE_CHECKING:
    from cnnbuild.graph.data_contract import DataContract
    from cnnbuild.graph.memory import Dtype
    from cnnbuild.graph.optimizer_state import Optimizer
    from cnnbuild.graph.views.summary.lines import View
    from cnnbuild.graph.views.summary.summary import Summary
    from cnnbuild.layers.registry import Registry


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
    from cnnbuild.layers.plugins import registry_with

    form = form_asked(format_, output)
    view = view_asked(fold=fold, depth=depth, columns=columns, sort=sort, top=top)
    gates = gates_asked(max_params, max_macs, max_memory, min_rf)
    report = ReportAsked(sweep, layer, FieldsAsked(rf_map, image, erf, weights), verify, macs_as)
    report.check(view, form)
    check_graph_options(graph_file, color, sweep)
    contract = contract_required(dataset, data_root, input_, classes)
    network = _Network(architecture, contract, parse_settings(set_), registry_with(plugin or ()))
    figures = _Figures(batch, dtype, optimizer, view, form, output)
    if sweep is not None:
        shown = _swept(network, figures, sweep)
    else:
        drawing = None if graph_file is None else (graph_file, color, depth)
        shown = _counted(network, figures, report, drawing, quiet=quiet)
    _show(shown, gates, output, quiet=quiet)


@dataclass(frozen=True)
class _Network:
    """A network as it was asked for."""

    architecture: str
    contract: DataContract
    overrides: Mapping[str, object]
    registry: Registry


@dataclass(frozen=True)
class _Figures:
    """What is counted of a network, and how it is shown."""

    batch: int
    dtype: Dtype
    optimizer: Optimizer
    view: View
    form: Form
    output: Path | None


@dataclass(frozen=True)
class _Shown:
    """Networks with the text that tells of them; `sound` is whether nothing in it speaks against them."""

    summaries: Sequence[Summary]
    text: str
    sound: bool


def _swept(network: _Network, figures: _Figures, sweep: str) -> _Shown:
    """A network at several sizes of its input."""
    swept = sweep_asked(
        network.architecture,
        sizes_asked(sweep, network.contract),
        network.contract,
        network.overrides,
        network.registry,
        batch=figures.batch,
        dtype=figures.dtype,
        optimizer=figures.optimizer,
    )
    summaries = [step.summary for step in swept.steps if step.summary is not None]
    return _Shown(summaries, sweep_text(swept, figures.form, figures.output), sound=True)


def _counted(
    network: _Network,
    figures: _Figures,
    report: ReportAsked,
    drawing: tuple[Path, Color | None, int | None] | None,
    *,
    quiet: bool,
) -> _Shown:
    """A network at one size; a `drawing` of it goes to a file, with its colour and depth."""
    from cnnbuild.graph.views.summary.summary import Summary

    with rows_before_faults(asked=figures.form == "table" and not quiet):
        graph = graph_asked(network.architecture, network.contract, network.overrides, network.registry)
    if drawing is not None:
        write_graph(graph, *drawing)
    summary = Summary(graph, figures.batch, figures.dtype, figures.optimizer, figures.view)
    if drawing is not None and figures.output is None and not report.names:
        return _Shown([summary], "", sound=True)
    return _Shown([summary], *report.told(summary, figures.form, figures.output))


def _show(shown: _Shown, gates: Gates, output: Path | None, *, quiet: bool) -> None:
    """Print or write, and leave with 1 where a network is not as it shall be.

    Raises:
        typer.Exit: 1.
    """
    if not quiet:
        echo_warnings(*(summary.graph for summary in shown.summaries))
    emit(shown.text, output, quiet=quiet)
    broken = [sentence for summary in shown.summaries for sentence in broken_gates(summary, gates)]
    for sentence in broken:
        echo_faults(f"error: {sentence}")
    if broken or not shown.sound:
        raise typer.Exit(1)
