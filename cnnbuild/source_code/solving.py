"""What differs between the uses of a class -> the parameters of its constructor, and what follows from them.

A value that is the same in all uses is written in. One that differs is called by what it equals in every use:
the channels that come in, a parameter of the block, a multiple or a fraction of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from cnnbuild.source_code.columns import (
    Column,
    agree,
    filled,
    halves,
    is_constant,
    items,
    known,
    products,
    relation,
    surplus,
    united,
)
from cnnbuild.source_code.conditions import ENTERING, LEAVING, conditions
from cnnbuild.source_code.identifiers import identifier, without_count
from cnnbuild.source_code.parameters import Parameter, bases_of, parameter_of, rank
from cnnbuild.source_code.templates import Template
from cnnbuild.source_code.terms import Absent, Call, ClassCount, Code, Key, Value, values

Position: TypeAlias = tuple[str, Key]
"""A child of the pattern, and the place of a value in how it is made."""

SIZES = frozenset({"kernel_size", "stride", "padding", "dilation", "groups", "output_padding"})
COUNTS = frozenset({*ENTERING, *LEAVING, "num_features", "num_channels", "channels"})
"""Arguments that count channels."""
LEAST_NAMED = 3  # places where one computed value is used, for it to get a name
INITIAL = "initial"


@dataclass(slots=True)
class Solution:
    """The parameters of a class, and the code of all values that are not the same in every use.

    `derived` are local names and what they stand for; `conditions` say when an optional child is there, and
    `exchanged` which parameter holds the class of a child.
    """

    parameters: list[Parameter] = field(default_factory=list)
    codes: dict[str, dict[Key, str]] = field(default_factory=dict)
    derived: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    exchanged: dict[str, str] = field(default_factory=dict)


def solve(template: Template, *, is_block: bool) -> Solution:
    """The parameters that a class needs; a block has its channels as parameters even if used once."""
    return _Solver(template, is_block=is_block).solution()


class _Solver:
    def __init__(self, template: Template, *, is_block: bool) -> None:
        self.template = template
        self.is_block = is_block
        self.count = len(template.uses)
        self.bases = dict(bases_of(template))
        self.derivable = dict(self._derivable())
        self.chosen: dict[str, Column] = {}
        self.new: dict[str, Column] = {}
        self.found = Solution()

    def solution(self) -> Solution:
        """All parameters, those of channels first and those with defaults last."""
        template = self.template
        for (child, key), column in self._columns().items():
            code = self._code(child, key, column)
            if code is not None:
                self.found.codes.setdefault(child, {})[key] = code
        for child in template.optional:
            self.found.conditions[child] = self._condition(child)
        for child in template.exchanged:
            self._exchange(child)
        self._name_repeated()
        self.found.parameters += [parameter_of(name, column) for name, column in self.chosen.items()]
        self.found.parameters.sort(key=rank)
        return self.found

    def _name_repeated(self) -> None:
        """Give a name to what is computed for several children."""
        codes = [code for places in self.found.codes.values() for code in places.values()]
        for code, count in Counter(code for code in codes if " " in code and "kernel" not in code).items():
            if count < LEAST_NAMED:
                continue
            name = self._unique("hidden_channels")
            self.found.derived[name] = code
            for places in self.found.codes.values():
                places.update({key: name for key, written in places.items() if written == code})

    def _columns(self) -> dict[Position, Column]:
        columns: dict[Position, Column] = {}
        for child in self.template.pattern.children:
            if child in self.template.exchanged:
                continue
            found = [dict(self._values(use, child)) for use in range(self.count)]
            for key in next(each for each in found if each):
                columns[child, key] = tuple(each.get(key, Absent.VALUE) for each in found)
        return columns

    def _values(self, use: int, child: str) -> Iterator[tuple[Key, Value]]:
        name = self.template.children[use].get(child)
        if name is None:
            return
        made = self.template.uses[use].children[name]
        yield (), None  # so that a child without values is told from one that is not there
        yield from values(made.term)
        for weight, call in made.initial:
            yield from values(call, (INITIAL, weight))

    def _code(self, child: str, key: Key, column: Column) -> str | None:
        """The code of a value, or None where it is written in."""
        values_known = known(column)
        if all(isinstance(value, ClassCount) for value in values_known):
            self.chosen.setdefault("classes", filled(column))
            self.new.setdefault("classes", column)
            return "classes"
        name = next((str(word) for word in reversed(key) if word not in {"start", "each"}), "value")
        if is_constant(column):
            return self._of_single_use(name, column)
        for code, needed in self._candidates(name, column):
            for base in needed:
                self._need(base)
            return code
        return self._parameter_for(child, name, column)

    def _of_single_use(self, name: str, column: Column) -> str | None:
        """The channels of a block that is used once: they are parameters all the same."""
        part = self.template.pattern.part
        if self.count > 1 or not part.path or not (self.is_block or part.path[-1] == "shortcut"):
            return None
        ends = [base for base in (*ENTERING, *LEAVING) if base in self.bases]
        if len({self.bases[base] for base in ends}) < len(ends) or name not in COUNTS:
            return None
        for base in ends:
            if agree(column, self.bases[base]):
                self.chosen[base] = self.bases[base]
                return base
        return None

    def _need(self, base: str) -> None:
        """Make a parameter of a base, or a local name where it follows from another."""
        if base in self.derivable:
            code, source = self.derivable[base]
            self._need(source)
            self.found.derived[base] = code
        else:
            self.chosen[base] = self.bases[base]

    def _candidates(self, name: str, column: Column) -> Iterator[tuple[str, tuple[str, ...]]]:
        """What a value may be called by, the most natural first, with the bases that it needs."""
        if name == "padding":
            yield from self._paddings(column)
        is_size = name in SIZES
        fitting = {
            base: values
            for base, values in self.bases.items()
            if (base in SIZES) == is_size or (name == "groups" and base not in SIZES)
        }
        for base, base_values in sorted(fitting.items(), key=lambda item: item[0] != name):
            if agree(column, base_values):
                yield base, (base,)
        for base, base_values in fitting.items():
            for n, item in enumerate(items(base_values)):
                if agree(column, item):
                    yield f"{base}[{n}]", (base,)
        if is_size and name != "groups":
            return
        last = [base for base in fitting if base not in ENTERING] + [b for b in fitting if b in ENTERING]
        for base in last:
            for other in last:
                if other != base and agree(column, products(self.bases[base], self.bases[other])):
                    yield f"{base} * {other}", (base, other)
        if name in {"in_channels", "num_features"}:
            for base in ENTERING:
                code = surplus(base, column, fitting[base]) if base in fitting else ""
                if code:
                    yield code, (base,)
        for base in last:
            code = relation(base, column, self.bases[base])
            if code:
                yield code, (base,)

    def _paddings(self, column: Column) -> Iterator[tuple[str, tuple[str, ...]]]:
        kernels = self.bases.get("kernel_size")
        if kernels is not None and not is_constant(kernels) and agree(column, halves(kernels)):
            yield "kernel_size // 2", ("kernel_size",)

    def _parameter_for(self, child: str, name: str, column: Column) -> str:
        """A parameter of its own, or one that has the same values already."""
        for other in self.new:
            if (other in SIZES) == (name in SIZES) and other != "classes" and self._joined(other, column):
                return other
        whole = without_count(child)
        wanted = {"out_channels": "hidden_channels", "p": whole}.get(name, name)
        if name in {"in_channels", "num_features", "0"}:
            wanted = "channels"
        wanted = identifier(wanted)
        if wanted in {*self.bases, *self.new, *self.found.derived}:
            wanted = identifier(f"{whole}_{name}")
        unique = self._unique(wanted)
        self.new[unique] = column
        self.chosen[unique] = filled(column)
        return unique

    def _joined(self, other: str, column: Column) -> bool:
        """Whether a parameter of its own has no other values than a column, which it then stands for too."""
        joined = united(self.new[other], column)
        if joined is None:
            return False
        self.new[other] = joined
        self.chosen[other] = filled(joined)
        return True

    def _unique(self, wanted: str) -> str:
        taken = {*self.bases, *self.new, *self.found.derived}
        number, unique = 2, wanted
        while unique in taken:
            unique, number = f"{wanted}_{number}", number + 1
        return unique

    def _condition(self, child: str) -> str:
        present = tuple(child in mapping for mapping in self.template.children)
        for code, truth, needed in conditions(self.bases):
            if truth == present:
                for base in needed:
                    self._need(base)
                return code
        return self._parameter_for(child, without_count(child), present)

    def _exchange(self, child: str) -> None:
        """The parameter that holds the class of a child, `nn.Identity` where there is none."""
        classes: list[Code] = []
        for use, mapping in zip(self.template.uses, self.template.children, strict=True):
            made = use.children[mapping[child]].term if child in mapping else None
            classes.append(Code(made.function if isinstance(made, Call) else "nn.Identity"))
        column = tuple(classes)
        for other in self.new:
            if self._joined(other, column):
                self.found.exchanged[child] = other
                return
        name, number = "activation", 2
        while name in self.bases or name in self.new or name in self.template.pattern.children:
            name, number = f"activation_{number}", number + 1
        self.new[name] = column
        self.chosen[name] = column
        self.found.exchanged[child] = name

    def _derivable(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """The bases that are a multiple or a fraction of one before them: its code, and that one."""
        earlier: list[str] = []
        for name, column in self.bases.items():
            if name in SIZES or name in ENTERING or is_constant(column):
                continue
            code = next(
                ((code, base) for base in earlier if (code := relation(base, column, self.bases[base]))),
                None,
            )
            if code is not None:
                yield name, code
            else:
                earlier.append(name)
