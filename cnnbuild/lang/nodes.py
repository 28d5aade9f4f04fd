"""The nodes of a list of layers, as written: nothing evaluated, nothing looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cnnbuild.errors import Place, Problems, did_you_mean
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar, describe

SIBLINGS = ("name", "from", "repeat", "first", "when", "init", "do")
"""The keys that may stand beside a node's type key."""

JOINS = frozenset({"add", "concat", "multiply"})
SHORTCUTS = ("identity", "projection", "zero_pad", "none")


@dataclass(frozen=True, slots=True)
class Node:
    """One node. `lists` holds the lists of layers inside it, by name: a residual's `body` and `shortcut`, the branches
    of a join, the `do` of a `foreach`.
    """

    type: YamlScalar
    arguments: Yaml
    name: YamlScalar | None = None
    source: Yaml | None = None
    repeat: Yaml | None = None
    first: YamlMap | None = None
    when: YamlScalar | None = None
    init: Yaml | None = None
    lists: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Where the type key stands."""
        return self.type.place


def parse_layers(yaml: Yaml | None, problems: Problems, *, what: str, place: Place) -> tuple[Node, ...]:
    """A list of layers; faulty nodes are reported and left out."""
    if yaml is None:
        problems.add(f"{what} needs a list of layers", place, help="write one `- type: {…}` per line")
        return ()
    if not isinstance(yaml, YamlList):
        problems.add(
            f"{what} is a list of layers, not {describe(yaml)}", yaml.place, help="begin each layer with `- `"
        )
        return ()
    nodes = (parse_node(item, problems) for item in yaml)
    return tuple(node for node in nodes if node is not None)


def parse_node(yaml: Yaml, problems: Problems) -> Node | None:
    """One node, or None after its faults were reported."""
    if isinstance(yaml, YamlScalar) and isinstance(yaml.value, str):
        return Node(yaml, YamlScalar(None, yaml.place))
    if not isinstance(yaml, YamlMap):
        problems.add(
            f"a node is a layer type, not {describe(yaml)}", yaml.place, help="write `- relu` or `- conv: {…}`"
        )
        return None
    keys = [entry for entry in yaml if entry.name not in SIBLINGS]
    siblings = {entry.name: entry.value for entry in yaml if entry.name in SIBLINGS}
    if not keys:
        _report_no_type(yaml, problems)
        return None
    if len(keys) > 1:
        _report_two_types(keys, problems)
        return None
    return _assemble(keys[0], siblings, problems)


def _assemble(entry: YamlEntry, siblings: Mapping[str, Yaml], problems: Problems) -> Node:
    name = siblings.get("name")
    when = siblings.get("when")
    first = siblings.get("first")
    if name is not None and not (isinstance(name, YamlScalar) and isinstance(name.value, str) and name.value):
        problems.add(f"a name is a word, not {describe(name)}", name.place, help="begin it with a letter")
        name = None
    if when is not None and not isinstance(when, YamlScalar):
        problems.add(f"'when' is a condition, not {describe(when)}", when.place, help="write `when: $(…)`")
        when = None
    if first is not None and not isinstance(first, YamlMap):
        problems.add(f"'first' is a mapping of parameters, not {describe(first)}", first.place)
        first = None
    if first is not None and "repeat" not in siblings:
        problems.add("'first' changes the first of several copies", first.place, help="add `repeat: n` beside it")
    return Node(
        type=entry.key,
        arguments=entry.value,
        name=name if isinstance(name, YamlScalar) else None,
        source=siblings.get("from"),
        repeat=siblings.get("repeat"),
        first=first if isinstance(first, YamlMap) else None,
        when=when if isinstance(when, YamlScalar) else None,
        init=siblings.get("init"),
        lists=_inner_lists(entry, siblings.get("do"), problems),
    )


def _inner_lists(entry: YamlEntry, do: Yaml | None, problems: Problems) -> dict[str, tuple[Node, ...]]:
    place = entry.key.place
    if entry.name == "foreach":
        return {"do": parse_layers(do, problems, what="'do' beside 'foreach'", place=place)}
    if do is not None:
        problems.add("'do' belongs beside 'foreach'", do.place, help="write `- foreach: {…}` and `do:` under it")
    if entry.name == "residual":
        return _residual_lists(entry, problems)
    if entry.name in JOINS and isinstance(entry.value, YamlMap):
        return {branch.name: _branch(branch, problems) for branch in entry.value}
    return {}


def _branch(branch: YamlEntry, problems: Problems) -> tuple[Node, ...]:
    value = branch.value
    if isinstance(value, YamlScalar) and value.value == "identity":
        return ()
    what = f"the branch '{branch.name}'"
    if isinstance(value, YamlList) and value.items:
        return parse_layers(value, problems, what=what, place=branch.key.place)
    problems.add(
        f"{what} is a list of layers or `identity`, not {describe(value)}",
        value.place,
        help="begin each of its layers with `- `",
    )
    return ()


def _residual_lists(entry: YamlEntry, problems: Problems) -> dict[str, tuple[Node, ...]]:
    value = entry.value
    if isinstance(value, YamlList):
        problems.add("residual takes a mapping", value.place, help="put the list under `body:`")
        return {}
    if not isinstance(value, YamlMap):
        problems.add(f"residual takes a mapping with `body`, not {describe(value)}", entry.key.place)
        return {}
    for inner in value:
        if inner.name not in {"body", "shortcut"}:
            hint = did_you_mean(inner.name, ("body", "shortcut"), listing="known keys")
            problems.add(f"unknown key '{inner.name}' in residual", inner.key.place, help=hint)
    lists = {"body": parse_layers(value.get("body"), problems, what="the body of residual", place=entry.key.place)}
    shortcut = value.get("shortcut")
    if isinstance(shortcut, YamlList):
        lists["shortcut"] = parse_layers(shortcut, problems, what="the shortcut", place=shortcut.place)
    elif isinstance(shortcut, YamlMap):
        problems.add(
            "a shortcut is a word or a list of layers, not a mapping", shortcut.place, help="begin each layer with `- `"
        )
    elif shortcut is not None and isinstance(shortcut.value, str) and "$" not in shortcut.value:
        if shortcut.value not in SHORTCUTS:
            hint = did_you_mean(shortcut.value, SHORTCUTS, listing="known shortcuts")
            problems.add(f"unknown shortcut '{shortcut.value}'", shortcut.place, help=hint)
    elif shortcut is not None and not isinstance(shortcut.value, str):
        known = ", ".join(SHORTCUTS)
        problems.add(f"a shortcut is one of {known}, not {describe(shortcut)}", shortcut.place)
    return lists


def _report_no_type(yaml: YamlMap, problems: Problems) -> None:
    if not yaml.entries:
        problems.add("this node is empty", yaml.place, help="write a layer type, such as `relu`")
        return
    key = yaml.entries[0].key
    problems.add(
        f"this node has no layer type, only '{key.value}'", key.place, help="add a type key, such as `conv: {…}`"
    )


def _report_two_types(keys: list[YamlEntry], problems: Problems) -> None:
    """Two keys that are not siblings: nearly always a parameter that was not indented under its type."""
    first, second = keys[0], keys[1]
    empty = isinstance(first.value, YamlScalar) and first.value.value is None
    if empty:
        message = f"'{second.name}' stands beside '{first.name}', where only {', '.join(SIBLINGS)} may"
        hint = f"indent it further, so that it stands under '{first.name}'"
    else:
        close = did_you_mean(second.name, SIBLINGS)
        message = f"a node has one layer type, and here '{second.name}' stands beside '{first.name}'"
        hint = close or f"begin a new node with `- {second.name}`, or move it into the braces of '{first.name}'"
    problems.add(message, second.key.place, help=hint)
