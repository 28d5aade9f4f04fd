"""What `cnnbuild run` does with a study that compares layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnnbuild.cli.options import parse_settings
from cnnbuild.cli.terminal import counted, echo_faults, echo_wrapped
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.studies.layer_comparison.plan import LayerStudyPlan
    from cnnbuild.studies.layer_comparison.record import LayerResults, PairRecord

REFUSED = "does not apply: this study compares layers"


def run_layers(
    reference: str,
    settings: list[str] | None,
    plugins: Sequence[Path] | None,
    refused: Mapping[str, object],
    *,
    seeds: int | None,
    out: Path | None,
    dry_run: bool,
    quiet: bool,
    trust: bool = False,
) -> None:
    """Check a study of layers, compare them, and write the report.

    `refused` are the values of flags that are about training, by name: none may be set.

    Raises:
        DocumentError: the study is faulty.
        UsageError: an argument cannot be honoured.
        typer.Exit: 1 after a failed pair, or one that is not what the file expects; 130 after Ctrl-C.
    """
    from cnnbuild.lang.layer_study import read_layer_study
    from cnnbuild.lang.reference import split_reference
    from cnnbuild.studies.layer_comparison.plan import plan_layers
    from cnnbuild.studies.layer_comparison.results import require_folder
    from cnnbuild.studies.naming import default_folder
    from cnnbuild.studies.trust import registry_for

    for flag, value in refused.items():
        if value:
            raise UsageError(f"{flag} {REFUSED}; it trains nothing and reads no data")
    path, variant = split_reference(reference)
    document = read_layer_study(path, variant=variant, settings=parse_settings(settings), seeds=seeds)
    folder = out if out is not None else default_folder(document)
    plan = plan_layers(document, registry=registry_for(document, plugins or (), trust=trust))
    require_folder(folder, document.name)
    for warning in plan.warnings:
        echo_faults(f"{warning}\n")
    if dry_run:
        _print_plan(plan)
        return
    _run(plan, folder, quiet=quiet)


def _print_plan(plan: LayerStudyPlan) -> None:
    from cnnbuild.cli.layer_tables import layer_plan_table
    from cnnbuild.cli.study_tables import print_table

    print_table(layer_plan_table(plan))
    seeds = counted(len(plan.document.seeds), "seed")
    typer.echo(
        f"{counted(len(plan.pairs), 'layer')} with {seeds} each; every layer fits. Nothing was measured."
    )


def _run(plan: LayerStudyPlan, folder: Path, *, quiet: bool) -> None:
    """Compare, show, and leave with 1 where something failed or is not as expected."""
    from cnnbuild.cli.layer_tables import cost_table, layer_results_table
    from cnnbuild.cli.study_tables import print_table
    from cnnbuild.report.last_report import write_last_report
    from cnnbuild.report.layer_page import write_layer_report
    from cnnbuild.studies.layer_comparison.results import write_layer_results
    from cnnbuild.studies.layer_comparison.run import run_layers as measure

    total = len(plan.pairs)
    ended: list[PairRecord] = []

    def tell(record: PairRecord) -> None:
        ended.append(record)
        if not quiet:
            typer.echo(f"[{len(ended)}/{total}] {record.name}: {record.reason or record.state}", err=True)

    try:
        results = measure(plan, on_pair=tell)
    except KeyboardInterrupt:
        typer.echo(f"Stopped after {len(ended)} of {total}; nothing was written.", err=True)
        raise typer.Exit(130) from None
    write_layer_results(folder, results)
    print_table(layer_results_table(results))
    print_table(cost_table(results))
    _print_end(results)
    typer.echo(f"Report: {write_last_report(folder, write_layer_report)}")
    if not _is_fine(results):
        raise typer.Exit(1)


def _print_end(results: LayerResults) -> None:
    """Under which conditions, and what is not as it should be."""
    from cnnbuild.studies.layer_comparison.verdict import verdict_of

    one = results.conditions
    threads = counted(one.threads, "thread")
    echo_wrapped(
        f"Times are of this machine ({one.device}, {threads}): medians of passes in turn, "
        f"for {results.pairs[0].batch} images. Nothing is said of inputs that were not tested."
    )
    for record in results.pairs:
        for name, side in (("custom", record.custom), ("standard", record.standard)):
            for check in side.gradient_checks if side is not None else ():
                if check.note:
                    echo_wrapped(f"- {record.name}, {name} side, gradient of {check.of}: {check.note}")
    for record in results.pairs:
        verdict = verdict_of(record)
        if verdict.as_expected is False:
            told = (
                f"error: {record.name} is not {(record.expect or '').replace('_', ' ')}, as the file expects"
            )
            echo_faults(f"{told}: {verdict.sentence}")
        elif record.state == "failed":
            echo_faults(f"error: {record.name} {verdict.sentence}")


def _is_fine(results: LayerResults) -> bool:
    from cnnbuild.studies.layer_comparison.verdict import verdict_of

    return all(
        record.state == "done" and verdict_of(record).as_expected is not False for record in results.pairs
    )
