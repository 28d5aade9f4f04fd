"""The number that another tool prints for a network, from its graph alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from cnnbuild.graph.conventions.convention import Convention, Tool
from cnnbuild.graph.conventions.fvcore import FVCORE
from cnnbuild.graph.conventions.ptflops import PTFLOPS
from cnnbuild.graph.conventions.thop import THOP
from cnnbuild.graph.conventions.torchinfo import TORCHINFO
from cnnbuild.graph.graph import Graph

CONVENTIONS: dict[Tool, Convention] = {
    convention.tool: convention for convention in (FVCORE, PTFLOPS, TORCHINFO, THOP)
}


@dataclass(frozen=True, slots=True)
class TypeCount:
    """All nodes of one layer type: their multiply-adds, and what the tool counts for them.

    `counted` is None where it is not known how the tool counts the type.
    """

    type: str
    nodes: int
    macs: int
    counted: int | None


@dataclass(frozen=True)
class ConventionTotal:
    """What a tool says of a network, type by type, in the order of first use.

    The tool sees the module that `build_module` makes, in evaluation mode, and one image: heads that are
    there in training only do not count, here either. `macs` are those of the nodes that do.
    """

    convention: Convention
    by_type: tuple[TypeCount, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The layer types of which it is not known how the tool counts them."""
        return tuple(count.type for count in self.by_type if count.counted is None)

    @property
    def total(self) -> int | None:
        """The number that the tool prints; None where a type is not known."""
        return None if self.unknown else self.known_total

    @property
    def known_total(self) -> int:
        """What the tool counts for the types that are known."""
        return sum(count.counted or 0 for count in self.by_type)

    @property
    def macs(self) -> int:
        """Multiply-adds of the same nodes, as cnnbuild counts them."""
        return sum(count.macs for count in self.by_type)


def total_as(graph: Graph, tool: Tool) -> ConventionTotal:
    """What a tool would print as the operations of a network, for one image."""
    convention = CONVENTIONS[tool]
    nodes, macs, counted = defaultdict[str, int](int), defaultdict[str, int](int), defaultdict[str, int](int)
    evaluated = evaluated_nodes(graph)
    for index, node in enumerate(graph.nodes):
        if index not in evaluated:
            continue
        name = node.layer.type_name
        nodes[name] += 1
        macs[name] += node.macs
        if name in convention.rules:
            counted[name] += convention.rules[name](node)
    return ConventionTotal(
        convention,
        tuple(
            TypeCount(name, count, macs[name], counted[name] if name in convention.rules else None)
            for name, count in nodes.items()
        ),
    )


def evaluated_nodes(graph: Graph) -> frozenset[int]:
    """The nodes that are computed in evaluation: all but those on which only `train_only` heads depend."""
    left_out = {head.node for head in graph.heads if head.train_only}
    if not left_out:
        return frozenset(range(len(graph.nodes)))
    needed = {head.node for head in graph.heads} - left_out
    for index in range(len(graph.nodes) - 1, -1, -1):
        if index in needed:
            needed.update(source for source in graph.nodes[index].inputs if source >= 0)
    return frozenset(needed)
