"""What another tool would print, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from cnnbuild.graph.conventions.total import ConventionTotal
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.summary import MACS_CONVENTION, Json

SCHEMA_VERSION = 1
WIDTH = 100
SCOPE = (
    "Both are for one image, in evaluation, of the module that cnnbuild builds. A hand-written network that "
    "calls functions where this one has modules may get another number."
)


def convention_text(graph: Graph, found: ConventionTotal, *, width: int = WIDTH) -> str:
    """The total, how it is counted, and the layer types that make the difference to our multiply-adds."""
    convention = found.convention
    size = "x".join(map(str, graph.contract.shape))
    variant = f"@{graph.variant}" if graph.variant else ""
    lines = [f"{graph.name}{variant}  input {size}, {graph.contract.classes} classes", ""]
    lines += _totals(found)
    lines += ["", *_table(found)]
    for text in (f"{convention.tool}: {convention.words}", f"cnnbuild: {MACS_CONVENTION}.", SCOPE):
        lines += ["", *textwrap.wrap(text, width)]
    return "\n".join(lines)


def convention_to_dict(graph: Graph, found: ConventionTotal) -> dict[str, Json]:
    """The same as JSON has it; `total` is null where a type is not known, `counted` for such a type."""
    convention = found.convention
    return {
        "schema": SCHEMA_VERSION,
        "name": graph.name,
        "variant": graph.variant,
        "input": list(graph.contract.shape),
        "classes": graph.contract.classes,
        "tool": convention.tool,
        "version": convention.version,
        "call": convention.call,
        "noun": convention.noun,
        "words": convention.words,
        "total": found.total,
        "known_total": found.known_total,
        "macs": found.macs,
        "unknown": list(found.unknown),
        "by_type": [
            {"type": count.type, "nodes": count.nodes, "macs": count.macs, "counted": count.counted}
            for count in found.by_type
        ],
    }


def _totals(found: ConventionTotal) -> Iterator[str]:
    convention = found.convention
    if found.total is None:
        for name in found.unknown:
            yield f"not known how {convention.tool} counts `{name}`, so there is no total"
        rest = "without it" if len(found.unknown) == 1 else "without them"
        yield f"{convention.tool} {convention.version}, {rest}: {found.known_total:,} {convention.noun}"
    else:
        yield f"{convention.tool} {convention.version} prints {found.total:,} {convention.noun}"
        yield f"  {convention.call}"
    yield f"cnnbuild counts {found.macs:,} MACs"


def _table(found: ConventionTotal) -> Iterator[str]:
    """One row for each type that is counted in two ways, and one for all others."""
    tool = found.convention.tool
    rows: list[tuple[str, ...]] = [("type", "nodes", "cnnbuild", tool, "difference")]
    different = [count for count in found.by_type if count.counted != count.macs]
    for count in sorted(different, key=lambda count: -abs((count.counted or 0) - count.macs)):
        if count.counted is None:
            told = "not known", "?"
        else:
            told = f"{count.counted:,}", f"{count.counted - count.macs:+,}"
        rows.append((count.type, f"{count.nodes:,}", f"{count.macs:,}", *told))
    alike = [count for count in found.by_type if count.counted == count.macs]
    if alike:
        macs = f"{sum(count.macs for count in alike):,}"
        rows.append(("counted alike", f"{sum(count.nodes for count in alike):,}", macs, macs, ""))
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    for number, row in enumerate(rows):
        first, *numbers = (
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *numbers]).rstrip()
        if number == 0:
            yield "─" * (sum(widths) + 2 * 4)
