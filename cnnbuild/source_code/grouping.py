"""Which levels become uses of one class: those of one block, of one name, or of one form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.nesting import Part, Path
from cnnbuild.source_code.identifiers import without_count
from cnnbuild.source_code.leaves import Leaf
from cnnbuild.source_code.terms import form

CONTAINERS = frozenset({"residual", "add", "concat", "multiply"})


@dataclass(frozen=True, slots=True)
class Group:
    """Levels that become one class, or a few: the name for it, and the block that they are calls of."""

    parts: tuple[Part, ...]
    name: str
    block: str


def groups_of(graph: Graph, root: Part, leaves: Mapping[int, Leaf]) -> dict[Path, Group]:
    """The group of each level."""
    parts = list(_below(root))
    depths = {part.path: _height(part) for part in parts}
    forms = {part.path: _form(part, leaves) for part in parts}
    labels = {
        part.path: label
        for part in parts
        if (label := graph.labels.get(part.path, "")) and label not in CONTAINERS
    }
    of_form = {forms[path]: label for path, label in labels.items()}
    sets: dict[Path, object] = {}
    for part in parts:
        block = labels.get(part.path) or of_form.get(forms[part.path])
        own = without_count(part.path[-1])
        sets[part.path] = ("block", block) if block else ("level", own, depths[part.path])
    if _is_cyclic(parts, sets):
        sets = {path: (key, depths[path]) for path, key in sets.items()}
    _unite(parts, sets, forms)
    members: dict[object, list[Part]] = defaultdict(list)
    for part in parts:
        members[sets[part.path]].append(part)
    return {
        part.path: Group(tuple(group), _name(group, labels, of_form, forms), _block(group, labels))
        for group in members.values()
        for part in group
    }


def _below(part: Part) -> Iterator[Part]:
    for child in part.children.values():
        if isinstance(child, Part):
            yield child
            yield from _below(child)


def _height(part: Part) -> int:
    return 1 + max((_height(child) for child in part.children.values() if isinstance(child, Part)), default=0)


def _form(part: Part, leaves: Mapping[int, Leaf]) -> object:
    """What two levels share that differ in values only."""
    numbers = {tensor: n for n, tensor in enumerate(part.inputs)}
    steps = []
    for n, step in enumerate(part.steps, start=len(part.inputs)):
        steps.append((step.name, tuple(numbers[source] for source in step.sources), step.borrowed))
        numbers[step.gives] = n
    children = tuple(
        (
            name,
            _form(child, leaves)
            if isinstance(child, Part)
            else (leaves[child].join, form(leaves[child].call)),
        )
        for name, child in part.children.items()
    )
    return (children, tuple(steps), len(part.inputs), numbers[part.output])


def _unite(parts: list[Part], sets: dict[Path, object], forms: Mapping[Path, object]) -> None:
    """Put levels without a block that have one form into one group, whatever they are called."""
    firsts: dict[object, object] = {}
    for part in parts:
        key = sets[part.path]
        found = firsts.setdefault(forms[part.path], key)
        if found != key and isinstance(key, tuple) and key[0] == "level":
            for path, other in sets.items():
                if other == key:
                    sets[path] = found


def _is_cyclic(parts: list[Part], sets: Mapping[Path, object]) -> bool:
    """Whether some group holds a level that stands inside another of its levels, on whatever way."""
    inside: dict[object, set[object]] = defaultdict(set)
    for part in parts:
        inside[sets[part.path]] |= {
            sets[child.path] for child in part.children.values() if isinstance(child, Part)
        }
    done: set[object] = set()

    def visit(key: object, above: tuple[object, ...]) -> bool:
        if key in above:
            return True
        if key in done:
            return False
        found = any(visit(child, (*above, key)) for child in inside[key])
        done.add(key)
        return found

    return any(visit(key, ()) for key in list(inside))


def _block(group: list[Part], labels: Mapping[Path, str]) -> str:
    return next((labels[part.path] for part in group if part.path in labels), "")


def _name(
    group: list[Part],
    labels: Mapping[Path, str],
    of_form: Mapping[object, str],
    forms: Mapping[Path, object],
) -> str:
    """What a class is called: its block, the name of its levels, or what they are part of."""
    label = _block(group, labels) or of_form.get(forms[group[0].path])
    if label:
        return label
    if all(list(part.children) == ["conv", "norm"] and part.path[-1] == "shortcut" for part in group):
        return "projection"
    own = sorted({without_count(part.path[-1]) for part in group})
    around = {
        labels.get(part.path[:-1]) or (without_count(part.path[-2]) if len(part.path) > 1 else "")
        for part in group
    }
    outer = around.pop() if len(around) == 1 else ""
    if outer in CONTAINERS or outer.isdigit():
        outer = ""
    if own[0].isdigit():
        return f"{outer}_row" if outer else "row"
    if len(own) > 1:
        return f"{outer}_branch" if outer else own[0]
    return f"{outer}_{own[0]}" if outer and own[0] != "shortcut" else own[0]
