"""The levels of a graph -> classes, those inside before those around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.nesting import Part, Path, nest
from cnnbuild.source_code.grouping import Group, groups_of
from cnnbuild.source_code.identifiers import class_name
from cnnbuild.source_code.leaves import Leaf, leaf_of
from cnnbuild.source_code.repetitions import folded
from cnnbuild.source_code.solving import Solution, solve
from cnnbuild.source_code.templates import COPIES, Child, Step, Template, Use, templates_of
from cnnbuild.source_code.terms import Absent, Argument, Call, Value


@dataclass(frozen=True, slots=True)
class WrittenClass:
    """A class of the file: its name, what it is made from, and its parameters. `borrows` are the modules from
    elsewhere that it applies.
    """

    name: str
    group: Group
    template: Template
    solution: Solution
    borrows: tuple[Path, ...] = ()


@dataclass(slots=True)
class Classes:
    """The classes of a network in the order in which they are written, its own last."""

    graph: Graph
    taken: set[str]
    leaves: dict[int, Leaf] = field(default_factory=dict)
    calls: dict[Path, Call] = field(default_factory=dict)
    written: list[WrittenClass] = field(default_factory=list)
    groups: dict[Path, Group] = field(default_factory=dict)
    borrowed: dict[Path, tuple[Path, ...]] = field(default_factory=dict)


def classes_of(graph: Graph, name: str, taken: Iterable[str]) -> Classes:
    """All classes that a network needs; `taken` are names that mean something else in the file.

    Raises:
        UsageError: a layer of a plugin cannot be written out.
    """
    classes = Classes(graph, set(taken))
    ends = {head.node for head in graph.heads} or {graph.output}
    for index, node in enumerate(graph.nodes):
        if node.shared is None:
            classes.leaves[index] = leaf_of(node, is_logits=index in ends)
    for leaf in classes.leaves.values():
        classes.taken.add(leaf.call.function)
    root = nest(graph)
    _note_borrowed(root, classes)
    classes.groups = groups_of(graph, root, classes.leaves)
    inner = {class_name(group.name, ()) for group in classes.groups.values()}
    own = class_name(f"{name}_network" if class_name(name, ()) in inner else name, classes.taken)
    classes.taken.add(own)
    _write(Group((root,), own, ""), classes)
    return classes


def _note_borrowed(part: Part, classes: Classes) -> set[Path]:
    """Of each level, the modules from outside it that are applied in it."""
    needed = {step.borrowed for step in part.steps if step.borrowed is not None}
    for child in part.children.values():
        if isinstance(child, Part):
            needed |= _note_borrowed(child, classes)
    outside = {path for path in needed if path[: len(part.path)] != part.path or not part.path}
    if part.path:
        classes.borrowed[part.path] = tuple(sorted(outside))
    return outside if part.path else set()


def is_inline(part: Part, classes: Classes) -> bool:
    """Whether a level needs no class: copies in a chain, which are listed in an `nn.Sequential`."""
    return (
        part.is_chain
        and bool(part.path)
        and list(part.children) == [str(n) for n in range(len(part.children))]
        and not any(
            isinstance(child, int) and classes.leaves[child].initial for child in part.children.values()
        )
    )


def _write(group: Group, classes: Classes) -> None:
    """Make the classes of a group of levels, after those of the levels inside."""
    uses = [_use(part, classes) for part in group.parts if not is_inline(part, classes)]
    for template in templates_of(uses):
        solution = solve(template, is_block=bool(group.block))
        part = template.pattern.part
        name = class_name(group.name, classes.taken) if part.path else group.name
        classes.taken.add(name)
        borrows = classes.borrowed.get(part.path, ())
        classes.written.append(WrittenClass(name, group, template, solution, borrows))
        for number, use in enumerate(template.uses):
            classes.calls[use.part.path] = _call(name, solution, number)


def _call(name: str, solution: Solution, use: int) -> Call:
    required = [each for each in solution.parameters if each.default is Absent.VALUE]
    arguments = [
        Argument(each.name, each.values[use], each.default, each in required and (n < 2 or len(required) < 4))
        for n, each in enumerate(solution.parameters)
    ]
    return Call(name, tuple(arguments))


def _use(part: Part, classes: Classes) -> Use:
    children: dict[str, Child] = {}
    leading = list(part.children)[: _leading_copies(part)] if part.is_chain and part.path else []
    terms = [_child(part, name, classes) for name in leading]
    if leading and not any(child.initial or child.join for child in terms):
        children[COPIES] = Child(COPIES, folded([child.term for child in terms]))
    else:
        leading = []
    for name in part.children:
        if name not in leading:
            children[name] = _child(part, name, classes)
    numbers = {tensor: n for n, tensor in enumerate(part.inputs)}
    steps: list[Step] = []
    for application in part.steps:
        inputs = tuple(numbers[source] for source in application.sources)
        if application.name in leading:
            if application.name == leading[-1]:
                steps.append(Step(COPIES, (0,)))
        else:
            steps.append(Step(application.name, inputs, application.borrowed))
        numbers[application.gives] = len(part.inputs) + max(len(steps), 1) - 1
    named = dict(_named(part, classes.graph))
    return Use(part, children, tuple(steps), numbers[part.output], len(part.inputs), named)


def _leading_copies(part: Part) -> int:
    names = list(part.children)
    return next((n for n, name in enumerate(names) if name != str(n)), len(names))


def _child(part: Part, name: str, classes: Classes) -> Child:
    child = part.children[name]
    if isinstance(child, int):
        leaf = classes.leaves[child]
        plain = not leaf.weights and not leaf.join and _has_defaults(leaf.call)
        return Child(name, leaf.call, leaf.join, leaf.initial, plain and leaf.call.function != "nn.Flatten")
    if is_inline(child, classes):
        terms = [_child(child, copy, classes).term for copy in child.children]
        return Child(name, folded(terms))
    if child.path not in classes.calls:
        _write(classes.groups[child.path], classes)
    return Child(name, classes.calls[child.path])


def _has_defaults(call: Call) -> bool:
    return all(argument.value == argument.default for argument in call.arguments)


def _named(part: Part, graph: Graph) -> Iterator[tuple[str, Value]]:
    """What the values of a level may be called by: its channels, and what its block or row was given."""
    node, number = part.takes[0]
    entering, leaving = graph.nodes[node].input_shapes[number], graph.nodes[part.output].shape
    yield ("in_channels" if len(entering) == 3 else "in_features"), entering[0]
    for name, value in graph.bindings.get(part.path, {}).items():
        if name.isidentifier() and name.islower():
            if isinstance(value, list):
                yield name, tuple(value)
            elif isinstance(value, bool | int | float):
                yield name, value
    bound = graph.bindings.get(part.path, {})
    name = "out_channels" if len(leaving) == 3 else "out_features"
    if name not in bound:
        yield name, leaving[0]
