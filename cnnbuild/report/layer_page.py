"""The page of a study of layers: one self-contained file, from results alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from cnnbuild.report.layer_figures import response_figures
from cnnbuild.report.page_shell import page_templates
from cnnbuild.studies.files import write_result
from cnnbuild.studies.layer_comparison.record import (
    Difference,
    LayerResults,
    PairRecord,
    SideRecord,
    Timing,
)
from cnnbuild.studies.layer_comparison.results import read_layer_results
from cnnbuild.studies.layer_comparison.verdict import Verdict, verdict_of

MICROSECONDS, KIB = 1e6, 1024


@dataclass(frozen=True, slots=True)
class DifferenceLine:
    """What is compared, and for each dtype the worst over the seeds."""

    what: str
    mode: str
    largest: str
    relative: str
    mean: str
    cosine: str
    double: str


@dataclass(frozen=True, slots=True)
class CostLine:
    """What one side costs, as text."""

    side: str
    parameters: str
    macs: str
    activations: str
    kept: str
    peak: str
    forward: str
    both: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """Gradients of a side against finite differences: all that agree, or one with a note."""

    side: str
    of: str
    holds: bool
    note: str


@dataclass(frozen=True, slots=True)
class PairSection:
    """What the page shows of one pair."""

    record: PairRecord
    verdict: Verdict
    shape: str
    expected: str
    differences: list[DifferenceLine]
    constants: list[DifferenceLine]
    checks: list[CheckLine]
    costs: list[CostLine]
    figures: list[Markup]

    @property
    def status(self) -> str:
        """How its verdict is coloured."""
        if self.verdict.as_expected is False or self.record.state == "failed":
            return "bad"
        return "good" if self.verdict.as_expected else ""


def write_layer_report(folder: Path, *, out: Path | None = None) -> Path:
    """Write `report.html` into the folder of a study of layers, or `out`, and give its path.

    Nothing is measured again.

    Raises:
        DataError: the folder holds no results, or damaged ones.
        RunError: the page cannot be written.
    """
    page = folder / "report.html" if out is None else out
    write_result(page, render_layer_page(read_layer_results(folder)))
    return page


def render_layer_page(results: LayerResults) -> str:
    """The page as HTML."""
    conditions = results.conditions
    manifest = [
        *conditions.versions.items(),
        ("device", conditions.device),
        ("hardware", conditions.hardware),
        ("threads", str(conditions.threads)),
        ("started", conditions.started),
        ("time", f"{conditions.seconds:.1f} s"),
    ]
    sections = [_section(index, record) for index, record in enumerate(results.pairs)]
    return (
        page_templates()
        .get_template("layers.html.j2")
        .render(
            study=results,
            reload_seconds=None,
            entries=_contents(results),
            sections=sections,
            manifest=manifest,
            has_peaks=any(cost.peak for section in sections for cost in section.costs),
        )
    )


def _contents(results: LayerResults) -> list[tuple[str, str]]:
    """What the table of contents leads to, with its words."""
    pairs = [(f"pair{index}", record.name) for index, record in enumerate(results.pairs)]
    return [
        ("verdicts", "Verdicts"),
        ("costs", "Costs"),
        *pairs,
        ("methods", "Methods"),
        ("manifest", "Manifest"),
    ]


def _section(index: int, record: PairRecord) -> PairSection:
    sides = [("custom", record.custom), ("standard", record.standard)]
    there = [(name, side) for name, side in sides if side is not None]
    return PairSection(
        record=record,
        verdict=verdict_of(record),
        shape=f"{'x'.join(map(str, record.input))} to {'x'.join(map(str, record.output))}",
        expected=(record.expect or "").replace("_", " "),
        differences=_differences(record),
        constants=_constants(record),
        checks=[line for name, side in there for line in _checks(name, side)],
        costs=[_cost(name, side) for name, side in there],
        figures=response_figures(index, record),
    )


def _checks(name: str, side: SideRecord) -> list[CheckLine]:
    """What agrees without a word in one line, everything else in one each."""
    plain = [check.of for check in side.gradient_checks if check.holds and not check.note]
    others = [check for check in side.gradient_checks if not check.holds or check.note]
    lines = [CheckLine(name, ", ".join(plain), holds=True, note="")] if plain else []
    return lines + [CheckLine(name, one.of, one.holds, one.note) for one in others]


def _differences(record: PairRecord) -> list[DifferenceLine]:
    """A line for outputs and for each gradient, in each mode: the worst seed in float32, and in float64."""
    found: dict[tuple[str, str], dict[str, list[Difference]]] = {}
    for comparison in record.comparisons:
        named = {"output": comparison.output, "gradient of the input": comparison.input_gradient}
        named |= {f"gradient of {name}": one for name, one in comparison.weights.items()}
        for what, one in named.items():
            found.setdefault((what, comparison.mode), {}).setdefault(comparison.dtype, []).append(one)
    lines: list[DifferenceLine] = []
    for what in dict.fromkeys(what for what, _ in found):
        of_modes = {mode: by_dtype for (named, mode), by_dtype in found.items() if named == what}
        each = [
            _line(what, mode, _worst(by_dtype["float32"]), _worst(by_dtype["float64"]))
            for mode, by_dtype in of_modes.items()
        ]
        alike = {replace(line, mode="") for line in each}
        lines += [replace(each[0], mode=" and ".join(of_modes))] if len(alike) == 1 else each
    return lines


def _constants(record: PairRecord) -> list[DifferenceLine]:
    lines = []
    for constant in record.constants:
        where = f"all {constant.value:g}"
        lines.append(_line("output", where, constant.output, constant.output))
        lines.append(_line("gradient of the input", where, constant.input_gradient, constant.input_gradient))
    return lines


def _worst(found: list[Difference]) -> Difference:
    return max(found, key=lambda one: float("inf") if one.relative is None else one.relative)


def _line(what: str, mode: str, single: Difference, double: Difference) -> DifferenceLine:
    return DifferenceLine(
        what=what,
        mode=mode,
        largest=_number(single.largest),
        relative=_number(single.relative),
        mean=_number(single.mean),
        cosine="none" if single.cosine is None else f"{single.cosine:.6f}",
        double=_number(double.relative),
    )


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.2g}"


def _cost(name: str, side: SideRecord) -> CostLine:
    cost = side.cost
    return CostLine(
        side=name,
        parameters=f"{cost.parameters:,}",
        macs=f"{cost.macs:,}",
        activations=f"{cost.activation_bytes / KIB:,.1f}",
        kept=f"{cost.kept_bytes / KIB:,.1f}",
        peak="" if cost.peak_bytes is None else f"{cost.peak_bytes / KIB:,.1f}",
        forward=_timing(cost.forward),
        both=_timing(cost.forward_backward),
    )


def _timing(timing: Timing) -> str:
    low, median, high = (
        f"{MICROSECONDS * seconds:,.3g}" if seconds < 1e-3 else f"{MICROSECONDS * seconds:,.0f}"
        for seconds in (timing.low_seconds, timing.median_seconds, timing.high_seconds)
    )
    return f"{median} ({low} to {high})"
