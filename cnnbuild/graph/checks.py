"""What is wrong with a network as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from cnnbuild.errors import Place, Problems
from cnnbuild.graph.graph import Graph, Tensor
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.layers.base import format_shape


def report_loose_ends(
    document: ArchitectureDocument, graph: Graph, output: Tensor, problems: Problems
) -> None:
    """Report an output that does not give one number per class, and nodes whose output nobody uses."""
    _report_softmax(graph, problems)
    last = document.layers[-1]
    place = graph.nodes[output.node].shown if output.node >= 0 else last.place
    expected = (graph.contract.classes,)
    if not graph.heads and output.shape is not None and output.shape != expected:
        problems.add(
            f"the network ends with {format_shape(output.shape)}, and {graph.contract.classes} classes need "
            f"{format_shape(expected)}",
            place,
            help="end it with `- linear: $data.classes`"
            + ("" if len(output.shape) == 1 else ", after `- flatten`"),
        )
    used = graph.consumers()
    for index, node in enumerate(graph.nodes):
        if not used[index]:
            problems.add(
                f"nobody uses the output of '{node.name}'",
                node.shown,
                help="refer to it with `from:` or a join, or remove it",
                context=node.trail,
            )


def _report_softmax(graph: Graph, problems: Problems) -> None:
    """Warn of outputs that are probabilities: cross-entropy takes logits."""
    for index in {head.node for head in graph.heads} or {graph.output}:
        if index >= 0 and graph.nodes[index].layer.type_name == "softmax":
            problems.add(
                "the loss, cross-entropy, applies softmax itself: applied twice, it learns slowly",
                graph.nodes[index].shown,
                help="remove the softmax: the largest output stays the largest",
                severity="warning",
            )


def report_unheeded(firsts: Mapping[Place, bool], inits: Mapping[Place, bool], problems: Problems) -> None:
    """Warn of each `first` that met no copy 0, and of each default `init` of a weight that no layer has."""
    for place, heeded in firsts.items():
        if not heeded:
            problems.add(
                "'first' changes nothing: there is no copy 0",
                place,
                help="`repeat` is 0, or `when` drops that copy: `first` is not for the first that is kept",
                severity="warning",
            )
    for place, heeded in inits.items():
        if not heeded:
            problems.add(
                "this 'init' changes nothing: no layer of the type has such a weight here",
                place,
                help="`cnnbuild layers TYPE` names the weights of a type",
                severity="warning",
            )
