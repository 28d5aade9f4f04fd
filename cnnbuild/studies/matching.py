"""`match` of a study: every architecture at the same size, by one of its variables; or why that cannot be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cnnbuild.errors import Problems
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.match import Quantity, Reached, Solution, solve, variables_to_match
from cnnbuild.graph.match_scale import Sought
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.source import Plain
from cnnbuild.lang.study_amounts import said_at
from cnnbuild.lang.study_document import Combination, Match, in_words
from cnnbuild.lang.validation import Settings
from cnnbuild.layers.registry import Registry
from cnnbuild.texts import did_you_mean

WORDS: dict[Quantity, str] = {"parameters": "parameters", "macs": "multiply-adds"}
FACTORS = ("width", "widths", "channels")
"""What a variable of size is usually called: proposed first."""


class Matched(Settings):
    """What `match` chose for one architecture on one data set at one point of the grid."""

    architecture: str
    dataset: str
    setting: str
    quantity: Quantity
    variable: str
    value: int | float | tuple[int, ...]
    count: int
    target: int
    within: float

    @property
    def deviation(self) -> float:
        """By which share of the target the count is above it."""
        return self.count / self.target - 1

    @property
    def choice(self) -> str:
        """The variable with its value, such as "width 31"."""
        return f"{self.variable} {value_text(self.value)}"

    def __str__(self) -> str:
        return f"{self.choice}: {self.count:,} {WORDS[self.quantity]} ({percent(self.deviation)})"


def value_text(value: Sought) -> str:
    """The value of a matched variable as a file would have it."""
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else f"{value:.15g}"


def matched_on(matched: Sequence[Matched]) -> str:
    """What all networks were matched on, as a line; empty where none was."""
    if not matched:
        return ""
    first = matched[0]
    return f"Matched on {WORDS[first.quantity]}: {first.target:,} within {_plain_percent(first.within)}"


_Key: TypeAlias = tuple[str, str | None, str, DataContract]


@dataclass
class Matcher:
    """Solves each network once, for all points of the grid that it is the same at."""

    match: Match
    problems: Problems
    registry: Registry | None
    solved: dict[_Key, Solution | None] = field(default_factory=dict)

    def choose(
        self,
        combination: Combination,
        document: ArchitectureDocument,
        contract: DataContract,
        overrides: Mapping[str, Plain],
    ) -> Matched | None:
        """What the variable must be, or None after the reason why it cannot be matched was added.

        Raises:
            DocumentError: no value of the variable fits the network; its faults are those of elaboration.
        """
        match, by = self.match, self.match.by
        told = _told(combination)
        if (given := next((v for v in combination.variables if v.name == by), None)) is not None:
            message = f"'{by}' is given a value here, and 'match' ({said_at(match.place)}) solves for it"
            self.problems.add(message, given.place, help="remove one of the two")
            return None
        known = variables_to_match(document, contract, variant=combination.variant, overrides=overrides)
        if by not in known:
            self._refuse(*_no_such_variable(document, by, known, told))
            return None
        solution = self._solve(combination, document, contract, overrides)
        if solution is None:
            variant, placed = combination.variant, combination.placed(overrides, self.match.place)
            elaborate(document, contract, variant=variant, overrides=placed, registry=self.registry)
            self._refuse(f"{told}: no value of {by} was found that fits", "match by another variable")
            return None
        if not abs(solution.deviation) <= match.within:
            self._refuse(*_out_of_reach(match, solution, told))
            return None
        return Matched(
            architecture=combination.architecture,
            dataset=combination.dataset.label,
            setting=combination.setting,
            quantity=match.quantity,
            variable=by,
            value=solution.best.value,
            count=solution.best.count,
            target=match.target,
            within=match.within,
        )

    def _solve(
        self,
        combination: Combination,
        document: ArchitectureDocument,
        contract: DataContract,
        overrides: Mapping[str, Plain],
    ) -> Solution | None:
        variables = repr(sorted(overrides.items()))
        key = (str(combination.file), combination.variant, variables, contract)
        if key not in self.solved:
            self.solved[key] = solve(
                document,
                contract,
                by=self.match.by,
                quantity=self.match.quantity,
                target=self.match.target,
                variant=combination.variant,
                overrides=overrides,
                registry=self.registry,
            )
        return self.solved[key]

    def _refuse(self, message: str, help_text: str) -> None:
        self.problems.add(message, self.match.place, help=help_text)


def _told(combination: Combination) -> str:
    """Which network; of its point of the grid only what makes it another one."""
    point = [f"{one.short}={in_words(one.value)}" for one in combination.grid if one.path.startswith("vars.")]
    named = f" ({', '.join(point)})" if point else ""
    return f"{combination.architecture} on {combination.dataset.label}{named}"


def _no_such_variable(
    document: ArchitectureDocument, by: str, known: Mapping[str, Sought], told: str
) -> tuple[str, str]:
    if by in document.vars:
        message = f"{told}: the variable '{by}' of {document.file} is no number, nor a list of whole numbers"
    else:
        message = f"{told}: {document.file} has no variable '{by}'"
    if not known:
        return message, "it has no variable with a number: give it one that its sizes depend on"
    usual = [name for name in FACTORS if name in known]
    hint = f"match by {usual[0]}" if usual else did_you_mean(by, known)
    listed = f"variables with numbers: {', '.join(known)}"
    return message, f"{hint}; {listed}" if hint else listed


def _out_of_reach(match: Match, solution: Solution, told: str) -> tuple[str, str]:
    """Why no value comes near enough, and what would help."""
    noun, by = WORDS[match.quantity], match.by
    if not solution.varies:
        return (
            f"{told}: '{by}' does not change the {noun}, {solution.best.count:,}",
            "match by another variable",
        )
    nearest = [one for one in (solution.below, solution.above) if one is not None]
    listed = " and ".join(_reached_text(one, match) for one in nearest)
    which = f"the nearest is {listed}" if len(nearest) == 1 else f"the nearest are {listed}"
    message = f"{told}: no {by} gives {match.target:,} {noun} within {_plain_percent(match.within)}; {which}"
    needed = math.ceil(1000 * abs(solution.deviation)) / 1000
    target = f"a target that this network reaches, such as {solution.best.count:,}"
    return message, f"take {target}" if needed >= 1 else f"write `within: {needed:g}`, or take {target}"


def _reached_text(reached: Reached, match: Match) -> str:
    return (
        f"{match.by} {value_text(reached.value)} with {reached.count:,} "
        f"({percent(reached.count / match.target - 1)})"
    )


def percent(share: float) -> str:
    """A share with its sign, in per cent; what would be shown as zero has no sign."""
    text = f"{100 * share:+.1f}"
    return f"{text.lstrip('+-') if float(text) == 0 else text} %"


def _plain_percent(share: float) -> str:
    return f"{100 * share:.10g} %"
