"""Levels of one form -> one class: which children are always there, which in some uses only.

The use with the most steps is the pattern. Another fits it where it comes to the same steps once some of
the pattern's are left out, such as the projection of a shortcut, or where a layer without weights is
exchanged for another, such as an activation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cnnbuild.graph.nesting import Part, Path
from cnnbuild.source_code.terms import Call, Term, Value, form

MOST_LEFT_OUT = 3
COPIES = "*"
"""The name of the child that stands for a chain's leading copies 0, 1, 2, …"""


@dataclass(frozen=True, slots=True)
class Child:
    """What has a name in a level: how it is made, or by which operation it joins its inputs.

    `exchangeable` are layers without weights and without arguments, which other such layers may stand for.
    """

    name: str
    term: Term
    join: str = ""
    initial: tuple[tuple[str, Call], ...] = ()
    exchangeable: bool = False

    @property
    def form(self) -> object:
        """What it shares with the children of other levels that are made by the same line of code."""
        return (self.join, form(self.term), tuple((name, form(call)) for name, call in self.initial))


@dataclass(frozen=True, slots=True)
class Step:
    """One application of a child: tensors are numbered, the level's inputs first."""

    child: str
    sources: tuple[int, ...]
    borrowed: Path | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """One level, as a use of a class. `named` are the values that its parameters may be called by."""

    part: Part
    children: dict[str, Child]
    steps: tuple[Step, ...]
    output: int
    inputs: int
    named: dict[str, Value]


@dataclass(slots=True)
class Template:
    """A class: the use that is its pattern, and for each use which child stands for which of the pattern's.

    A child that a use does not have is missing in its mapping.
    """

    pattern: Use
    uses: list[Use] = field(default_factory=list)
    children: list[dict[str, str]] = field(default_factory=list)

    @property
    def optional(self) -> tuple[str, ...]:
        """The children that some use does not have, unless another layer may stand for them."""
        return tuple(
            name
            for name in self.pattern.children
            if any(name not in mapping for mapping in self.children) and name not in self.exchanged
        )

    @property
    def exchanged(self) -> tuple[str, ...]:
        """The children for which some use has another layer."""
        return tuple(
            name
            for name in self.pattern.children
            if any(mapping.get(name, name) != name for mapping in self.children)
        )


def templates_of(uses: Iterable[Use]) -> list[Template]:
    """As few classes as these uses need."""
    templates: list[Template] = []
    for use in sorted(uses, key=lambda use: -len(use.steps)):
        for template in templates:
            mapping = fitted(template.pattern, use)
            if mapping is not None:
                template.uses.append(use)
                template.children.append(mapping)
                break
        else:
            templates.append(Template(use, [use], [{name: name for name in use.children}]))
    return templates


def fitted(pattern: Use, use: Use) -> dict[str, str] | None:
    """Which child of a use stands for which of the pattern's, or None where it does not fit."""
    if pattern.inputs != use.inputs:
        return None
    applied = [step.child for step in pattern.steps]
    meant = {n: n for n in range(pattern.inputs)}  # the pattern's tensors -> the use's
    mapping: dict[str, str] = {}
    met, left_out = 0, 0
    for number, step in enumerate(pattern.steps, start=pattern.inputs):
        sources = tuple(meant[source] for source in step.sources)
        candidate = use.steps[met] if met < len(use.steps) else None
        if (
            candidate is not None
            and candidate.sources == sources
            and _stands_for(pattern, use, step, candidate)
        ):
            if mapping.setdefault(step.child, candidate.child) != candidate.child:
                return None
            meant[number] = use.inputs + met
            met += 1
        elif _may_be_left_out(pattern, step) and applied.count(step.child) == 1:
            meant[number] = sources[0]
            left_out += 1
        else:
            return None
    complete = met == len(use.steps) and meant[pattern.output] == use.output
    ordered = [mapping[name] for name in pattern.children if name in mapping] == list(use.children)
    return mapping if complete and ordered and left_out <= MOST_LEFT_OUT else None


def _stands_for(pattern: Use, use: Use, step: Step, candidate: Step) -> bool:
    if step.borrowed is not None or candidate.borrowed is not None:
        return step == candidate
    one, other = pattern.children[step.child], use.children[candidate.child]
    if one.name == other.name:
        return one.form == other.form
    return one.exchangeable and other.exchangeable and other.name not in pattern.children


def _may_be_left_out(pattern: Use, step: Step) -> bool:
    if step.borrowed is not None or step.child == COPIES:
        return False
    return len(step.sources) == 1 or pattern.children[step.child].join == "+"
