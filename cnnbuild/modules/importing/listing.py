"""The tree -> lists of nodes, with names where the language needs or the module has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cnnbuild.errors import UsageError
from cnnbuild.modules.importing.blocks import Kit
from cnnbuild.modules.importing.folding import fold
from cnnbuild.modules.importing.operations import IMAGES, Operation
from cnnbuild.modules.importing.tree import Call, Item, Joined, Single
from cnnbuild.modules.importing.written import Block, Names, Written

AUXILIARY = "auxiliary"
"""The variable of the file that says whether heads are there which exist in training alone."""


@dataclass(slots=True)
class Spot:
    """Where a list stands: the tensor that enters it, its names, and what of modules' paths these leave out:
    the `prefix`, and the `step` that named the branch.
    """

    entrance: int
    names: Names
    prefix: str
    step: str = ""
    is_outermost: bool = False

    def steps(self, path: str) -> list[str]:
        """The parts of a module's path that can be its name here."""
        steps = steps_from(path, self.prefix)
        return steps[1:] if steps and steps[0] == self.step else steps


@dataclass(slots=True)
class Scribe:
    """Writes the list of one module, or of the network; what stands in it can be named there alone.

    `heads` are the tensors that the network gives, and `auxiliary` those that are there in training alone.
    """

    kit: Kit
    entrance: int
    root: bool
    nodes: dict[int, Written] = field(default_factory=dict)
    named_inside: bool = False
    spots: dict[int, Spot] = field(default_factory=dict)
    heads: Mapping[str, int] = field(default_factory=dict)
    head_names: dict[str, str] = field(default_factory=dict)
    auxiliary: frozenset[int] = frozenset()

    def body(self, items: Sequence[Item], path: str) -> list[Written]:
        """The nodes of a module's items, repeated ones folded."""
        names = Names()
        nodes = self.nodes_of(items, Spot(self.entrance, names, path, is_outermost=True))
        if len(self.heads) > 1:
            self.head_names = {name: self.named(tensor) for name, tensor in self.heads.items()}
        folded = fold(nodes, names)
        self.named_inside = any(
            node.name or any(branch is not None for branch in node.lists.values()) or node.repeat is not None
            for outer in folded
            for node in (outer, *outer.inner())
        )
        return folded

    def nodes_of(self, items: Sequence[Item], spot: Spot) -> list[Written]:
        """The nodes of a list."""
        nodes: list[Written] = []
        before = spot.entrance
        for item in items:
            match item:
                case Single():
                    node = self.single(item.operation, spot, before)
                case Call():
                    node = self.call(item, spot, before)
                case _:
                    node = self.joined(item, spot)
                    node.source = self.source(item.entrance, before)
            node.path = node.path or item.path
            node.when = f"${AUXILIARY}" if item.output in self.auxiliary and spot.is_outermost else ""
            self.nodes[item.output], self.spots[item.output] = node, spot
            nodes.append(node)
            before = item.output
        return nodes

    def single(self, operation: Operation, spot: Spot, before: int) -> Written:
        """The node of one operation."""
        if operation.applies is not None:
            return self.shared(operation.applies, operation.inputs[0], before)
        node = Written(operation.word, dict(operation.arguments), channels=operation.input_shapes[0][0])
        if len(operation.inputs) > 1:
            node.source = [self.reference(source, before) for source in operation.inputs]
        else:
            node.source = self.source(operation.inputs[0], before)
        steps = spot.steps(operation.path)
        if operation.weights and steps and (self.root or not steps[-1].isdigit()):
            node.name = spot.names.claim("_".join(steps))
        return node

    def call(self, item: Call, spot: Spot, before: int) -> Written:
        """The node of a module that holds others."""
        if item.again is not None:
            return self.shared(item.again.output, item.entrance, before)
        block, arguments = self.kit.calls[item]
        channels = next(item.operations()).input_shapes[0][0]
        node = Written(block.name, dict(arguments), channels=channels, block=block)
        node.source = self.source(item.entrance, before)
        steps = spot.steps(item.path)
        if steps and (self.root or block.has_names or not steps[-1].isdigit()):
            digits = all(step.isdigit() for step in steps)
            node.name = spot.names.claim("_".join([block.name, *steps] if digits else steps))
        return node

    def joined(self, item: Joined, spot: Spot) -> Written:
        """The node of a join with its branches, or of a residual."""
        word = "residual" if item.shortcut else item.join.word
        node = Written(word, channels=item.join.input_shapes[0][0])
        labels = self.labels(item, spot)
        claimed = [label for (label, _), branch in zip(labels, item.branches, strict=True) if branch]
        if item.shortcut:
            claimed = ["shortcut"] if item.shortcut != "identity" else []
            if item.shortcut != "layers":
                node.arguments["shortcut"] = item.shortcut
        if not spot.names.claims(claimed):
            steps = spot.steps(item.path)
            node.name = spot.names.claim("_".join(steps) if steps else word)
        for (label, step), branch in zip(labels, item.branches, strict=True):
            inner = Spot(item.entrance, Names(spot.names), spot.prefix, step or spot.step)
            if label == "body" and item.shortcut:
                inner = Spot(item.entrance, spot.names, spot.prefix, spot.step)
            node.lists[label] = self.nodes_of(branch, inner) if branch else None
        if item.shortcut not in (None, "layers"):
            del node.lists["shortcut"]  # it is said by a word
        return node

    def labels(self, item: Joined, spot: Spot) -> list[tuple[str, str]]:
        """What the branches are called, and the part of a module's path that this is, where it is one."""
        if item.shortcut:
            return [("body", ""), ("shortcut", "")]
        if item.join.word == "multiply" and sorted(map(bool, item.branches)) == [False, True]:
            return [("gate" if branch else "map", "") for branch in item.branches]
        names = Names()
        full = [branch for branch in item.branches if branch]
        labels = []
        for number, branch in enumerate(item.branches, start=1):
            paths = [o.path for i in branch for o in i.operations() if o.weights] or [i.path for i in branch]
            steps = spot.steps(next(iter(paths), ""))
            step = steps[0] if steps and not steps[0].isdigit() else ""
            label = step or f"branch_{number}"
            if (
                len(full) == 1
            ):  # numbered layers that each add something are one word, so that they can be folded
                label = label.rstrip("0123456789").rstrip("_") or label
            labels.append((names.claim(label if branch else "input"), step))
        return labels

    def shared(self, original: int, source: int, before: int) -> Written:
        """A node that applies an earlier one again."""
        if original not in self.nodes:
            raise UsageError(
                "a layer is applied again outside the module that holds it, or in one of its branches; share "
                "the whole module, or write these lines by hand with `share:`"
            )
        node = Written("share", {"name": self.named(original)}, source=self.source(source, before))
        node.arguments = {"share": self.named(original)}
        return node

    def source(self, tensor: int, before: int) -> str | None:
        """What `from` says; nothing where the node before gives the tensor."""
        return None if tensor == before else self.reference(tensor, before)

    def reference(self, tensor: int, before: int) -> str:
        """The name under which a tensor can be had."""
        if tensor == before:
            return "prev"
        return "block" if tensor == self.entrance else self.named(tensor)

    def named(self, tensor: int) -> str:
        """The name of the node that gives a tensor; it gets one now if it has none."""
        if tensor not in self.nodes:
            raise UsageError(
                "a tensor is used outside the module that made it; the language cannot name it there"
            )
        node, spot = self.nodes[tensor], self.spots[tensor]
        if node.name is None:
            steps = [step for step in spot.steps(node.path) if not step.isdigit()]
            node.name = spot.names.claim("_".join(steps) if steps else f"{node.word}_out")
        node.wanted = True
        return node.name


def steps_from(path: str, prefix: str) -> list[str]:
    """The parts of a module's path behind that of another, if it is within it."""
    if not path or path == prefix:
        return []
    return path.removeprefix(f"{prefix}.").split(".") if prefix else path.split(".")


def calls_by_height(items: Sequence[Item]) -> Iterator[list[Call]]:
    """The calls of modules in a tree, those first that hold no other calls."""
    heights: dict[Call, int] = {}

    def visit(listed: Sequence[Item]) -> int:
        height = 0
        for item in listed:
            match item:
                case Call():
                    heights[item] = visit(item.items)
                    height = max(height, heights[item] + 1)
                case Joined():
                    height = max(height, *(visit(branch) for branch in item.branches))
        return height

    top = visit(items)
    for height in range(top):
        yield [call for call, own in heights.items() if own == height and call.again is None]


@dataclass(frozen=True, slots=True)
class Lists:
    """The network's list of nodes, the blocks that it calls; the nodes of its heads, if it has several."""

    layers: list[Written]
    blocks: list[Block]
    heads: Mapping[str, str]


def write_lists(
    items: Sequence[Item], heads: Mapping[str, int], auxiliary: frozenset[int] = frozenset()
) -> Lists:
    """What stands in the file; `auxiliary` are operations that are there in training alone.

    Raises:
        UsageError: a tensor or a layer is used where the language cannot name it.
    """
    kit = Kit()
    for calls in calls_by_height(items):
        bodies = []
        for call in calls:
            scribe = Scribe(kit, call.entrance, root=False)
            bodies.append((call, scribe.body(call.items, call.path), scribe.named_inside))
        kit.define(bodies)
    scribe = Scribe(kit, IMAGES, root=True, heads=heads, auxiliary=auxiliary)
    return Lists(scribe.body(items, ""), kit.blocks, scribe.head_names)
