"""`cnnbuild inspect --verify` and `--macs-as`: the analysis against torch, and as other tools count."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from cnnbuild.graph.conventions.convention import Tool
    from cnnbuild.graph.graph import Graph

VerifyOption = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Check the analysis against torch: shapes, weights, multiply-adds, receptive fields. "
        "Exit code 1 on a difference.",
        rich_help_panel="Instead of the table",
    ),
]

MacsAsOption = Annotated[
    Literal["fvcore", "ptflops", "torchinfo", "thop"] | None,
    typer.Option(
        "--macs-as",
        help="Print the total that another tool gives for this network, and why it differs; the tool is not "
        "needed. Exit code 1 where it is not known how the tool counts a layer type.",
        show_default=False,
        rich_help_panel="Instead of the table",
    ),
]


def macs_as_text(graph: Graph, tool: Tool, *, as_json: bool) -> tuple[str, bool]:
    """What a tool would say of a network, and whether it is known of every layer type."""
    from cnnbuild.graph.conventions.text import convention_text, convention_to_dict
    from cnnbuild.graph.conventions.total import total_as

    found = total_as(graph, tool)
    if as_json:
        return json.dumps(convention_to_dict(graph, found), indent=2) + "\n", not found.unknown
    return convention_text(graph, found) + "\n", not found.unknown


def verification_told(graph: Graph, *, as_json: bool) -> tuple[str, bool]:
    """How the analysis of a network compares with torch, and whether the two agree."""
    from cnnbuild.analyses.verification import verify
    from cnnbuild.analyses.verification_text import verification_text

    verification = verify(graph)
    if as_json:
        return json.dumps(verification.to_dict(), indent=2) + "\n", verification.agrees
    return verification_text(verification) + "\n", verification.agrees
