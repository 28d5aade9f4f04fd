"""`outputs:`: which nodes are the heads of a network, and what the loss makes of each."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.errors import Problems
from cnnbuild.graph.context import Context, UnresolvedError
from cnnbuild.graph.evaluation import Evaluator, explain
from cnnbuild.graph.graph import Head, Tensor
from cnnbuild.graph.levels import Frame
from cnnbuild.graph.references import resolve
from cnnbuild.lang.outputs import HeadNode
from cnnbuild.lang.source import Yaml, YamlScalar, describe_value
from cnnbuild.layers.base import format_shape


def heads_of(
    nodes: tuple[HeadNode, ...], last: Tensor, evaluator: Evaluator, frame: Frame, context: Context
) -> tuple[tuple[Head, ...], Tensor]:
    """The heads of a network, the main one first, and the main one's tensor.

    Without `outputs:` there are no heads, and the last node is the output. A head whose `when` says no is
    left out. Where an entry is faulty, its faults were reported and the tensor is of unknown shape.
    """
    if not nodes:
        return (), last
    found = list(_sound_heads(nodes, last, evaluator, frame, context))
    if not found:
        if not evaluator.problems.errors:
            evaluator.problems.add(
                "the network has no output: `when` drops all of them",
                nodes[0].name.place,
                help="keep the first",
            )
        return (), Tensor(last.node, None, None)
    (main, tensor), place = found[0], nodes[0].name.place
    if main.train_only or (main.name != nodes[0].name.value and not evaluator.problems.errors):
        evaluator.problems.add(
            "the first output is the one that is tested, and it must always be there",
            place,
            help="remove `train_only` and `when` from it, or write another output first",
        )
    return tuple(head for head, _ in found), tensor


def _sound_heads(
    nodes: tuple[HeadNode, ...], last: Tensor, evaluator: Evaluator, frame: Frame, context: Context
) -> Iterator[tuple[Head, Tensor]]:
    owners: dict[int, str] = {}
    for node in nodes:
        try:
            if not _flag(node.when, evaluator, context, default=True):
                continue
            tensor = resolve(evaluator, node.source, last, frame, context)
            weight = _weight(node.weight, evaluator, context)
            train_only = _flag(node.train_only, evaluator, context, default=False)
        except UnresolvedError:
            continue
        name = str(node.name.value)
        if tensor.shape is None:
            continue
        if tensor.node in owners:
            evaluator.problems.add(
                f"the output '{name}' is the same node as '{owners[tensor.node]}'",
                node.source.place,
                help="remove one of the two",
            )
        owners[tensor.node] = name
        _require_classes(name, tensor, node, evaluator.problems, context)
        yield Head(name, tensor.node, weight, train_only), tensor


def _require_classes(name: str, tensor: Tensor, node: HeadNode, problems: Problems, context: Context) -> None:
    classes = context.contract.classes
    if tensor.shape != (classes,) and tensor.shape is not None:
        problems.add(
            f"the output '{name}' is {format_shape(tensor.shape)}, and {classes} classes need ({classes},)",
            node.source.place,
            help="end it with `- linear: $data.classes`"
            + ("" if len(tensor.shape) == 1 else ", after `- flatten`"),
        )


def _flag(scalar: YamlScalar | None, evaluator: Evaluator, context: Context, *, default: bool) -> bool:
    if scalar is None:
        return default
    value = evaluator.scalar(scalar, context, None)
    if isinstance(value, bool):
        return value
    evaluator.problems.add(
        f"expected true or false, not {describe_value(value)}",
        scalar.place,
        help="write `true` or `false`",
        context=explain(scalar, context),
    )
    raise UnresolvedError


def _weight(yaml: Yaml | None, evaluator: Evaluator, context: Context) -> float:
    if yaml is None:
        return 1.0
    value = evaluator.value(yaml, context, None)
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    evaluator.problems.add(
        f"the weight of an output is a number above 0, not {describe_value(value)}",
        yaml.place,
        help="write the factor of its loss, such as `weight: 0.3`",
        context=explain(yaml, context),
    )
    raise UnresolvedError
