"""Modules of one class -> a block of the file, whose parameters are what differs between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from cnnbuild.layers.registry import STRUCTURAL, standard_registry
from cnnbuild.layers.standard_blocks import standard_block_names
from cnnbuild.modules.importing.operations import Value
from cnnbuild.modules.importing.tree import Call
from cnnbuild.modules.importing.written import VARYING, Block, Names, Written, pairs, signature, sound_name

CHANNELS = frozenset({"out_channels", "groups", "squeeze_channels"})
"""Parameters that count channels: one is often a multiple of another."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(slots=True)
class Kit:
    """The blocks that were made, in the order of their making, and how each module calls its own."""

    blocks: list[Block] = field(default_factory=list)
    calls: dict[Call, tuple[Block, dict[str, Value]]] = field(default_factory=dict)

    def define(self, bodies: Sequence[tuple[Call, list[Written], bool]]) -> None:
        """Make blocks of the bodies of modules that call each other nowhere."""
        groups: dict[tuple[type, tuple[object, ...] | None], list[tuple[Call, list[Written]]]] = {}
        named: dict[tuple[type, tuple[object, ...] | None], bool] = {}
        for call, body, has_names in bodies:
            key = (call.call.kind, signature(body))
            groups.setdefault(key, []).append((call, body))
            named[key] = named.get(key, False) or has_names
        for key, members in _with_shortcut_left_out(groups).items():
            block = Block(self.free_name(key[0].__name__), members[0][1], has_names=named[key])
            arguments = Differences(block, [body for _, body in members]).settle()
            self.blocks.append(block)
            for (call, _), own in zip(members, arguments, strict=True):
                self.calls[call] = (block, own)

    def free_name(self, kind: str) -> str:
        """A class's name in snake case, as no other block, layer type or form is called."""
        base = sound_name(_WORD.sub("_", kind).lower())
        if base in standard_block_names() or base in standard_registry().types or base in STRUCTURAL:
            base = f"{base}_block"
        known = {block.name for block in self.blocks}
        numbers = (f"{base}_{number}" for number in range(2, len(known) + 3))
        return next(name for name in (base, *numbers) if name not in known)


Groups = dict[tuple[type, "tuple[object, ...] | None"], list[tuple[Call, list[Written]]]]


def _with_shortcut_left_out(groups: Groups) -> Groups:
    """The same groups, a body without a shortcut joined to that of the same class with one."""
    for key in list(groups):
        body = groups[key][0][1]
        wrapped = [Written("residual", {"shortcut": "none"}, {"body": body}, channels=body[0].channels)]
        other = (key[0], signature(wrapped))
        if other in groups:
            for call, nodes in groups.pop(key):
                groups[other].append(
                    (
                        call,
                        [
                            Written(
                                "residual", {"shortcut": "none"}, {"body": nodes}, channels=nodes[0].channels
                            )
                        ],
                    )
                )
    return groups


@dataclass(slots=True)
class Differences:
    """What differs between bodies of one signature, and the parameters that say it."""

    block: Block
    bodies: Sequence[list[Written]]
    names: Names = field(default_factory=Names)
    columns: dict[str, list[Value]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def settle(self) -> list[dict[str, Value]]:
        """The arguments of each body; the block's own nodes refer to its parameters afterwards."""
        for together in reversed(list(pairs(self.bodies))):
            settle_padding(together)
            for key in sorted(together[0].arguments, key=lambda key: key != "out_channels"):
                values = [node.arguments[key] for node in together]
                self.place(together[0], key, values, [node.channels for node in together])
            if together[0].repeat is not None:
                self.place(together[0], "repeat", [node.repeat for node in together], [])
        self.number()
        for name, values in sorted(self.columns.items(), key=lambda c: self.words[c[0]] != "out_channels"):
            usual, count = Counter(map(repr, values)).most_common(1)[0]
            usual_value = next(value for value in values if repr(value) == usual)
            if count * 2 >= len(values) and len(values) > 2 and self.words[name] != "out_channels":
                self.block.defaults[name] = usual_value
            else:
                self.block.required[name] = _type_of(values)
        order = [*self.block.required, *self.block.defaults]
        return [{name: self.columns[name][n] for name in order} for n in range(len(self.bodies))]

    def number(self) -> None:
        """Number parameters of one word in the order in which they stand in the block."""
        order: dict[str, list[str]] = {}
        for name in reversed(self.columns):
            order.setdefault(self.words[name], []).append(name)
        new = {
            name: f"{word}_{number}"
            for word, names in order.items()
            for number, name in enumerate(names, start=1)
            if len(names) > 1
        }
        self.words.update((new[name], self.words[name]) for name in new)
        self.columns = {new.get(name, name): values for name, values in reversed(self.columns.items())}
        if not new:
            return
        pattern = re.compile(r"\$\(?(" + "|".join(sorted(new, key=len, reverse=True)) + r")\b")
        for (node,) in pairs([self.block.layers]):
            for key, value in node.arguments.items():
                if isinstance(value, str):
                    node.arguments[key] = pattern.sub(lambda m: m[0].replace(m[1], new[m[1]]), value)
            if isinstance(node.repeat, str):
                node.repeat = pattern.sub(lambda m: m[0].replace(m[1], new[m[1]]), node.repeat)

    def place(self, node: Written, key: str, values: list[Value], channels: list[int]) -> None:
        """Let a parameter of a node be what it is in every body."""
        kinds = set(map(str, values)) if key == "shortcut" else set()
        if kinds in ({"identity", "projection"}, {"identity", "zero_pad"}):
            values = [(kinds - {"identity"}).pop()] * len(values)  # it is there only where shapes differ
        if all(repr(value) == repr(values[0]) for value in values):
            said: Value = values[0]
        else:
            said = self.relation(key, _of_one_type(values), channels)
        if key == "repeat":
            node.repeat = said
        else:
            node.arguments[key] = said

    def relation(self, key: str, values: list[Value], channels: list[int]) -> str:
        """Differing values, told by a parameter, or by the channels that enter."""
        whole = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
        counts = key in CHANNELS and len(whole) == len(values)
        if counts and key == "groups" and (told := _multiple(whole, channels, "in.channels")):
            return told
        for name, column in self.columns.items():
            if column == values and (counts or name.startswith(key)):
                return f"${name}"
            numbers = [n for n in column if isinstance(n, int) and not isinstance(n, bool)]
            related = counts and "channels" in name and len(numbers) == len(values)
            if related and (told := _multiple(whole, numbers, name)):
                return told
        if counts and self.columns and (told := _multiple(whole, channels, "in.channels")):
            return told
        word = "depth" if key == "repeat" else key.rstrip("0123456789").rstrip("_")
        name = self.names.claim(word)
        self.words[name] = word
        self.columns[name] = values
        return f"${name}"


def _multiple(values: Sequence[int], of: Sequence[int], name: str) -> str:
    """`values` as an expression of other numbers, where all are the same multiple or part of them."""
    if VARYING in of or len(set(of)) < 2:
        return ""
    if list(values) == list(of):
        return f"${name}"
    if values[0] % of[0] == 0 and all(v == o * (values[0] // of[0]) for v, o in zip(values, of, strict=True)):
        return f"$({name} * {values[0] // of[0]})"
    if values[0] and of[0] % values[0] == 0:
        part = of[0] // values[0]
        if all(v == o // part for v, o in zip(values, of, strict=True)):
            return f"$({name} // {part})"
    return ""


def half_padding(arguments: dict[str, Value]) -> bool:
    """Whether a convolution's padding keeps the map's size at stride 1."""
    sizes = [_both(arguments[key]) for key in ("kernel_size", "dilation", "padding")]
    if any(size is None for size in sizes):
        return False
    kernel, dilation, padding = (size or (0, 0) for size in sizes)
    return all(
        k % 2 == 1 and p == d * (k - 1) // 2 for k, d, p in zip(kernel, dilation, padding, strict=True)
    )


def settle_padding(together: Sequence[Written]) -> None:
    """Say `half` where it is meant in every body."""
    if together[0].word == "conv" and all(half_padding(node.arguments) for node in together):
        for node in together:
            node.arguments["padding"] = "half"


def _both(value: Value) -> tuple[int, int] | None:
    if isinstance(value, list):
        return (value[0], value[1])
    return (value, value) if isinstance(value, int) else None


def _of_one_type(values: list[Value]) -> list[Value]:
    """Values of which some are one size and some are two, all as two."""
    if any(isinstance(value, list) for value in values) and any(isinstance(value, int) for value in values):
        return [[value, value] if isinstance(value, int) else value for value in values]
    if any(isinstance(value, float) for value in values):
        return [
            float(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for value in values
        ]
    return values


def _type_of(values: Sequence[Value]) -> str:
    for value in values:
        for kind, word in ((bool, "bool"), (int, "int"), (float, "float"), (list, "list")):
            if isinstance(value, kind):
                return word
    return "str"
