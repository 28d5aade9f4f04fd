"""The forest plot: each difference to the baseline with its interval, the band, and the verdict in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Affine2D, Affine2DBase, ScaledTranslation

from cnnbuild.report.block import Block, DataTable
from cnnbuild.report.comparison.words import figure_name, listed
from cnnbuild.report.figures.labels import short_name
from cnnbuild.report.figures.looks import Look
from cnnbuild.report.figures.svg import GRID, INK, figure_style, figure_svg
from cnnbuild.studies.findings import Finding
from cnnbuild.studies.results import StudyResults

MOST_LINES = 48
LINE_INCHES = 0.27
WIDTH_INCHES = 8.4
NUMBERS_INCHES, VERDICT_INCHES = 1.75, 1.35  # the two columns of text at the right
LETTER_INCHES = 0.083
TEXT_SIZE = 9.5
WIDEST = (
    6.0  # times the largest difference, or the band: intervals that reach farther are cut off, with an arrow
)
SEPARATOR = "minus"


@dataclass(frozen=True, slots=True)
class ForestLine:
    """One line of the plot: a heading, or a finding at `y` lines from the top."""

    y: int
    heading: str
    finding: Finding | None


def forest_blocks(
    results: StudyResults, findings: Sequence[Finding], looks: Mapping[str, Look]
) -> list[Block]:
    """One plot for each data set, with all points of the grid; none where nothing was compared."""
    found = []
    labels = {row.dataset: row.dataset_label for row in results.rows}
    for index, dataset in enumerate(results.study.datasets):
        of_data = [one for one in findings if one.dataset == dataset]
        if of_data:
            found.append(_block(index, labels.get(dataset, dataset), of_data, results, looks))
    return found


def forest_lines(findings: Sequence[Finding]) -> list[ForestLine]:
    """The lines from the top: a heading before each point of the grid, then its findings."""
    lines: list[ForestLine] = []
    before = ""
    for finding in findings:
        if finding.setting and finding.setting != before:
            lines.append(ForestLine(len(lines), finding.setting, None))
            before = finding.setting
        lines.append(ForestLine(len(lines), "", finding))
    return lines


def forest_limits(findings: Sequence[Finding], band: float) -> tuple[float, float]:
    """The range that is drawn: that of all intervals, but at most six times the largest difference.

    It always holds 0 and the band. With three seeds an interval may reach thirty times as far as the
    difference, and would make all others a dot.
    """
    means = [abs(one.difference_points) for one in findings if one.difference_points is not None]
    ends = [end for one in findings for end in (one.low_points, one.high_points) if end is not None]
    widest = WIDEST * max([band, *means])
    low = min([-1.4 * band, *(-mean * 1.1 for mean in _negative(findings)), *ends])
    high = max([1.4 * band, *(mean * 1.1 for mean in _positive(findings)), *ends])
    low, high = max(low, -widest), min(high, widest)
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def _negative(findings: Sequence[Finding]) -> list[float]:
    return [-d for one in findings if (d := one.difference_points) is not None and d < 0]


def _positive(findings: Sequence[Finding]) -> list[float]:
    return [d for one in findings if (d := one.difference_points) is not None and d > 0]


def difference_text(finding: Finding) -> str:
    """The difference with its interval, as the plot and its table write it."""
    if finding.difference_points is None:
        return ""
    if finding.low_points is None or finding.high_points is None:
        return f"{finding.difference_points:+.2f}"
    return f"{finding.difference_points:+.2f} [{finding.low_points:+.2f}, {finding.high_points:+.2f}]"


def _block(
    index: int, data: str, findings: Sequence[Finding], results: StudyResults, looks: Mapping[str, Look]
) -> Block:
    baseline, band = results.study.baseline, results.study.equivalence_points
    name, title = figure_name("differences", index), f"Differences to {baseline} on {data}"
    lines = forest_lines(findings)
    shown = lines[:MOST_LINES]
    body = _draw(name, title, shown, looks, baseline=baseline, band=band)
    table = DataTable(
        f"{title}, in points of test accuracy",
        (
            "architecture",
            *(("setting",) if results.study.settings else ()),
            "difference",
            "interval",
            "verdict",
        ),
        tuple(_cells(one, with_setting=bool(results.study.settings)) for one in findings),
    )
    caption = _caption(findings, baseline, band)
    if len(lines) > len(shown):
        caption += (
            f" The figure shows the first {MOST_LINES} lines, the table all {len(findings)} comparisons."
        )
    section = data if not results.study.settings else ""
    heading = title if results.study.settings else f"Differences to {baseline}"
    return Block(name, "comparison", heading, body, caption, table, wide=True, section=section)


def _cells(finding: Finding, *, with_setting: bool) -> tuple[str, ...]:
    difference = "" if finding.difference_points is None else f"{finding.difference_points:+.2f}"
    interval = (
        "" if finding.low_points is None else f"{finding.low_points:+.2f} to {finding.high_points:+.2f}"
    )
    setting = (finding.setting,) if with_setting else ()
    return (finding.architecture, *setting, difference, interval, finding.verdict)


def _caption(findings: Sequence[Finding], baseline: str, band: float) -> str:
    by_verdict: dict[str, list[str]] = {}
    for one in findings:
        setting = f" ({one.setting})" if one.setting else ""
        by_verdict.setdefault(one.verdict, []).append(f"{one.architecture}{setting}")
    said = "; ".join(f"{verdict}: {listed(names)}" for verdict, names in by_verdict.items())
    intervals = any(one.low_points is not None for one in findings)
    several = sum(one.low_points is not None for one in findings) > 1
    corrected = ", corrected for the comparisons of its family" if several else ""
    reading = (
        f"Points to the right of 0 are more accurate than {baseline}. The shaded band of {band:g} points to "
        "each side is what the study declares to be of no practical importance."
    )
    bars = f" Bars are 95 % intervals over paired seeds{corrected}." if intervals else ""
    hollow = " Hollow markers have no interval: one or two seeds only describe." if any(
        one.difference_points is not None and one.low_points is None for one in findings
    ) else ""  # fmt: skip
    return f"Verdicts: {said}. {reading}{bars}{hollow}"


def _draw(
    name: str,
    title: str,
    lines: Sequence[ForestLine],
    looks: Mapping[str, Look],
    *,
    baseline: str,
    band: float,
) -> Markup:
    findings = [line.finding for line in lines if line.finding is not None]
    low, high = forest_limits(findings, band)
    with figure_style(name):
        height = LINE_INCHES * len(lines) + 0.95
        figure = Figure(figsize=(WIDTH_INCHES, height))
        left = (0.4 + LETTER_INCHES * max(len(_name(line)) for line in lines)) / WIDTH_INCHES
        right = 1 - (0.1 + NUMBERS_INCHES + VERDICT_INCHES) / WIDTH_INCHES
        axes = figure.add_axes((left, 0.62 / height, right - left, 1 - 0.92 / height))
        axes.set_xlim(low, high)
        axes.set_ylim(len(lines) - 0.5, -0.5)
        axes.axvspan(-band, band, color=GRID, alpha=0.75, linewidth=0)
        axes.axvline(0, color=INK, linewidth=1.0)
        for line in lines:
            _draw_line(axes, line, looks, low, high)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
        axes.set_xlabel(f"points of test accuracy, {SEPARATOR} those of {short_name(baseline)}")
        axes.text(
            0, -0.7, f"within ±{band:g}: no practical difference", ha="center", va="center", fontsize=8.5
        )
        return figure_svg(figure, name, title)


def _name(line: ForestLine) -> str:
    return short_name(line.heading if line.finding is None else line.finding.architecture)


def _draw_line(axes: Axes, line: ForestLine, looks: Mapping[str, Look], low: float, high: float) -> None:
    """One line: name and marker at the left, the interval, and its numbers and verdict at the right."""
    finding = line.finding
    if finding is None:
        _write(axes, 0, -0.12, line.y, _name(line), weight="bold", align="right")
        return
    look = looks[finding.architecture]
    _write(axes, 0, -0.3, line.y, _name(line), align="right")
    beside = axes.get_yaxis_transform() + ScaledTranslation(-0.2, 0, _scale(axes))
    axes.plot(
        [0], [line.y], look.marker, color=look.colour, markersize=5.5, transform=beside, clip_on=False
    )  # fmt: skip
    _write(axes, 1, 0.12, line.y, difference_text(finding))
    _write(axes, 1, 0.12 + NUMBERS_INCHES, line.y, finding.verdict, weight="bold")
    if finding.difference_points is None:
        return
    tested = finding.low_points is not None and finding.high_points is not None
    if finding.low_points is not None and finding.high_points is not None:
        ends = (max(finding.low_points, low), min(finding.high_points, high))
        axes.plot(ends, (line.y, line.y), color=look.colour, linewidth=2.2, solid_capstyle="butt")
        for end, whole, arrow in zip(ends, (finding.low_points, finding.high_points), "<>", strict=True):
            cut = end != whole
            axes.plot(
                [end], [line.y], arrow if cut else "|", color=look.colour, clip_on=not cut,
                markersize=6 if cut else 8, markeredgewidth=1.6,
            )  # fmt: skip
    axes.plot(
        [finding.difference_points],
        [line.y],
        look.marker,
        markersize=7,
        markeredgecolor=look.colour,
        markerfacecolor=look.colour if tested else "none",
        markeredgewidth=1.4,
    )


def _scale(axes: Axes) -> Affine2DBase:
    """Inches."""
    figure = axes.get_figure(root=True)
    return Affine2D() if figure is None else figure.dpi_scale_trans


def _write(
    axes: Axes,
    edge: Literal[0, 1],
    inches: float,
    y: float,
    text: str,
    *,
    align: Literal["left", "right"] = "left",
    weight: Literal["normal", "bold"] = "normal",
) -> None:
    """Text on a line of the plot, so many inches to the right of its left (0) or right (1) edge."""
    place = axes.get_yaxis_transform() + ScaledTranslation(inches, 0, _scale(axes))
    axes.text(
        edge, y, text, ha=align, va="center", fontsize=TEXT_SIZE, fontweight=weight, transform=place
    )  # fmt: skip
