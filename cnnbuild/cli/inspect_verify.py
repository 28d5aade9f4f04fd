"""`cnnbuild inspect --verify` and `--macs-as`: the analysis against torch, and as other tools count."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnbuild.cli.options import print_or_write

if TYPE_CHECKING:
    from cnnbuild.graph.conventions.convention import Tool
    from cnnbuild.graph.graph import Graph

VerifyOption = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Check the analysis against torch: shapes, weights, multiply-adds, receptive fields. "
        "Exit code 1 on a difference.",
    ),
]

MacsAsOption = Annotated[
    Literal["fvcore", "ptflops", "torchinfo", "thop"] | None,
    typer.Option(
        "--macs-as",
        help="Print the total that another tool gives for this network, and why it differs; the tool is not "
        "needed. Exit code 1 where it is not known how the tool counts a layer type.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class OtherReports:
    """Which reports were asked for in place of the table; `fields` are those of --rf-map and --erf."""

    verify: bool
    macs_as: Tool | None
    fields: bool

    def printed(self, graph: Graph, format_: str, output: Path | None) -> bool:
        """Print what --verify or --macs-as ask for; False where neither was given.

        Raises:
            UsageError: several reports were asked for, or one in a format that it does not have.
        """
        from cnnbuild.errors import UsageError

        if sum((self.verify, self.macs_as is not None, self.fields)) > 1:
            raise UsageError(
                "--verify, --macs-as and the pictures of receptive fields are reports of their own; "
                "ask for one at a time"
            )
        if self.verify:
            verify_and_print(graph, format_, output)
        if self.macs_as is not None:
            print_macs_as(graph, self.macs_as, format_, output)
        return self.verify or self.macs_as is not None


def print_macs_as(graph: Graph, tool: Tool, format_: str, output: Path | None) -> None:
    """Print what a tool would say of a network; leave with 1 where a layer type is not known."""
    from cnnbuild.graph.conventions.text import convention_text, convention_to_dict
    from cnnbuild.graph.conventions.total import total_as

    _require_text_or_json("--macs-as", format_)
    found = total_as(graph, tool)
    told = convention_to_dict(graph, found)
    print_or_write(json.dumps(told, indent=2) if format_ == "json" else convention_text(graph, found), output)
    if found.unknown:
        raise typer.Exit(1)


def verify_and_print(graph: Graph, format_: str, output: Path | None) -> None:
    """Print how the analysis of a network compares with torch; leave with 1 where it differs."""
    from cnnbuild.analyses.verification import verify
    from cnnbuild.analyses.verification_text import verification_text

    _require_text_or_json("--verify", format_)
    verification = verify(graph)
    told = verification.to_dict()
    text = json.dumps(told, indent=2) if format_ == "json" else verification_text(verification)
    print_or_write(text, output)
    if not verification.agrees:
        raise typer.Exit(1)


def _require_text_or_json(flag: str, format_: str) -> None:
    """Nothing, where a report that is no table of nodes can be printed in the format.

    Raises:
        UsageError: it cannot.
    """
    from cnnbuild.errors import UsageError

    if format_ not in {"table", "json"}:
        raise UsageError(f"{flag} prints text or JSON, not {format_}; leave --format out, or write json")
