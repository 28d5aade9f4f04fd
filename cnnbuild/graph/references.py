"""`from`, and the lists of `add`, `concat` and `multiply`: names to tensors."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.errors import Place
from cnnbuild.graph.context import Context, UnresolvedError
from cnnbuild.graph.evaluation import Evaluator
from cnnbuild.graph.graph import Tensor
from cnnbuild.graph.levels import Frame
from cnnbuild.lang.nodes import JOINS, Node
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar, describe
from cnnbuild.texts import did_you_mean, shortened


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

    A type with parameters, written as a mapping, takes them from `from`.

    Raises:
        UnresolvedError: a reference is faulty, or there are fewer than two; reported.
    """
    bare = isinstance(node.arguments, YamlMap) or (
        isinstance(node.arguments, YamlScalar) and node.arguments.value is None
    )
    listed = node.source if bare else node.arguments
    if isinstance(listed, YamlMap) or not isinstance(listed, YamlList) or len(listed.items) < 2:
        hint = f"write `- {type_name}: [prev, name]`"
        if type_name in JOINS:
            hint += ", or named branches under it"
        elif isinstance(node.arguments, YamlMap):
            hint = "write `from: [prev, name]` beside it"
        evaluator.problems.add(
            f"'{type_name}' joins two or more tensors",
            listed.place if listed is not None else node.place,
            help=hint,
            context=context.trail,
        )
        raise UnresolvedError
    if not bare and node.source is not None:
        evaluator.problems.add(
            f"'{type_name}' lists what it joins, and `from` names something else",
            node.source.place,
            help=f"put the name into the list: `- {type_name}: [prev, name]`",
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
            context=(*_elsewhere(name, yaml.place, context), *context.trail),
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


def _elsewhere(name: str, reference: Place, context: Context) -> tuple[str, ...]:
    """Where a name that cannot be seen from a reference is written, if anywhere."""
    here = context.calls[-1].name if context.calls else None
    for nodes, block, container in _lists(context):
        for node in nodes:
            if node.name is None or node.name.value != name:
                continue
            place = node.name.place
            if block != here:
                why = f"inside the block '{block}'" if block is not None else f"outside the block '{here}'"
            elif (place.line, place.column) > (reference.line, reference.column):
                why = "but comes later"
            elif container is not None:
                why = f"inside the '{container.type.value}' of line {container.place.line}"
            else:
                why = "and is this node itself"
            return (f"line {place.line} has that name, {why}",)
    return ()


def _lists(context: Context) -> Iterator[tuple[tuple[Node, ...], str | None, Node | None]]:
    """Every list of layers of the file, with the block and the node that it stands in."""
    pending: list[tuple[tuple[Node, ...], str | None, Node | None]] = []
    if context.scope is context.document.scope:
        pending.append((context.document.layers, None, None))
    pending += [(block.layers, block.name, None) for block in context.scope.blocks.values()]
    while pending:
        nodes, block, container = pending.pop()
        yield nodes, block, container
        pending += [(inner, block, node) for node in nodes for inner in node.lists.values()]
