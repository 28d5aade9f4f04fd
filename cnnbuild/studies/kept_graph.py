"""A network as it is kept in the folder of its run, so that it can be built again without its files.

Kept is its expanded text (no variables, blocks, repetitions or `uses`), and beside it the names of levels,
which that text has not: what is built from it has the keys of the network that was trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cnnbuild.errors import CnnbuildError, DataError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph, GraphNode, Sharing
from cnnbuild.graph.views.expanded_text import expanded_text
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.layers.registry import Registry, standard_registry
from cnnbuild.studies.plan import describe_graph


@dataclass(frozen=True, slots=True)
class KeptSharing:
    """What `graph.Sharing` says, as plain data."""

    original: int
    repeats: int
    application: int
    level: tuple[str, ...]
    module: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeptGraph:
    """A network as plain data: see the module.

    `paths` are those of the nodes, `shared` says which of them use another's weights again, `labels` which
    block opened a level of names.
    """

    name: str
    text: str
    paths: tuple[tuple[str, ...], ...]
    shared: dict[int, KeptSharing]
    labels: tuple[tuple[tuple[str, ...], str], ...]


def keep_graph(graph: Graph, *, file: str) -> KeptGraph | None:
    """The network as plain data; None where what is built from them would not be the same network."""
    kept = KeptGraph(
        name=graph.name,
        text=expanded_text(graph, file=file),
        paths=tuple(node.path for node in graph.nodes),
        shared={n: _plain(node.shared) for n, node in enumerate(graph.nodes) if node.shared},
        labels=tuple(graph.labels.items()),
    )
    standard = standard_registry()
    types = {node.layer.type_name: type(node.layer) for node in graph.nodes}
    own = [layer_type for name, layer_type in types.items() if name not in standard]
    registry = standard.extended(own) if own else standard
    try:
        again = graph_from(kept, graph.contract, registry)
    except CnnbuildError:  # a layer type of the user's own may have values that no file can say
        return None
    return kept if _computation(again) == _computation(graph) else None


def graph_from(kept: KeptGraph, contract: DataContract, registry: Registry) -> Graph:
    """The network that was kept.

    Raises:
        DocumentError: the text names a layer type that `registry` has not.
        DataError: text and names do not belong together.
    """
    document = parse_architecture(parse_yaml(kept.text, "run.json"), default_name=kept.name)
    flat = elaborate(document, contract, registry=registry)
    if len(flat.nodes) != len(kept.paths):
        raise DataError(
            f"run.json is damaged: its network has {len(flat.nodes)} nodes and {len(kept.paths)} names"
        )
    nodes = tuple(
        _renamed(node, path, kept.shared.get(number))
        for number, (node, path) in enumerate(zip(flat.nodes, kept.paths, strict=True))
    )
    return replace(flat, nodes=nodes, labels=dict(kept.labels), warnings=())


def _renamed(node: GraphNode, path: Sequence[str], shared: KeptSharing | None) -> GraphNode:
    again = None
    if shared is not None:
        again = Sharing(shared.original, shared.repeats, shared.application, shared.level, shared.module)
    return replace(node, path=tuple(path), shared=again)


def _plain(sharing: Sharing) -> KeptSharing:
    return KeptSharing(sharing.original, sharing.repeats, sharing.application, sharing.level, sharing.module)


def describe_computation(graph: Graph) -> list[object]:
    """What a graph computes, the same before it is kept and after: a residual's sum is an `add`."""
    described = describe_graph(graph)
    for node in described[: len(graph.nodes)]:
        if isinstance(node, list) and node[1] == "residual":
            node[1] = "add"
    return described


def _computation(graph: Graph) -> list[object]:
    return [
        *describe_computation(graph),
        [(n, node.shared) for n, node in enumerate(graph.nodes)],
        dict(graph.labels),
    ]
