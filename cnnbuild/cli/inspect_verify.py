"""`cnnbuild inspect --verify` and `--macs-as`: the analysis against torch, and as other tools count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.options import print_or_write

if TYPE_CHECKING:
    from cnnbuild.graph.graph import Graph

VerifyOption = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Check the analysis against torch: shapes, weights, multiply-adds, receptive fields. "
        "Exit code 1 on a difference.",
    ),
]


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
