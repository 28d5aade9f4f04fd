"""A page on one level of names: what is in it, and the sums over that."""

from __future__ import annotations

from cnnbuild.graph.graph import INPUT, Graph
from cnnbuild.graph.memory import Dtype, memory_of
from cnnbuild.graph.views.field_arithmetic import in_words
from cnnbuild.graph.views.layer_facts import LAYER_SCHEMA, name_of, percent, readers_of, share
from cnnbuild.graph.views.summary.captions import Json, caption, sizes

COLUMNS = ("layer", "type", "output", "parameters", "MACs", "activation", "kept")
LEFT_ALIGNED = {0, 1, 2}
AXES = ("rows", "columns")


def level_page(graph: Graph, name: str, nodes: tuple[int, ...], *, batch: int, dtype: Dtype) -> str:
    """The layers of a level in a table, with their sums and what goes in and out; sizes in bytes."""
    data = level_dict(graph, name, nodes, batch=batch, dtype=dtype)
    memory = memory_of(graph, batch=batch, dtype=dtype)
    rows = [
        (
            name_of(graph, n).removeprefix(f"{name}."),
            caption(graph.nodes[n].layer),
            sizes(graph.nodes[n].shape),
            *(
                f"{count:,}"
                for count in (
                    graph.nodes[n].parameters,
                    graph.nodes[n].macs,
                    memory.node_activation_bytes[n],
                    memory.node_kept_bytes[n],
                )
            ),
        )
        for n in nodes
    ]
    sums = [data[key] for key in ("parameters", "macs", "activation_bytes", "kept_bytes")]
    last = ("sum", "", "", *(f"{count:,}" for count in sums if isinstance(count, int)))
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, last, strict=True)]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    label = graph.labels.get(tuple(name.split(".")), "")
    count = f"{len(nodes)} layer{'' if len(nodes) == 1 else 's'}"
    return "\n".join(
        [
            f"{name}: {label}, {count}" if label else f"{name}: {count}",
            "",
            _line(COLUMNS, widths),
            rule,
            *(_line(row, widths) for row in rows),
            rule,
            _line(last, widths),
            "",
            f"share of the network: {_share(data, 'parameter_share')} of the parameters, "
            f"{_share(data, 'mac_share')} of the MACs",
            f"activation and kept: bytes of {batch} image{'' if batch == 1 else 's'} in {dtype};",
            "kept is what the backward pass needs of what a layer made, for itself or for those who read it",
            *_ends(graph, nodes),
        ]
    )


def level_dict(
    graph: Graph, name: str, nodes: tuple[int, ...], *, batch: int, dtype: Dtype
) -> dict[str, Json]:
    """The sums over a level as JSON has them."""
    memory = memory_of(graph, batch=batch, dtype=dtype)
    parameters = sum(graph.nodes[n].parameters for n in nodes)
    macs = sum(graph.nodes[n].macs for n in nodes)
    return {
        "schema": LAYER_SCHEMA,
        "name": name,
        "label": graph.labels.get(tuple(name.split("."))),
        "nodes": [graph.nodes[n].name for n in nodes],
        "read_by": list(readers_of(graph, set(nodes))),
        "parameters": parameters,
        "parameter_share": share(parameters, graph.parameters),
        "macs": macs,
        "mac_share": share(macs, graph.macs),
        "batch": batch,
        "dtype": dtype,
        "activation_bytes": sum(memory.node_activation_bytes[n] for n in nodes),
        "kept_bytes": sum(memory.node_kept_bytes[n] for n in nodes),
    }


def _share(data: dict[str, Json], key: str) -> str:
    fraction = data[key]
    return percent(fraction) if isinstance(fraction, float) else ""


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    aligned = (
        cell.ljust(width) if n in LEFT_ALIGNED else cell.rjust(width)
        for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(aligned).rstrip()


def _ends(graph: Graph, nodes: tuple[int, ...]) -> list[str]:
    """What goes in and out, and how far it sees."""
    inside = set(nodes)
    taken = dict.fromkeys(source for n in nodes for source in graph.nodes[n].inputs if source not in inside)
    names = ["the images" if source == INPUT else name_of(graph, source) for source in taken]
    lines = [f"reads {', '.join(names)}", f"is read by {', '.join(readers_of(graph, inside)) or 'nobody'}"]
    field = graph.nodes[nodes[-1]].field
    if field is not None:
        seen = [in_words(axis.whole) for axis in field]
        if any(axis.whole.is_global and not axis.local.is_global for axis in field):
            seen = [
                f"{whole} (without gates {in_words(axis.local)})"
                for whole, axis in zip(seen, field, strict=True)
            ]
        shown = seen[0] if seen[0] == seen[1] else f"{seen[0]} (rows), {seen[1]} (columns)"
        lines.append(f"receptive field of its last layer: {shown}")
    return lines
