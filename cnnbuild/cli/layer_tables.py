"""The tables of `cnnbuild run` for a study of layers: the plan, what is equal, what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from cnnbuild.layers.base import format_shape
from cnnbuild.studies.layer_comparison.plan import LayerStudyPlan, output_shape
from cnnbuild.studies.layer_comparison.verdict import verdict_of, worst_backward, worst_forward

if TYPE_CHECKING:
    from cnnbuild.studies.layer_comparison.record import LayerResults, PairRecord, SideRecord


def layer_plan_table(plan: LayerStudyPlan) -> Table:
    """What would be compared: one line per layer."""
    table = Table(title=escape(plan.document.title), title_justify="left")
    for column in ("layer", "custom", "standard"):
        table.add_column(column, overflow="fold")
    for column in ("input", "output", "inputs", "expected"):
        table.add_column(column, no_wrap=True)
    for planned in plan.pairs:
        pair = planned.pair
        table.add_row(
            escape(pair.name),
            escape(pair.custom.text),
            escape(pair.standard.text) if pair.standard is not None else "none",
            "x".join(str(size) for size in pair.input),
            format_shape(output_shape(planned.custom)),
            pair.numbers,
            (pair.expect or "").replace("_", " "),
        )
    return table


def layer_results_table(results: LayerResults) -> Table:
    """What was found: the largest differences, gradcheck, and the verdict in words."""
    table = Table(title=escape(results.title), title_justify="left")
    table.add_column("layer", no_wrap=True)
    for column in ("forward", "backward", "float64"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("gradcheck", no_wrap=True)
    table.add_column("expected", no_wrap=True)
    table.add_column("verdict", overflow="fold", min_width=30)
    for record in results.pairs:
        verdict = verdict_of(record)
        table.add_row(
            escape(record.name),
            *_figures(record),
            gradcheck_told(record.custom),
            expectation_told(record.expect, as_expected=verdict.as_expected),
            escape(verdict.sentence),
        )
    return table


def cost_table(results: LayerResults) -> Table:
    """What each side costs."""
    table = Table(title="Costs", title_justify="left")
    table.add_column("layer", no_wrap=True)
    table.add_column("side", no_wrap=True)
    for column in ("parameters", "multiply-adds", "forward µs", "and backward µs", "kept KiB"):
        table.add_column(column, justify="right", no_wrap=True)
    for record in results.pairs:
        for name, side in (("custom", record.custom), ("standard", record.standard)):
            if side is not None:
                cost = side.cost
                table.add_row(
                    escape(record.name) if name == "custom" else "",
                    name,
                    f"{cost.parameters:,}",
                    f"{cost.macs:,}",
                    f"{1e6 * cost.forward.median_seconds:,.0f}",
                    f"{1e6 * cost.forward_backward.median_seconds:,.0f}",
                    f"{cost.kept_bytes / 1024:,.0f}",
                )
    return table


def gradcheck_told(side: SideRecord | None) -> str:
    """Whether the gradients of a side are those of finite differences, and of what they are not."""
    if side is None:
        return ""
    broken = [check.of for check in side.gradient_checks if not check.holds]
    return f"not of {', '.join(broken)}" if broken else "holds"


def expectation_told(expect: str | None, *, as_expected: bool | None) -> str:
    """What the file expects, and whether it came so."""
    if expect is None:
        return ""
    word = expect.replace("_", " ")
    return word if as_expected else f"{word}: no"


def _figures(record: PairRecord) -> tuple[str, str, str]:
    """The largest relative differences: forward and backward in float32, and the larger one in float64."""
    if not record.comparisons:
        return "", "", ""
    forward, backward = (kind(record, dtype="float32").relative for kind in (worst_forward, worst_backward))
    double = max(kind(record, dtype="float64").relative for kind in (worst_forward, worst_backward))
    return f"{forward:.1g}", f"{backward:.1g}", f"{double:.1g}"
