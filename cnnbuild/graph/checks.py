"""What is wrong with a network as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from cnnbuild.errors import Place, Problems
from cnnbuild.graph.graph import Graph, Tensor
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.layers.base import format_shape


def report_no_logits(
    document: ArchitectureDocument, graph: Graph, output: Tensor, problems: Problems
) -> None:
    """Report an output that does not give one number per class, or that is no logits."""
    _report_what_spoils_logits(graph, problems)
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


def report_unused_outputs(graph: Graph, problems: Problems) -> None:
    """Report the nodes whose output nobody uses."""
    used = graph.consumers()
    for index, node in enumerate(graph.nodes):
        if not used[index]:
            problems.add(
                f"nobody uses the output of '{node.name}'",
                node.shown,
                help="refer to it with `from:` or a join, or remove it",
                context=node.trail,
            )


ACTIVATIONS = frozenset([
    "clamped_relu", "elu", "gelu", "hardsigmoid", "hardswish", "leaky_relu", "mish", "prelu", "relu", "relu6",
    "selu", "sigmoid", "silu", "softplus", "swish", "tanh",
])  # fmt: skip


def _report_what_spoils_logits(graph: Graph, problems: Problems) -> None:
    """Warn of outputs that are no logits, which is what cross-entropy takes."""
    for index in {head.node for head in graph.heads} or {graph.output}:
        if index < 0:
            continue
        word = graph.nodes[index].layer.type_name
        if word == "softmax":
            message = "the loss, cross-entropy, applies softmax itself: applied twice, it learns slowly"
            hint = "remove the softmax: the largest output stays the largest"
        elif word in ACTIVATIONS:
            message = f"the network ends with {word}, and cross-entropy takes numbers of any size and sign"
            hint = "end with the `linear`"
        elif word in {"dropout", "dropout2d", "stochastic_depth"}:
            message = f"the network ends with {word}, which sets whole scores to zero in training"
            hint = "move it before the last `linear`"
        else:
            continue
        problems.add(message, graph.nodes[index].shown, help=hint, severity="warning")


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
