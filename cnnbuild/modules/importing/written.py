"""Nodes of an architecture file as they will be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cnnbuild.graph.levels import NAME, TAKEN_BY_TORCH
from cnnbuild.lang.sections import RESERVED_NAMES
from cnnbuild.modules.importing.operations import Value

VARYING = -1
"""The channels that enter a node whose copies do not all take the same number."""


@dataclass(slots=True)
class Written:
    """One node. `arguments` are all its parameters; text leaves the defaults out.

    `lists` are the branches of a join, or `body` and `shortcut` of a residual; None is `identity`. `source`
    is what `from` says, or the tensors that a join names. `channels` enter it. `wanted` says that another
    node names it, and `path` is the module that it was. Without what `when` names, it is not there.
    """

    word: str
    arguments: dict[str, Value] = field(default_factory=dict)
    lists: dict[str, list[Written] | None] = field(default_factory=dict)
    name: str | None = None
    source: str | list[str] | None = None
    repeat: Value = None
    first: dict[str, Value] = field(default_factory=dict)
    channels: int = 0
    wanted: bool = False
    path: str = ""
    block: Block | None = None
    when: str = ""

    def inner(self) -> Iterator[Written]:
        """All nodes of its lists, and of theirs."""
        for nodes in self.lists.values():
            for node in nodes or ():
                yield node
                yield from node.inner()


@dataclass(slots=True)
class Block:
    """A block of the file. `defaults` has the parameters that need not be given; `required` their types.

    `has_names` says that something inside has a name, so that two calls in one level need names too.
    """

    name: str
    layers: list[Written]
    required: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, Value] = field(default_factory=dict)
    has_names: bool = False


class Names:
    """The names of one level; those of the levels around it are avoided too."""

    def __init__(self, around: Names | None = None) -> None:
        self.around = around
        self.taken: set[str] = set()

    def is_taken(self, name: str) -> bool:
        """Whether a name stands here, or around."""
        return name in self.taken or (self.around is not None and self.around.is_taken(name))

    def claim(self, wanted: str) -> str:
        """A name like the one that is wanted."""
        base = sound_name(wanted)
        name, count = base, 2
        while self.is_taken(name):
            name, count = f"{base}_{count}", count + 1
        self.taken.add(name)
        return name

    def claims(self, names: Sequence[str]) -> bool:
        """Whether all of some names were free; if so, they are taken now."""
        if any(name in self.taken for name in names):
            return False
        self.taken.update(names)
        return True


def sound_name(text: str) -> str:
    """A text as a name of the language."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in text).strip("_")
    name = kept if NAME.fullmatch(kept) else f"layer_{kept}"
    return f"{name}_layer" if name in RESERVED_NAMES or name in TAKEN_BY_TORCH else name


def signature(nodes: Sequence[Written] | None) -> tuple[object, ...] | None:
    """What nodes are, without the values of their parameters: equal where one block can say them all."""
    if nodes is None:
        return None
    return tuple(
        (
            node.word,
            tuple(sorted(node.arguments)),
            tuple((name, signature(inner)) for name, inner in node.lists.items()),
            node.name,
            str(node.source),
            node.repeat is None,
            tuple(sorted(node.first)),
        )
        for node in nodes
    )


def pairs(group: Sequence[Sequence[Written]]) -> Iterator[tuple[Written, ...]]:
    """The nodes of lists of one signature that stand in the same place, outer ones first."""
    for together in zip(*group, strict=True):
        yield together
        for name in together[0].lists:
            inner = [node.lists[name] for node in together]
            yield from pairs([nodes for nodes in inner if nodes is not None])


def same(one: Written, other: Written) -> bool:
    """Whether two nodes say the same, but for their own names and parameters."""
    return signature([one])[0][:3] == signature([other])[0][:3] and all(  # type: ignore[index]
        a.arguments == b.arguments and a.repeat == b.repeat and a.first == b.first
        for a, b in zip(one.inner(), other.inner(), strict=True)
    )


def differing(one: Mapping[str, Value], other: Mapping[str, Value]) -> set[str]:
    """The parameters in which two calls differ."""
    return {key for key in one if one[key] != other[key]}
