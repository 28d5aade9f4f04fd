"""The numbers of a map of receptive fields: as a table, and as JSON has them."""

from __future__ import annotations

from cnnbuild.graph.views.rf_map.drawing import MapRequest
from cnnbuild.graph.views.rf_map.words import EFFECTIVE_HEADINGS, HEADINGS, cells_of, stage_to_dict
from cnnbuild.graph.views.summary import Json

SCHEMA_VERSION = 1
RULE = "─"


def stages_cells(request: MapRequest) -> tuple[list[str], list[list[str]]]:
    """The headings and the rows."""
    height, width = request.graph.contract.shape[1:]
    measured = {field.stage.node: field for field in request.effective}
    headings = [*HEADINGS, *(EFFECTIVE_HEADINGS if measured else ())]
    return headings, [cells_of(stage, (height, width), measured.get(stage.node)) for stage in request.stages]


def stages_table(request: MapRequest) -> str:
    """The table that `--rf-map` and `--erf` print."""
    graph = request.graph
    headings, rows = stages_cells(request)
    widths = [max(len(line[n]) for line in (headings, *rows)) for n in range(len(headings))]
    title = graph.name + (f"@{graph.variant}" if graph.variant else "")
    size = "x".join(str(length) for length in graph.contract.shape)
    lines = [f"{title}  input {size}, the central output of each stage", ""]
    for n, line in enumerate((headings, *rows)):
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        if n == 0:
            lines.append(RULE * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join([*lines, *(("", *request.notes) if request.notes else ())])


def stages_to_dict(request: MapRequest) -> dict[str, Json]:
    """The stages as JSON has them."""
    measured = {field.stage.node: field for field in request.effective}
    graph = request.graph
    return {
        "schema": SCHEMA_VERSION,
        "name": graph.name,
        "variant": graph.variant,
        "input": list(graph.contract.shape),
        "stages": [
            stage_to_dict(stage, graph.nodes[stage.node].name, measured.get(stage.node))
            for stage in request.stages
        ],
        "notes": list(request.notes),
    }
