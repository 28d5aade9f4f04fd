"""Networks of a few layers, and the figures of their nodes that tests work by hand.

Fields are (size, stride, start) on one axis, the height if no other is named.
"""

from __future__ import annotations

from fractions import Fraction
from textwrap import dedent

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml

HEAD = "- global_avg_pool\n- flatten\n- linear: $data.classes\n"


def net(layers: str, shape: tuple[int, int, int], *, head: str = HEAD) -> Graph:
    """The graph of some layers and a head for one image shape and 10 classes."""
    text = f"cnnbuild: 1\nlayers:\n{dedent(layers).lstrip()}{head}"
    return elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DataContract("pictures", *shape, 10))


def node(graph: Graph, name: str) -> GraphNode:
    (found,) = (each for each in graph.nodes if each.name == name)
    return found


def field(graph: Graph, name: str, axis: int = 0) -> tuple[int, Fraction, int]:
    """Size, stride and start of what the node of a name sees."""
    return field_of(node(graph, name), axis)


def field_of(each: GraphNode, axis: int = 0) -> tuple[int, Fraction, int]:
    """Size, stride and start of what a node sees without gates."""
    assert each.field is not None
    local = each.field[axis].local
    return local.size, local.stride, local.start


def seen(graph: Graph, name: str, *outputs: int) -> list[tuple[int, int] | None]:
    """First and last row that some outputs of a node see."""
    sees = node(graph, name).field
    assert sees is not None
    return [sees[0].whole.seen_by(output) for output in outputs]


def costs(graph: Graph, name: str) -> tuple[int, int]:
    """Parameters and multiply-adds."""
    return node(graph, name).parameters, node(graph, name).macs


def offset(graph: Graph, name: str) -> Fraction:
    """Where the middle of what output 0 sees lies."""
    sees = node(graph, name).field
    assert sees is not None
    return sees[0].whole.offset


def sees_everything(graph: Graph, name: str) -> bool:
    sees = node(graph, name).field
    assert sees is not None
    return sees[0].whole.is_global
