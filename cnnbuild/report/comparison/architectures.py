"""What was compared: each architecture as a diagram with its layers, and what it changes in the baseline."""

from __future__ import annotations

import re
from contextlib import suppress

from markupsafe import Markup

from cnnbuild.errors import UsageError
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.difference import GraphDiff, compare
from cnnbuild.graph.views.difference_text import difference_table
from cnnbuild.graph.views.picture import graph_scene, graph_svg
from cnnbuild.graph.views.picture.colours import PALETTES
from cnnbuild.graph.views.summary import Summary
from cnnbuild.report.block import Block, DataTable
from cnnbuild.report.comparison.words import figure_name, listed
from cnnbuild.report.figures.svg import is_keeping, keep_figure
from cnnbuild.report.graph_png import graph_png
from cnnbuild.studies.kept_networks import KeptNetwork, networks_of
from cnnbuild.studies.results import StudyResults

MOST_NETWORKS = 16
MOST_LAYERS = 120  # lines of a table; more make it worse than none
MOST_LINES = 90  # of a difference; networks that differ more are not read line by line
LARGEST_DIAGRAM = 90_000  # bytes of SVG; a larger one is closed to its outermost levels
WIDTH = 110
COLUMNS = ("layer", "op", "out", "params", "macs", "rf")


def architecture_blocks(results: StudyResults) -> list[Block]:
    """A diagram for each network and, for each but the baseline's, the difference; at most 16 networks."""
    blocks: list[Block] = []
    for index, network in enumerate(networks_of(results)[:MOST_NETWORKS]):
        several = len({row.where for row in results.rows}) > len(network.where)
        title = f"{network.architecture} on {listed(network.where)}" if several else network.architecture
        if network.graph is None:
            blocks += _text_block(index, title, network)
            continue
        blocks.append(_diagram(index, title, network.graph))
        if network.baseline is not None and network.architecture != results.study.baseline:
            blocks.append(
                _difference(index, network, network.baseline, network.graph, results.study.baseline)
            )
    return blocks


def _text_block(index: int, title: str, network: KeptNetwork) -> list[Block]:
    """The expanded text of a network that cannot be drawn."""
    name = figure_name("architecture", index)
    caption = f"{title} is shown as its expanded file and not drawn: {network.reason}."
    body = _as_written(network.text, f"{title} as text")
    return [Block(name, "architectures", title, body, caption, wide=True)] if network.text else []


def _diagram(index: int, title: str, graph: Graph) -> Block:
    name = figure_name("architecture", index)
    depth = None if len(graph_svg(graph)) <= LARGEST_DIAGRAM else 1
    if is_keeping():
        with suppress(UsageError):  # too large for any image
            keep_figure(name, graph_svg(graph, depth=depth), graph_png(graph_scene(graph, depth=depth)))
    summary = Summary(graph)
    totals, last = summary.totals, summary.last_map
    seen = f" An output of the last map sees {last.size[0]}x{last.size[1]} pixels." if last else ""
    caption = (
        f"{len(graph.nodes)} layers, {totals.parameters:,} parameters, {totals.macs:,} multiply-adds for one "
        f"image of {'x'.join(map(str, graph.contract.shape))}.{seen} Darker boxes have more multiply-adds; "
        "repeated blocks are drawn once, with how often they are repeated."
    )
    body = _on_page(graph_svg(graph, depth=depth), name)
    return Block(name, "architectures", title, body, caption, _layers(summary, title))


def _layers(summary: Summary, title: str) -> DataTable | None:
    """The layers as `inspect` lists them, copies folded; none where they are too many."""
    sheet = summary.sheet(COLUMNS)
    if len(sheet.levels) > MOST_LAYERS:
        return None
    rows = zip(*(column.cells for column in sheet.columns), strict=True)
    indented = (
        ("\u2003" * indent + cells[0], *cells[1:]) for indent, cells in zip(sheet.indents, rows, strict=True)
    )
    return DataTable(f"Layers of {title}", tuple(column.heading for column in sheet.columns), tuple(indented))


def _difference(index: int, network: KeptNetwork, before: Graph, after: Graph, baseline: str) -> Block:
    diff = compare(before, after)
    title = f"{network.architecture}, compared with {baseline}"
    lines = difference_table(diff, titles=(baseline, network.architecture), width=WIDTH).split("\n")
    left = len(lines) - MOST_LINES
    if left > 0:
        lines = [*lines[:MOST_LINES], f"… {left} more lines: see `cnnbuild diff`"]
    body = _as_written("\n".join(lines), title)
    name = figure_name("difference of architectures", index)
    return Block(name, "architectures", title, body, _caption(diff, network, baseline), wide=True)


def _caption(diff: GraphDiff, network: KeptNetwork, baseline: str) -> str:
    if diff.is_equal:
        return f"{network.architecture} and {baseline} are the same network, layer by layer."
    counts = [f"{diff.count(kind)} {kind}" for kind in ("added", "removed", "changed") if diff.count(kind)]
    totals = {figure.name: figure for figure in diff.totals}
    said = [
        f"{figure.before:,} to {figure.after:,} {noun}{_share(figure.before, figure.after)}"
        for figure, noun in ((totals["parameters"], "parameters"), (totals["macs"], "multiply-adds"))
    ]
    layers = f"{listed(counts)} layers" if counts else "the same layers, and another output"
    return (
        f"From {baseline} to {network.architecture}: {layers}; {listed(said)}. "
        "+ is only in the second, - only in the first, ~ in both with other figures."
    )


def _share(before: int, after: int) -> str:
    return f" ({100 * (after / before - 1):+.1f} %)" if before else ""


def _as_written(text: str, label: str) -> Markup:
    """Lines of text, which a narrow page scrolls, also by keyboard."""
    return Markup('<pre tabindex="0" role="region" aria-label="{}">{}</pre>').format(label, text)


def _on_page(svg: str, name: str) -> Markup:
    """A diagram as an element of a page: its own ids, no classes, the page's colours around its boxes."""
    light = PALETTES["light"]
    text = re.sub(r' class="[^"]*"', "", svg)
    text = re.sub(r"\b(title|desc)-[0-9a-f]{8}\b", rf"{name}-\1", text)
    text = re.sub(rf'<rect [^>]*fill="{light.page}"/>', "", text, count=1)
    size = r'^<svg ([^>]*?)width="([^"]*)" height="[^"]*" '
    text = re.sub(size, r'<svg \1style="max-width: \2px" ', text)
    for colour, shown in (
        (light.ink, "currentColor"),
        (light.muted, "var(--soft, currentColor)"),
        (light.edge, "var(--soft, currentColor)"),
        (light.frame[0], "rgba(128, 128, 128, 0.08)"),
        (light.frame[1], "rgba(128, 128, 128, 0.16)"),
        (light.frame_border, "rgba(128, 128, 128, 0.6)"),
    ):
        text = text.replace(f'="{colour}"', f'="{shown}"')
    return Markup(text)  # noqa: S704 - the writer of pictures escapes what it writes
