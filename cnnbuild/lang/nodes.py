"""The nodes of a list of layers, as written: nothing evaluated, nothing looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.reader import GLUED
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar, describe
from cnnbuild.lang.validation import place_of_key
from cnnbuild.texts import did_you_mean, shortened

SIBLINGS = ("name", "from", "repeat", "first", "when", "init", "do")
"""The keys that may stand beside a node's type key."""

JOINS = frozenset({"add", "concat", "multiply"})
SHORTCUTS = ("identity", "projection", "zero_pad", "none")
RESIDUAL_KEYS = ("body", "shortcut", "norm")


@dataclass(frozen=True, slots=True)
class Node:
    """One node. `lists` holds the lists of layers inside it, by name: a residual's `body` and `shortcut`, the
    one layer of its `norm`, the branches of a join, the `do` of a `foreach`. A `faulty` node stands where one
    was written that could not be read: its fault was reported, and what depends on it is passed over in
    silence.
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
    faulty: bool = False

    @property
    def place(self) -> Place:
        """Where the type key stands."""
        return self.type.place


def parse_layers(yaml: Yaml | None, problems: Problems, *, what: str, place: Place) -> tuple[Node, ...]:
    """A list of layers; faulty nodes are reported, and marked as faulty in the list."""
    if yaml is None or (isinstance(yaml, YamlScalar) and yaml.value is None):
        problems.add(f"{what} needs a list of layers", place, help="write one `- type: {…}` per line")
        return (faulty_node(place),)
    if not isinstance(yaml, YamlList):
        problems.add(
            f"{what} is a list of layers, not {describe(yaml)}", yaml.place, help="begin each layer with `- `"
        )
        return (faulty_node(yaml.place),)
    if not yaml.items:
        problems.add(
            f"{what} has an empty list of layers", yaml.place, help="write one `- type: {…}` per line"
        )
        return (faulty_node(yaml.place),)
    return tuple(parse_node(item, problems) for item in yaml)


def faulty_node(place: Place, name: Yaml | None = None) -> Node:
    """A node that stands where one could not be read."""
    word = YamlScalar("", place)
    known = name if isinstance(name, YamlScalar) and isinstance(name.value, str) else None
    return Node(word, word, name=known, faulty=True)


def parse_node(yaml: Yaml, problems: Problems) -> Node:
    """One node; a faulty one after its faults were reported."""
    if isinstance(yaml, YamlScalar) and isinstance(yaml.value, str):
        return _bare(yaml, problems)
    if not isinstance(yaml, YamlMap):
        problems.add(
            f"a node is a layer type, not {describe(yaml)}",
            yaml.place,
            help="write `- relu` or `- conv: {…}`",
        )
        return faulty_node(yaml.place)
    keys = [entry for entry in yaml if entry.name not in SIBLINGS]
    siblings = {entry.name: entry.value for entry in yaml if entry.name in SIBLINGS}
    if not keys:
        _report_no_type(yaml, problems)
        return faulty_node(yaml.place)
    if len(keys) > 1:
        _report_two_types(keys, problems)
        return faulty_node(yaml.place, siblings.get("name"))
    return _assemble(keys[0], siblings, problems)


def _bare(word: YamlScalar, problems: Problems) -> Node:
    """A node that is only a word."""
    text = str(word.value)
    nothing = YamlScalar(None, word.place)
    if glued := GLUED.fullmatch(text):
        problems.add(
            f"'{shortened(text)}' is one word to YAML",
            word.place,
            help=f"put a space after the colon: `{glued[1]}: {shortened(glued[2])}`",
        )
    elif "$" not in text and len(text.split()) > 1:
        first = text.split()[0]
        problems.add(
            f"'{shortened(text)}' is one text to YAML, and a layer type is one word",
            word.place,
            help=f"write `- {first}:` with a colon, and what belongs to it under it",
        )
    elif text in ("residual", "foreach"):
        return Node(word, nothing, lists=_inner_lists(YamlEntry(word, nothing), None, problems))
    else:
        return Node(word, nothing)
    return faulty_node(word.place)


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
        problems.add(
            f"'first' is a mapping of parameters, not {describe(first)}",
            first.place,
            help="write `first: {stride: 2}`",
        )
        first = None
    if first is not None and "repeat" not in siblings:
        problems.add(
            "'first' changes the first of several copies", first.place, help="add `repeat: n` beside it"
        )
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
        problems.add(
            f"'do' belongs beside 'foreach', not beside '{entry.name}'",
            do.place,
            help="write `- foreach: {…}` and `do:` under it",
        )
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
    return (faulty_node(value.place),)


def _residual_lists(entry: YamlEntry, problems: Problems) -> dict[str, tuple[Node, ...]]:
    value = entry.value
    if isinstance(value, YamlList):
        problems.add(
            "residual takes a mapping with `body`, not a list", value.place, help="put the list under `body:`"
        )
        return {"body": (faulty_node(value.place),)}
    if not isinstance(value, YamlMap):
        found = "" if value.value is None else f", not {describe(value)}"
        problems.add(
            f"residual takes a mapping with `body`{found}",
            entry.key.place,
            help="write `- residual:` with `body:` under it, and the layers under that",
        )
        return {"body": (faulty_node(value.place),)}
    for inner in value:
        if inner.name not in RESIDUAL_KEYS:
            hint = did_you_mean(inner.name, RESIDUAL_KEYS, listing="known keys")
            if inner.name in SIBLINGS:
                hint = f"write `{inner.name}:` beside 'residual', at the same indentation"
            problems.add(f"unknown key '{inner.name}' in residual", inner.key.place, help=hint)
    lists = {
        "body": parse_layers(value.get("body"), problems, what="the body of residual", place=entry.key.place)
    }
    shortcut = value.get("shortcut")
    if isinstance(shortcut, YamlList):
        lists["shortcut"] = parse_layers(shortcut, problems, what="the shortcut", place=shortcut.place)
    elif isinstance(shortcut, YamlMap):
        lists["shortcut"] = (faulty_node(shortcut.place),)
        problems.add(
            "a shortcut is a word or a list of layers, not a mapping",
            shortcut.place,
            help="begin each layer with `- `",
        )
    elif shortcut is not None and isinstance(shortcut.value, str) and "$" not in shortcut.value:
        if shortcut.value not in SHORTCUTS:
            hint = did_you_mean(shortcut.value, SHORTCUTS, listing="known shortcuts")
            problems.add(f"unknown shortcut '{shortened(shortcut.value)}'", shortcut.place, help=hint)
            lists["shortcut"] = (faulty_node(shortcut.place),)
    elif shortcut is not None and not isinstance(shortcut.value, str):
        known = ", ".join(SHORTCUTS)
        problems.add(
            f"a shortcut is one of {known}, not {describe(shortcut)}", shortcut.place, help="choose one"
        )
        lists["shortcut"] = (faulty_node(shortcut.place),)
    if (norm := value.get("norm")) is not None:
        lists["norm"] = (parse_node(norm, problems),)
        words = "" if not isinstance(shortcut, YamlScalar) else str(shortcut.value)
        if words != "projection" and "$" not in words:
            problems.add(
                "'norm' is that of a projection, and this residual has none",
                place_of_key(value, "norm"),
                help="remove it, or write `shortcut: projection`",
            )
        for inner in norm if isinstance(norm, YamlMap) else ():
            if inner.name in SIBLINGS:
                message = f"the norm of a projection has no '{inner.name}'"
                problems.add(message, inner.key.place, help="it is called `shortcut.norm`: remove this key")
    return lists


def _report_no_type(yaml: YamlMap, problems: Problems) -> None:
    if not yaml.entries:
        problems.add("this node is empty", yaml.place, help="write a layer type, such as `relu`")
        return
    key = yaml.entries[0].key
    hint = "add a type key, such as `conv: {…}`"
    if yaml.get("do") is not None:
        hint = "several layers are repeated by `foreach: {n: $(range(3))}` beside `do:`, or as a block"
    problems.add(f"this node has no layer type, only '{key.value}'", key.place, help=hint)


def _report_two_types(keys: list[YamlEntry], problems: Problems) -> None:
    """Two keys that are not siblings: nearly always a parameter that was not indented under its type."""
    first, second = keys[0], keys[1]
    words = [entry.name for entry in keys if "$" not in entry.name]
    slips = {word: hint for word in words if (hint := did_you_mean(word, SIBLINGS))}
    if len(slips) == 1 and first.name in slips:
        first, second = second, first  # `- nmae: stem` above `conv:`: the first word is the slip
    empty = isinstance(first.value, YamlScalar) and first.value.value is None
    if empty:
        message = f"'{second.name}' stands beside '{first.name}', where only {', '.join(SIBLINGS)} may"
        hint = f"indent it further, so that it stands under '{first.name}'"
    else:
        close = slips.get(second.name)
        message = f"a node has one layer type, and here '{second.name}' stands beside '{first.name}'"
        hint = (
            close or f"begin a new node with `- {second.name}`, or write it as a parameter of '{first.name}'"
        )
    problems.add(message, second.key.place, help=hint)


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes of a list, each before those of the lists inside it."""
    for node in nodes:
        yield node
        for inner in node.lists.values():
            yield from walk(inner)
