"""Operations -> the tree of what applies them: modules within modules, and joins with their branches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, TypeAlias

from torch import nn

from cnnbuild.modules.importing.operations import IMAGES, ModuleCall, Operation

TRANSPARENT: tuple[type, ...] = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
"""Containers without a meaning of their own: what is in them stands in the list around them."""

THE_END = -2
"""The number that stands for who takes the network's output."""


@dataclass(eq=False, slots=True)
class Single:
    """One operation."""

    operation: Operation

    @property
    def path(self) -> str:
        """The module that it is, or nothing."""
        return self.operation.path

    @property
    def inputs(self) -> tuple[int, ...]:
        """The tensors that it takes."""
        return self.operation.inputs

    @property
    def output(self) -> int:
        """The tensor that it gives."""
        return self.operation.number

    def operations(self) -> Iterator[Operation]:
        """Itself."""
        yield self.operation


@dataclass(eq=False, slots=True)
class Call:
    """A module that holds others, applied to one tensor, `entrance`; `again` is its first application."""

    call: ModuleCall
    items: list[Item]
    entrance: int
    output: int
    again: Call | None = None

    @property
    def path(self) -> str:
        """Where the module is."""
        return self.call.path

    @property
    def inputs(self) -> tuple[int, ...]:
        """The tensor that it takes."""
        return (self.entrance,)

    def operations(self) -> Iterator[Operation]:
        """Those inside, in the order of a file."""
        for item in self.items:
            yield from item.operations()


@dataclass(eq=False, slots=True)
class Joined:
    """Branches that all start from `entrance`, and their join; a branch without items is the tensor itself.

    In a sum with a `shortcut` the first branch is the body, and the second one the shortcut.
    """

    join: Operation
    branches: list[list[Item]]
    entrance: int
    shortcut: Literal["identity", "projection", "zero_pad", "layers", None] = None

    @property
    def path(self) -> str:
        """It is no module."""
        return ""

    @property
    def inputs(self) -> tuple[int, ...]:
        """The tensor that it takes."""
        return (self.entrance,)

    @property
    def output(self) -> int:
        """The tensor that it gives."""
        return self.join.number

    def operations(self) -> Iterator[Operation]:
        """Those of the branches, in the order of a file, and the join."""
        for branch in self.branches:
            for item in branch:
                yield from item.operations()
        yield self.join


Item: TypeAlias = Single | Call | Joined


@dataclass(slots=True)
class Grower:
    """Makes the tree of some operations, of which the network gives the tensors `given`.

    Without `shortcuts_in_words` the layers of every shortcut are listed, also those that a word would say.
    """

    operations: Sequence[Operation]
    given: Collection[int]
    shortcuts_in_words: bool = True
    takers: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    kinds: Counter[type] = field(default_factory=Counter)
    first: dict[str, Call] = field(default_factory=dict)

    def tree(self) -> list[Item]:
        """The network's own list."""
        for operation in self.operations:
            for source in operation.inputs:
                self.takers[source].add(operation.number)
        for given in self.given:
            self.takers[given].add(THE_END)
        self.kinds.update(
            call.kind for call in {(c.path, c.count): c for o in self.operations for c in o.calls}.values()
        )
        return self.with_joins(self.items(self.operations, 0), IMAGES)

    def items(self, operations: Sequence[Operation], depth: int) -> list[Item]:
        """The items of operations that stand in the same `depth` calls."""
        found: list[Item] = []
        for call, group in groupby(operations, lambda o: o.calls[depth] if len(o.calls) > depth else None):
            within = list(group)
            if call is None:
                found += [Single(operation) for operation in within]
            else:
                found += self.applied(call, self.items(within, depth + 1))
        return found

    def applied(self, call: ModuleCall, items: list[Item]) -> list[Item]:
        """A module's items as one, where it takes one tensor, gives one, and stands for something."""
        before: list[Item] = []
        if call.kind in TRANSPARENT or self.kinds[call.kind] < 2:
            return items
        while len(self.taken(items)) > 1 and isinstance(items[0], Single) and _is_join(items[0]):
            before.append(items.pop(0))
            if not items:
                return before
        taken, given = self.taken(items), self.handed_on(items)
        if len(taken) != 1 or len(given) != 1:
            return [*before, *items]
        items = self.with_joins(items, taken[0])
        if len(items) == 1 and not isinstance(items[0], Joined):
            return [*before, *items]
        made = Call(call, items, taken[0], given[0])
        made.again = self.applied_before(made)
        self.first.setdefault(call.path, made)
        return [*before, made]

    def applied_before(self, made: Call) -> Call | None:
        """The first application of a module that is applied again, weights included."""
        first = self.first.get(made.path)
        weighted = [o for o in made.operations() if o.weights]
        if first is None or not weighted or any(o.applies is None for o in weighted):
            return None
        same = [o.word for o in made.operations()] == [o.word for o in first.operations()]
        return first if same else None

    def taken(self, items: Sequence[Item]) -> list[int]:
        """The tensors from outside that some items take."""
        inside = {o.number for item in items for o in item.operations()}
        return list(dict.fromkeys(s for item in items for s in item.inputs if s not in inside))

    def handed_on(self, items: Sequence[Item]) -> list[int]:
        """The tensors of some items that others take."""
        inside = {o.number for item in items for o in item.operations()}
        return [item.output for item in items if self.takers[item.output] - inside]

    def with_joins(self, items: list[Item], entrance: int) -> list[Item]:
        """A list in which every join that can has its branches inside."""
        done: list[Item] = []
        for item in items:
            found = (
                self.branches(done, item, entrance) if isinstance(item, Single) and _is_join(item) else None
            )
            if found is None or not isinstance(item, Single):
                done.append(item)
                continue
            start, branches = found
            source = done[start - 1].output if start else entrance
            made = joined(item.operation, branches, source)
            if made.shortcut in ("projection", "zero_pad") and not self.shortcuts_in_words:
                made.shortcut = "layers"
            done[start:] = [made]
        return done

    def branches(self, done: list[Item], join: Single, entrance: int) -> tuple[int, list[list[Item]]] | None:
        """Where the branches of a join start in the list, and what is in each of them."""
        if len(set(join.inputs)) < len(join.inputs):
            return None
        for start in range(len(done) - 1, -1, -1):
            source = done[start - 1].output if start else entrance
            region = done[start:]
            branches = [self.way(region, source, end, join.output) for end in join.inputs]
            ways = [branch for branch in branches if branch is not None]
            numbers = [item.output for way in ways for item in way]
            if len(ways) == len(branches) and len(numbers) == len(set(numbers)) == len(region):
                return start, ways
        return None

    def way(self, region: Sequence[Item], source: int, end: int, join: int) -> list[Item] | None:
        """The items that make `end` of `source`, and nothing else; None where they take or give more."""
        if end == source:
            return []
        wanted, way = {end}, []
        for item in reversed(region):
            if item.output in wanted:
                wanted.update(item.inputs)
                way.append(item)
        outputs = {item.output for item in way}
        inside = {o.number for item in way for o in item.operations()}
        if end not in outputs or wanted - outputs != {source}:
            return None
        if any(self.takers[o] - inside - ({join} if o == end else set()) for o in outputs):
            return None
        return way[::-1]


def joined(join: Operation, branches: list[list[Item]], entrance: int) -> Joined:
    """A join of branches, as a residual where it is the sum of a body and its shortcut."""
    if join.word != "add" or len(branches) != 2:
        return Joined(join, branches, entrance)
    shorter, longer = sorted(
        branches, key=lambda branch: sum(1 for item in branch for _ in item.operations())
    )
    if not shorter:
        return Joined(join, [longer, shorter], entrance, "identity")
    for shortcut, body in ((shorter, longer), (longer, shorter)):
        operations = [operation for item in shortcut for operation in item.operations()]
        if [operation.word for operation in operations] == ["zero_pad_shortcut"]:
            return Joined(join, [body, shortcut], entrance, "zero_pad")
        if _is_projection(operations):
            return Joined(join, [body, shortcut], entrance, "projection")
    if sum(1 for i in shorter for _ in i.operations()) < sum(1 for i in longer for _ in i.operations()):
        return Joined(join, [longer, shorter], entrance, "layers")
    return Joined(join, branches, entrance)


def _is_join(item: Item) -> bool:
    return isinstance(item, Single) and item.operation.word in ("add", "concat", "multiply")


def _is_projection(operations: Sequence[Operation]) -> bool:
    """Whether operations are the 1x1 convolution and the normalisation of `shortcut: projection`."""
    if [operation.word for operation in operations] != ["conv", "batch_norm"]:
        return False
    conv, norm = operations[0].arguments, operations[1].arguments
    plain = {"kernel_size": 1, "padding": 0, "groups": 1, "bias": False}
    usual = {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}
    changes = conv["stride"] != 1 or conv["out_channels"] != operations[0].input_shapes[0][0]
    return (
        changes
        and all(conv[key] == value for key, value in plain.items())
        and all(norm[key] == value for key, value in usual.items())
    )
