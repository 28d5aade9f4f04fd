"""`from`, and the lists of `add`, `concat` and `multiply`: names to tensors."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.errors import did_you_mean, shortened
from cnnbuild.graph.evaluation import Context, Evaluator, UnresolvedError
from cnnbuild.graph.graph import Tensor
from cnnbuild.graph.levels import Frame
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.nodes import Node
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar, describe


def node_input(evaluator: Evaluator, node: Node, previous: Tensor, frame: Frame, context: Context) -> Tensor:
    """The tensor that enters a node of one input: what `from` names, else `previous`.

    Raises:
        UnresolvedError: the reference is faulty; reported.
    """
    if node.source is None:
        return previous
    if isinstance(node.source, YamlList):
        evaluator.problems.add(
            f"'{node.type.value}' takes one input, and `from` lists several",
            node.source.place,
            help="join them first: `- concat: [a, b]` or `- add: [a, b]`",
            context=context.trail,
        )
        raise UnresolvedError
    return resolve(evaluator, node.source, previous, frame, context)


def join_inputs(
    evaluator: Evaluator, node: Node, type_name: str, previous: Tensor, frame: Frame, context: Context
) -> tuple[Tensor, ...]:
    """The tensors that a join with a list takes, from `- add: [prev, stem]` or from `from: [prev, stem]`.

    Raises:
        UnresolvedError: a reference is faulty, or there are fewer than two; reported.
    """
    bare = isinstance(node.arguments, YamlScalar) and node.arguments.value is None
    listed = node.source if bare else node.arguments
    if isinstance(listed, YamlMap) or not isinstance(listed, YamlList) or len(listed.items) < 2:
        evaluator.problems.add(
            f"'{type_name}' joins two or more tensors",
            listed.place if listed is not None else node.place,
            help=f"write `- {type_name}: [prev, name]`, or named branches under it",
            context=context.trail,
        )
        raise UnresolvedError
    tensors: list[Tensor] = []
    for item in listed:
        try:
            tensors.append(resolve(evaluator, item, previous, frame, context))
        except UnresolvedError:
            continue
    if len(tensors) < len(listed.items):
        raise UnresolvedError
    return tuple(tensors)


def resolve(evaluator: Evaluator, yaml: Yaml, previous: Tensor, frame: Frame, context: Context) -> Tensor:
    """The tensor that a name stands for.

    Raises:
        UnresolvedError: no earlier node has that name, or `when` dropped it; reported.
    """
    problems = evaluator.problems
    if isinstance(yaml, YamlList):
        problems.add(
            "a reference is one name, not a list",
            yaml.place,
            help="join the nodes first, and name the join",
            context=context.trail,
        )
        raise UnresolvedError
    if not isinstance(yaml, YamlScalar) or not isinstance(yaml.value, str):
        hint = "name an earlier node, `prev` or `block`; positions and numbers are not references"
        problems.add(
            f"a reference is a name, not {describe(yaml)}", yaml.place, help=hint, context=context.trail
        )
        raise UnresolvedError
    name = str(evaluator.scalar(yaml, context, previous))
    if name == "prev":
        return previous
    if name == "block":
        return context.entered
    try:
        tensor = frame.find(name)
    except KeyError:
        if frame.hides_names:
            raise UnresolvedError from None
        visible = [*frame.visible(), "prev", "block"]
        hint = did_you_mean(name, visible, listing="visible here")
        problems.add(
            f"no earlier node here is called '{shortened(name)}'",
            yaml.place,
            help=f"{hint} (names reach back in their own list and the lists around it)",
            context=(*elsewhere(name, context.document), *context.trail),
        )
        raise UnresolvedError from None
    if tensor is None:
        problems.add(
            f"the node '{name}' was dropped by its `when`",
            yaml.place,
            help="give this node the same `when`",
            context=context.trail,
        )
        raise UnresolvedError
    return tensor


def elsewhere(name: str, document: ArchitectureDocument) -> tuple[str, ...]:
    """Where a name that cannot be seen from here is written, if anywhere."""
    for nodes, where in _lists(document):
        for node in nodes:
            if node.name is not None and node.name.value == name:
                return (f"line {node.name.place.line} has that name, {where}",)
    return ()


def _lists(document: ArchitectureDocument) -> Iterator[tuple[tuple[Node, ...], str]]:
    """Every list of layers of a document, with the reason why its names may be out of sight."""
    pending = [(block.layers, f"inside the block '{block.name}'") for block in document.blocks.values()]
    pending.append((document.layers, "but comes later"))
    while pending:
        nodes, where = pending.pop()
        yield nodes, where
        for node in nodes:
            inner = (
                where
                if where.startswith("inside the block")
                else f"inside the '{node.type.value}' of line {node.place.line}"
            )
            pending += [(part, inner) for part in node.lists.values()]
