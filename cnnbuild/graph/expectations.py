"""`expect:`: what the file claims about itself, compared with what it is."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.errors import Place, Problem
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import Expectation


def contract_expected(expectation: Expectation) -> DataContract:
    """The data contract that an entry of `expect:` speaks of."""
    channels, height, width = expectation.input
    return DataContract(f"{channels}x{height}x{width}", channels, height, width, expectation.classes)


def unmet(expectation: Expectation, place: Place, graph: Graph) -> Iterator[Problem]:
    """One problem for each figure of a graph that differs from what the entry at `place` says.

    The graph is that of the entry's own variant and variables, for `contract_expected(expectation)`.
    """
    for what, expected, found in (
        ("parameters", expectation.parameters, graph.parameters),
        ("macs", expectation.macs, graph.macs),
    ):
        if expected is not None and expected != found:
            yield _differs(what, expected, found, expectation, place)


def _differs(what: str, expected: int, found: int, expectation: Expectation, place: Place) -> Problem:
    size = "x".join(str(n) for n in expectation.input)
    variant = f"variant {expectation.variant}, " if expectation.variant else ""
    case = f"{variant}input {size}, {expectation.classes} classes"
    return Problem(
        f"expected {expected:,} {what}, found {found:,} ({case})",
        place,
        help=f"if the file is right, write `{what}: {found}`",
    )
