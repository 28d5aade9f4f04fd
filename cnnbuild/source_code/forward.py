"""The body of `forward`: a level's steps as statements, in the order in which they are computed.

A tensor that is used once is written where it is used, as long as that keeps the order and the lines short.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cnnbuild.source_code.flow import Flow
from cnnbuild.source_code.identifiers import identifier, is_attribute, without_count
from cnnbuild.source_code.layout import Brackets, Item, flat, lines
from cnnbuild.source_code.templates import Step
from cnnbuild.source_code.terms import quoted

DEEPEST = 3  # calls within calls on one line
LONGEST = 70  # characters of an expression
LONGEST_JOINED = 40  # of a sum or a list of tensors that something else is applied to
LEAST_REPEATS = 3
ENDS = {"relu", "relu6", "gelu", "silu", "hardswish", "activation", "max_pool", "avg_pool"}
"""After these a new statement begins, as people write it."""


def forward_body(flow: Flow, *, indent: int) -> list[str]:
    """The statements of `forward`."""
    return _Writer(flow, indent).body()


@dataclass(frozen=True, slots=True)
class _Pending:
    """A tensor whose code was not written yet."""

    code: Item
    depth: int
    typed: bool
    child: str
    joined: bool


class _Writer:
    def __init__(self, flow: Flow, indent: int) -> None:
        self.flow = flow
        self.indent = indent
        self.rows: list[str] = []
        self.names: dict[int, str] = dict(enumerate(flow.inputs))
        self.pending: dict[int, _Pending] = {}
        self.assigned: set[str] = set()
        self.typed = set(flow.inputs)
        self.declared: set[int] = set() if flow.heads else {flow.output}
        tested = [head.tensor for head in flow.heads if not head.train_only]
        if len(tested) == 1:
            self.declared.update(tested)
        ends = [head.tensor for head in flow.heads] or [flow.output]
        self.left = Counter([*(source for step in flow.steps for source in step.sources), *ends])
        self.total = Counter(self.left)
        self.only_in_training = self._only_in_training()

    def body(self) -> list[str]:
        number, steps = len(self.flow.inputs), self.flow.steps
        begin = 0
        while begin < len(steps):
            guarded = number in self.only_in_training
            if guarded != self._inside():
                self._flush()
                if guarded:
                    self.rows.append(f"{'    ' * self.indent}if self.training:")
                self.indent += 1 if guarded else -1
            repeats = self._repeats(begin, number)
            if repeats >= LEAST_REPEATS:
                self._loop(steps[begin], number, repeats)
                number, begin = number + repeats, begin + repeats
                continue
            self._step(steps[begin], number)
            number, begin = number + 1, begin + 1
        if self._inside():
            self._flush()
            self.indent -= 1
        self._end()
        return self.rows

    def _inside(self) -> bool:
        return self.indent > 2

    def _only_in_training(self) -> set[int]:
        """The tensors that no head needs which is computed in evaluation."""
        heads = self.flow.heads
        if all(not head.train_only for head in heads):
            return set()
        needed = {head.tensor for head in heads if not head.train_only}
        first = len(self.flow.inputs)
        for number in range(first + len(self.flow.steps) - 1, first - 1, -1):
            if number in needed:
                needed.update(self.flow.steps[number - first].sources)
        return {number for number in range(first, first + len(self.flow.steps)) if number not in needed}

    def _repeats(self, begin: int, number: int) -> int:
        """How often a step's child is applied to its own output from here on."""
        steps, count = self.flow.steps, 1
        if len(steps[begin].sources) != 1 or steps[begin].borrowed:
            return 1
        while (
            begin + count < len(steps)
            and steps[begin + count].child == steps[begin].child
            and steps[begin + count].sources == (number + count - 1,)
            and self.total[number + count - 1] == 1
        ):
            count += 1
        return count

    def _loop(self, step: Step, number: int, repeats: int) -> None:
        (source,) = step.sources
        if source in self.pending:
            self._flush()
        self.left[source] -= 1
        entering = self.names[source]
        self._flush()
        last = number + repeats - 1
        name = entering if not self.left[source] else self._name_for(last, step.child)
        if name != entering:
            self.rows.append(f"{self._margin()}{name} = {entering}")
        self.rows.append(f"{self._margin()}for _ in range({repeats}):")
        self.rows.append(f"{self._margin()}    {name} = {self._module(step)}({name})")
        self.names[last] = name

    def _margin(self) -> str:
        return "    " * self.indent

    def _step(self, step: Step, number: int) -> None:
        if step.child in self.flow.conditional:
            self._optional_join(step, number)
            return
        waiting = [source for source in step.sources if source in self.pending]
        order = list(self.pending)
        fits = (len(set(step.sources)) == len(step.sources) or not waiting) and order[
            len(order) - len(waiting) :
        ] == waiting
        while fits and waiting and not self._continues(step, waiting):
            self._flush(upto=waiting.pop(0))
        if not fits:
            self._flush()
            waiting = []
        for source in step.sources:
            self.left[source] -= 1
        taken = [self.pending.pop(source) if source in waiting else None for source in step.sources]
        arguments = tuple(
            self.names[source] if known is None else known.code
            for source, known in zip(step.sources, taken, strict=True)
        )
        join = self.flow.joins.get(step.child, "")
        if join and join != "cat" and sum(len(flat(each)) + 3 for each in arguments) > LONGEST:
            self._long_join(join, arguments, number, step.child)
            return
        code = _joined(join, arguments) if join else Brackets(f"{self._module(step)}(", arguments, ")")
        depth = max((known.depth for known in taken if known is not None), default=0) + (not join)
        first = taken[0].typed if taken[0] is not None else arguments[0] in self.typed
        typed = join == "cat" or (join == "+" and first)  # torch leaves the type of products open
        self.pending[number] = _Pending(code, depth, typed, step.child, bool(join))
        if self.total[number] != 1:
            self._flush()

    def _long_join(self, join: str, arguments: Sequence[Item], number: int, child: str) -> None:
        """A sum that does not fit on a line, in several statements; it is added up from the left."""
        self._flush()
        parts = list(map(flat, arguments))
        name = self._name_for(number, child)
        while name in parts[1:]:  # which are read after the first assignment to it
            name = f"{name}_joined"
        row = ""
        for part in parts:
            if row and len(name) + len(row) + len(part) > LONGEST:
                self.rows.append(f"{self._margin()}{name} = {row}")
                row = name
            row = f"{row} {join} {part}" if row else part
        self.rows.append(f"{self._margin()}{name} = {row}")
        self.names[number] = name
        self.assigned.add(name)

    def _continues(self, step: Step, waiting: Sequence[int]) -> bool:
        """Whether a step may be written around what waits for it, or begins a statement of its own."""
        joins = step.child in self.flow.joins
        known = [self.pending[source] for source in waiting]
        length = sum(len(flat(each.code)) for each in known) + len(step.child) + 7
        if length > LONGEST or max(each.depth for each in known) + (not joins) > DEEPEST:
            return False
        if joins:
            return True
        if any(each.joined and len(flat(each.code)) > LONGEST_JOINED for each in known):
            return False
        word = without_count(step.child)
        return word in ENDS or not any(each.depth > 1 and without_count(each.child) in ENDS for each in known)

    def _module(self, step: Step) -> str:
        if step.borrowed is not None:
            return f"self._borrowed[{self.flow.borrowed[step.borrowed]}]"
        name = self.flow.attributes.get(step.child, step.child)
        return f"self.{name}" if is_attribute(name) else f"self.get_submodule({quoted(name)})"

    def _optional_join(self, step: Step, number: int) -> None:
        """`if self._adds: out = out + x`."""
        first, second = step.sources
        if number in self.declared:
            self.declared.add(first)
        self._flush()
        self.left[first] -= 1
        self.left[second] -= 1
        name = self.names[first]
        if self.left[first]:
            fresh = self._name_for(number, "out")
            self.rows.append(f"{self._margin()}{fresh} = {name}")
            name = fresh
        self.rows.append(f"{self._margin()}if self.{self.flow.conditional[step.child]}:")
        self.rows.append(f"{self._margin()}    {name} = {name} + {self.names[second]}")
        self.names[number] = name

    def _flush(self, upto: int | None = None) -> None:
        """Write what is pending into variables, in order, up to a tensor if one is given."""
        for number, known in list(self.pending.items()):
            if upto is not None and number > upto:
                return
            del self.pending[number]
            name = self._name_for(number, known.child)
            before = f"{name} = "
            if number in self.declared and not known.typed and name not in self.flow.inputs:
                before = f"{name}: Tensor = "
            self.rows += lines(known.code, indent=self.indent, before=before)
            if known.typed or number in self.declared:
                self.typed.add(name)
            elif name not in self.flow.inputs:
                self.typed.discard(name)
            self.names[number] = name
            self.assigned.add(name)

    def _name_for(self, number: int, child: str) -> str:
        """A variable for a tensor: the running one where it is free, or the child's name."""
        live = {name for tensor, name in self.names.items() if self.left[tensor] > 0}
        for waiting in self.pending.values():
            live |= {name for name in self.names.values() if _mentions(flat(waiting.code), name)}
        name = self.flow.attributes.get(child, child)
        heads = [head.tensor for head in self.flow.heads]
        again = self.total[number] > 1 or number in heads
        semantic = not re.search(r"_\d+$|^\*$", name)
        order = ["out", self.flow.inputs[0]] if "out" in self.assigned else [self.flow.inputs[0], "out"]
        running = [word for word in order if word not in live]
        if number in self.declared and number not in self.pending and self.assigned:
            running = [word for word in ("out", "output") if word not in self.assigned]
        if running and not (again and semantic):
            return running[0]
        wanted, count = "logits" if number in heads[:1] else identifier(name), 2
        unique = wanted
        while unique in live or unique in self.flow.inputs:
            unique, count = f"{wanted}_{count}", count + 1
        return unique

    def _end(self) -> None:
        if self.flow.heads:
            self._return_heads()
            return
        known = self.pending.pop(self.flow.output, None)
        if known is None:
            self.rows.append(f"{self._margin()}return {self.names[self.flow.output]}")
        elif known.typed:
            self.rows += lines(known.code, indent=self.indent, before="return ")
        else:
            self.rows += lines(known.code, indent=self.indent, before="output: Tensor = ")
            self.rows.append(f"{self._margin()}return output")

    def _return_heads(self) -> None:
        self._flush()
        pairs = tuple(f"{quoted(head.name)}: {self.names[head.tensor]}" for head in self.flow.heads)
        tested = [head for head in self.flow.heads if not head.train_only]
        everything = Brackets("{", pairs, "}")
        if len(tested) == len(self.flow.heads):
            self.rows += lines(everything, indent=self.indent, before="return ")
            return
        self.rows.append(f"{self._margin()}if self.training:")
        self.rows += lines(everything, indent=self.indent + 1, before="return ")
        if len(tested) == 1:
            self.rows.append(f"{self._margin()}return {self.names[tested[0].tensor]}")
        else:
            kept = tuple(f"{quoted(head.name)}: {self.names[head.tensor]}" for head in tested)
            self.rows += lines(Brackets("{", kept, "}"), indent=self.indent, before="return ")


def _mentions(code: str, name: str) -> bool:
    return name in code.replace("(", " ").replace(")", " ").replace(",", " ").split()


def _joined(join: str, arguments: Sequence[Item]) -> Item:
    if join == "cat":
        return Brackets("torch.cat(", (Brackets("(", tuple(arguments), ")"), "dim=1"), ")")
    return f" {join} ".join(map(flat, arguments))
